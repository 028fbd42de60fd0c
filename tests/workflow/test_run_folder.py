"""What a run folder is called, and what is said when its files were changed by hand or damaged."""

import shutil
from dataclasses import fields
from pathlib import Path

import pytest

from descend import run
from descend.errors import RunError, UserError
from descend.training.horizon import Horizon
from descend.training.plan import Plan
from descend.workflow import recipe
from descend.workflow.resume import resume
from descend.workflow.train import train
from descend.workflow.trained import Run
from tests.workflow import trained_runs as made


def test_a_given_name_is_taken_exactly_when_it_is_free(tmp_path: Path) -> None:
    given = [run.create(tmp_path, "cal", exact=True).name for _ in range(3)]
    derived = [run.create(tmp_path, "rows-mlp").name for _ in range(2)]
    assert given == ["cal", "cal-2", "cal-3"] and derived == ["rows-mlp-1", "rows-mlp-2"]


def test_a_diverged_training_says_so_and_its_resume_says_the_same(tmp_path: Path) -> None:
    data = made.mail(tmp_path / "mail.csv")
    said = r"the loss became .* by step .*--learning-rate"
    with pytest.raises(RunError, match=said):
        made.quick(tmp_path, data, "far", target="kind", learning_rate=1e30)
    for _ in range(2):
        with pytest.raises(RunError, match=said):
            resume(tmp_path / "runs" / "far")


@pytest.fixture(scope="module")
def stopped_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    place = tmp_path_factory.mktemp("stopped")
    return made.quick(place, made.mail(place / "mail.csv"), "one", target="kind", stop_after=5)


@pytest.fixture
def stopped(stopped_run: Run, tmp_path: Path) -> Run:
    """A copy that may be changed."""
    return Run(Path(shutil.copytree(stopped_run.path, tmp_path / "runs" / "one")))


def test_a_recipe_records_the_fields_of_plan_and_horizon() -> None:
    for name, cls in (("plan", Plan), ("horizon", Horizon)):
        assert list(recipe.RECORDED_FIELDS[name]) == [field.name for field in fields(cls)]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("batch_size = 16", "batch_size = 8", "was edited after its run began"),
        ("seed = 0", "seed = 1", "was edited after its run began"),
        ("steps = 20", "steps = 40", "was edited after its run began"),
        ("steps = 20", "steps = 'many'", "'steps' in .horizon. is 'many', expected a whole number"),
        ("steps = 20", "stepz = 20", "unknown 'stepz' in .horizon.; did you mean 'steps'"),
        ("threads = 1\n\n", "threads = true\n\n", "expected a whole number|got true"),
        ('device = "cpu"', "device = 3", "'device' in .plan. is 3, expected text"),
        ("[plan]", "[plan]\nprecizion = 1", "unknown 'precizion' in .plan."),
        ("[source]", "source = 'x'\n[sauce]", "'source' is 'x', expected a section"),
        ("[source]", "source = [1]\n[sauce]", "'source' is .1., expected a section"),
    ],
)
def test_an_edited_recipe_is_one_line(before: str, after: str, said: str, stopped: Run) -> None:
    text = stopped.folder.recipe_file.read_text()
    assert before in text
    stopped.folder.recipe_file.write_text(text.replace(before, after, 1))
    with pytest.raises(UserError, match=said) as found:
        resume(stopped.path)
    assert "recipe.toml" in str(found.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed = true", "setting 'seed': got true, expected a whole number"),
        ("budget = 5", "expected a duration with a unit|a duration with a unit"),
        ("[a]\nseed = 1\n[b]\nseed = 2", "says 'seed' twice: 1 and 2"),
        ("optim = 'sgd'\nmomentum = 'much'", "setting 'momentum': got 'much'"),
        ("source = 'x'", "'source' is 'x', expected a section"),
        ("sead = 1", "did you mean 'seed'"),
    ],
)
def test_an_impossible_recipe_is_one_line_that_names_it(
    text: str, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(UserError, match=said) as found:
        train("digits", recipe=file, runs=str(tmp_path / "runs"))
    assert str(file) in str(found.value)


@pytest.mark.parametrize("edit", [("precision", "precisiom"), ("fp32", "bf16"), ("{", "[{")])
def test_an_edited_card_of_the_model_is_one_line(edit: tuple[str, str], stopped: Run) -> None:
    resume(stopped.path)
    card = stopped.folder.model / "model.json"
    card.write_text(card.read_text().replace(*edit, 1))
    with pytest.raises(RunError, match=r"model\.json"):
        stopped.evaluate()


def test_a_finished_run_without_its_model_is_not_called_finished(tmp_path: Path) -> None:
    quick = {"budget": "20 steps", "plan": "off", "threads": 1, "baseline": False}
    run = train("digits", runs=str(tmp_path), augment="none", **quick)
    shutil.rmtree(run.folder.model)
    assert resume(run.path).finished
    assert (run.folder.model / "weights.safetensors").is_file()
