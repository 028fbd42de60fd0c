"""This file tests the list of runs and their comparison on folders written by hand."""

from pathlib import Path

import pytest

from descend import evidence
from descend.errors import RunError
from descend.run import RunFolder, write_json
from descend.show import Silent
from descend.workflow.runs import compare, find_run, runs, show_comparison, show_runs


def write_run(root: Path, name: str, seed: int, accuracy: float | None) -> RunFolder:
    folder = RunFolder(root / name)
    folder.path.mkdir(parents=True)
    folder.write_recipe(
        {
            "source": {"data": "digits"},
            "training": {"task": "classify", "model": "cnn", "seed": seed, "augment": ["crop"]},
            "versions": {"torch": name},
        }
    )
    if accuracy is None:
        file = evidence.EvidenceFile(folder.evidence_file)
        file.append(evidence.Update(7, 0, "model", 0.5, 0.1))
        file.append(evidence.Evaluation(7, "validation", {"accuracy": 0.25}))
        file.close()
    else:
        result = {"metrics": {"test": {"accuracy": accuracy}}, "seconds": {"total": 3.5}}
        write_json(folder.result_file, result)
    return folder


def test_runs_are_listed_with_their_state_and_scores(tmp_path: Path) -> None:
    write_run(tmp_path, "b-1", 1, 0.75)
    write_run(tmp_path, "a-1", 0, None)
    (tmp_path / "something else").mkdir()
    stopped, done = runs(tmp_path)
    assert (stopped.name, stopped.state) == ("a-1", "stopped at step 7")
    assert stopped.metrics == {"validation": {"accuracy": 0.25}}
    assert (done.name, done.state, done.seconds) == ("b-1", "done", 3.5)
    show_runs([stopped, done], Silent())


def test_a_comparison_shows_only_what_differs(tmp_path: Path) -> None:
    one, two = write_run(tmp_path, "a-1", 0, 0.5), write_run(tmp_path, "a-2", 1, 0.75)
    found = compare(one.path, two.path)
    assert found.settings == {"seed": [0, 1]}
    assert found.metrics == {"test accuracy": [0.5, 0.75]}
    show_comparison(found, Silent())


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no folder of runs at"):
        runs(tmp_path / "none")


def test_a_run_is_found_by_its_name_or_the_nearest_is_told(tmp_path: Path) -> None:
    write_run(tmp_path, "digits-1", 0, 0.5)
    assert find_run("digits-1", tmp_path) == tmp_path / "digits-1"
    with pytest.raises(RunError, match="did you mean 'digits-1'"):
        find_run("digit-1", tmp_path)


@pytest.mark.parametrize("content", ["[1]", "{", '{"metrics": 3}'])
def test_a_damaged_run_is_listed_as_such_beside_the_others(content: str, tmp_path: Path) -> None:
    write_run(tmp_path, "a-1", 0, 0.5).result_file.write_text(content)
    write_run(tmp_path, "b-1", 1, 0.75)
    damaged, whole = runs(tmp_path)
    assert damaged.state.startswith("damaged: ") and whole.state == "done"
    show_runs([damaged, whole], Silent())
