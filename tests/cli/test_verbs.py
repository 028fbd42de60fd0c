"""This file runs the verbs as a person would, on a training of a few steps."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from descend.cli import _app

FEW_STEPS = ["--model", "linear", "--budget", "6 steps", "--plan", "off", "--no-baseline"]
FEW_STEPS += ["--augment", "none"]
Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("place")


@pytest.fixture(autouse=True)
def inside(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def answer(capsys: Captured, *arguments: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = _app.run([*arguments, "--json"])
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    value: dict[str, Any] = json.loads(out)
    return code, value


@pytest.fixture(scope="module")
def trained(place: Path) -> Path:
    before = Path.cwd()
    os.chdir(place)
    try:
        assert _app.run(["train", "digits", *FEW_STEPS, "--quiet"]) == 0
    finally:
        os.chdir(before)
    return place / "runs" / "digits-linear-1"


def test_train_says_everything_and_ends_with_the_report(
    trained: Path, capsys: Captured, tmp_path: Path
) -> None:
    assert _app.run(["train", "digits", *FEW_STEPS, "--runs", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].endswith("report.html")
    assert "classify" in out and "6 updates" in out
    assert "step 6/6" in err


def test_train_answers_json_with_the_names_of_the_design(capsys: Captured, tmp_path: Path) -> None:
    code, value = answer(capsys, "train", "digits", *FEW_STEPS, "--runs", str(tmp_path))
    assert code == 0
    assert {"run", "task", "metrics", "seconds", "images_per_second", "plan", "findings"} <= set(
        value
    )
    assert 0 <= value["metrics"]["test"]["accuracy"] <= 1
    assert {"data", "train", "total"} <= set(value["seconds"])


def test_a_run_stopped_on_purpose_says_so_and_is_resumed(capsys: Captured, tmp_path: Path) -> None:
    runs = ["--runs", str(tmp_path)]
    code, value = answer(capsys, "train", "digits", *FEW_STEPS, *runs, "--stop-after", "3")
    assert (code, value["finished"]) == (0, False)
    code, value = answer(capsys, "resume", value["run"])
    assert (code, value["steps"]) == (0, 6)


def test_a_recipe_trains_the_same_again(trained: Path, capsys: Captured, tmp_path: Path) -> None:
    recipe = str(trained / "recipe.toml")
    code, again = answer(capsys, "train", "--recipe", recipe, "--runs", str(tmp_path))
    before = json.loads((trained / "result.json").read_text())
    assert (code, again["metrics"]) == (0, before["metrics"])


def test_runs_lists_and_compares(trained: Path, capsys: Captured) -> None:
    _, value = answer(capsys, "runs")
    assert [run["name"] for run in value["runs"]] == [trained.name]
    _, value = answer(capsys, "runs", "compare", trained.name, trained.name)
    assert value["settings"] == {}


def test_evaluate_gives_the_scores_of_the_training_again(trained: Path, capsys: Captured) -> None:
    code, value = answer(capsys, "evaluate", str(trained))
    before = json.loads((trained / "result.json").read_text())["metrics"]["test"]
    assert (code, value["metrics"]["test"]["accuracy"]) == (0, before["accuracy"])


@pytest.mark.slow
def test_export_writes_a_network_that_was_checked(
    trained: Path, capsys: Captured, tmp_path: Path
) -> None:
    arguments = ["--formats", "pt2", "--folder", str(tmp_path / "out")]
    code, value = answer(capsys, "export", str(trained), *arguments)
    assert code == 0 and value["largest_difference"]["pt2"] <= value["tolerance"]
    assert (tmp_path / "out" / "model.pt2").is_file()


@pytest.fixture(scope="module")
def picture(place: Path) -> Path:
    path = place / "a picture.png"
    Image.fromarray(np.full((8, 8), 128, np.uint8)).save(path)
    return path


def test_predict_writes_a_table_for_programs_and_says_the_rest_on_stderr(
    trained: Path, picture: Path, place: Path, capsys: Captured
) -> None:
    (place / "empty.png").touch()
    assert _app.run(["predict", str(trained), str(picture), "empty.png"]) == 0
    out, err = capsys.readouterr()
    header, row = out.splitlines()
    assert header.startswith("name,predicted,probability 0,")
    assert "a picture.png" in row and "empty.png" in err


def test_predict_answers_json_or_writes_a_file(
    trained: Path, picture: Path, capsys: Captured, tmp_path: Path
) -> None:
    code, value = answer(capsys, "predict", str(trained), str(picture))
    assert (code, value["count"], len(value["predictions"])) == (0, 1, 1)
    file = tmp_path / "answers.parquet"
    code, value = answer(capsys, "predict", str(trained), str(picture), "--output", str(file))
    assert (code, value["predictions"]) == (0, str(file))
    assert file.is_file()


def test_parquet_is_not_written_to_a_screen(trained: Path, picture: Path, capsys: Captured) -> None:
    code, value = answer(capsys, "predict", str(trained), str(picture), "--format", "parquet")
    assert code == 2 and "--output" in value["error"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "nowhere"], "nowhere"),
        (["train"], "nothing to train on"),
        (["train", "digits", "--budget", "3"], "'budget': got '3', expected a duration"),
        (["train", "digits", "--model", "lenet"], "did you mean 'lenet5'"),
        (["train", "digits", "--model", "linear", "--dropout", "0.5"], "'dropout' belongs to"),
        (["train", "digits", "--batchsize", "4"], "did you mean '--batch-size'"),
        (["train", "--recipe", "none.toml"], "none.toml"),
        (["resume", "runs/none"], "no such run folder"),
        (["runs", "lsit"], "did you mean 'list'"),
        (["runs", "compare", "one"], "two runs"),
    ],
)
def test_a_wrong_request_is_one_line_and_leaves_no_run_folder(
    capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    arguments: list[str], expected: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert _app.run(arguments) == 2
    out, err = capsys.readouterr()
    assert expected in err and err.count("\n") == 1
    assert "Traceback" not in out + err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_signal_ends_the_step_saves_and_prints_how_to_go_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-m", "descend", "train", "digits", *FEW_STEPS]
    command += ["--budget", "1000000 steps", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        evidence = tmp_path / "runs" / "digits-linear-1" / "evidence.jsonl"
        deadline = time.monotonic() + 60
        while not (evidence.is_file() and b'"update"' in evidence.read_bytes()):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(number)
        out, err = process.communicate()
    assert process.returncode == 128 + number
    assert json.loads(out)["exit_code"] == 128 + number
    assert "descend resume" in err and "Traceback" not in err
    assert list((tmp_path / "runs").glob("*/checkpoints/step-*"))
