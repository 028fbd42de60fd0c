"""A killed training, resumed, is bit-equal to one never killed: real SIGKILLs of the command."""

import random
from pathlib import Path
from typing import Any

import pytest

from tests.crash.killing import ALWAYS, NEVER, OFTEN, Case, WarmParent, assert_equal_runs, step_of

EVALUATION = "descend.tasks._supervised:Supervised.evaluate"  # two calls come before step 1
STEPS = 110
IMAGES = (
    "--model", "lenet5", "--batch-size", "16", "--budget", f"{STEPS} steps", "--plan", "off",
    "--threads", "1", "--no-baseline", "--checkpoint-minutes", OFTEN,
)  # fmt: skip
PLAIN = ("--augment", "none", "--image-size", "16")
TABLE = (
    "--target", "price", "--batch-size", "16", "--budget", "900 steps", "--plan", "off",
    "--threads", "1", "--no-baseline", "--checkpoint-minutes", OFTEN,
)  # fmt: skip
# What is trained, and how; each kind keeps state or draws numbers in a way of its own.
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "workers": ("images", (*IMAGES, *PLAIN, "--workers", "3")),
    "augmentation": ("images", (*IMAGES, "--image-size", "16", "--augment", "crop,rotation,mixup")),
    "ema": ("images", (*IMAGES, *PLAIN, "--ema", "0.3")),
    "accumulation": ("images", (*IMAGES, *PLAIN, "--accumulation", "3", "--clip-norm", "1")),
    "bf16": ("images", (*IMAGES, *PLAIN, "--precision", "bf16", "--optim", "sgd")),
    "resnet": (
        "images",
        (
            *IMAGES,
            *PLAIN,
            "--model",
            "resnet18-cifar",
            "--budget",
            "30 steps",
            "--optim",
            "rmsprop",
        ),
    ),
    "threads": ("images", (*IMAGES, *PLAIN, "--model", "cnn", "--threads", "2")),
    "dropout": ("table", (*TABLE, "--dropout", "0.2", "--ema", "0.2", "--patience", "0")),
    "early-stopping": ("table", (*TABLE, "--patience", "3", "--learning-rate", "0.02")),
}
TO_THE_REPORT = {"early-stopping"}  # the others are compared by their last checkpoint: faster
BY_DEFAULT = ("workers", "augmentation", "ema", "accumulation", "bf16", "early-stopping")


def case_of(kind: str, parent: WarmParent, folder: Path, data: dict[str, Path]) -> Case:
    name, words = KINDS[kind]
    last = 25 if kind == "resnet" else STEPS - 7  # not an epoch's end
    ends = () if kind in TO_THE_REPORT else ("--stop-after", str(last))
    return Case(parent, folder, (data[name], *words), ends)


@pytest.fixture
def data(images: Path, table: Path) -> dict[str, Path]:
    return {"images": images, "table": table}


def last_step(run: Path) -> int:
    return step_of(run.parent)


def kill_and_compare(case: Case, kills: int, seed: int) -> None:
    whole = case.train_whole()
    most = max(2, int(0.7 * last_step(whole)))
    steps = sorted(random.Random(seed).sample(range(1, most + 1), kills))
    case.kill_at(steps[0])
    for step in steps[1:]:
        if step > case.kills[-1]:  # else the kill before came late
            case.kill_at(step, resume=True)
    case.resume_to_the_end()
    assert_equal_runs(whole, case.killed)


@pytest.mark.parametrize("kind", BY_DEFAULT)
def test_a_run_killed_at_a_random_step_resumes_bit_equal(
    kind: str, parent: WarmParent, place: Path, data: dict[str, Path]
) -> None:
    kill_and_compare(case_of(kind, parent, place, data), 1, seed=len(kind))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_killed_again_and_again_resumes_bit_equal(
    kind: str, seed: int, parent: WarmParent, place: Path, data: dict[str, Path]
) -> None:
    kill_and_compare(case_of(kind, parent, place, data), 1 + seed, seed)


def test_a_killed_run_from_a_recipe_is_bit_equal_to_the_run_the_recipe_is_of(
    parent: WarmParent, place: Path, images: Path
) -> None:
    derived = (images, "--budget", "60 steps", "--threads", "1", "--no-baseline")
    ends = ("--stop-after", "50")
    whole = Case(parent, place, derived, ends).train_whole()
    case = Case(parent, place, ("--recipe", whole / "recipe.toml"), ends)
    case.kill_at(17)
    assert "starting again from the recipe" in case.resume_to_the_end()
    assert_equal_runs(whole, case.killed)


@pytest.mark.slow
def test_a_run_in_channels_last_layout_resumes_bit_equal(
    parent: WarmParent, place: Path, images: Path
) -> None:
    words = (images, *IMAGES, *PLAIN, "--model", "cnn", "--ema", "0.5", "--budget", "60 steps")
    ends = ("--stop-after", "50")
    recipe = Case(parent, place, words, ends).train_whole() / "recipe.toml"
    chosen = recipe.read_text().replace("channels_last = false", "channels_last = true")
    assert "channels_last = true" in chosen
    (place / "recipe.toml").write_text(chosen)
    case = Case(parent, place, ("--recipe", place / "recipe.toml"), ends)
    whole = case.train_whole()
    case.kill_at(20)
    case.resume_to_the_end()
    assert_equal_runs(whole, case.killed)


def image_case(parent: WarmParent, folder: Path, images: Path, *more: str) -> Case:
    return Case(
        parent,
        folder,
        (images, *IMAGES, *PLAIN, "--checkpoint-minutes", ALWAYS, *more),
        ("--stop-after", "40"),
    )


# Where a checkpoint is being written: the call that the process stands still at, and is killed.
DURING_A_WRITE: dict[str, dict[str, Any]] = {
    "after the evidence, before the checkpoint": {
        "place": "descend.training.checkpoint:save", "call": 5},
    "between two files": {"place": "descend.training.checkpoint:save_tensors", "call": 19},
    "before the checksums": {"place": "descend.training.checkpoint:_sealed", "call": 5},
    "before the rename": {"place": "descend.training.checkpoint:sync_folder", "call": 9},
    "after the rename": {"place": "descend.training.checkpoint:sync_folder", "call": 10},
    "before the pruning": {"place": "descend.training.checkpoint:_prune", "call": 5},
    "before the first rename": {"place": "descend.training.checkpoint:sync_folder", "call": 1},
    "before the best model's rename": {
        "place": "descend.workflow.model_folder:save_tensors", "call": 2, "after": True},
    "after the best model's rename": {
        "place": "descend.workflow.model_folder:sync_folder", "call": 2, "after": True},
    "during an evaluation": {"place": EVALUATION, "call": 3},
}  # fmt: skip
WRITES_BY_DEFAULT = ("between two files", "after the best model's rename", "during an evaluation")


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(where, marks=() if where in WRITES_BY_DEFAULT else pytest.mark.slow)
        for where in DURING_A_WRITE
    ],
)
def test_a_run_killed_during_a_write_resumes_bit_equal(
    where: str, parent: WarmParent, place: Path, images: Path
) -> None:
    case = image_case(parent, place, images)
    whole = case.train_whole()
    case.kill_at_pause(case.start(pause=case.pausing_at(**DURING_A_WRITE[where])))
    case.resume_to_the_end()
    assert_equal_runs(whole, case.killed)


def test_a_run_killed_before_its_first_checkpoint_restarts_from_its_recipe(
    parent: WarmParent, place: Path, images: Path
) -> None:
    case = image_case(parent, place, images, "--checkpoint-minutes", NEVER)
    whole = case.train_whole()
    case.kill_at(3)
    assert not (case.killed / "checkpoints").exists()
    assert "starting again from the recipe" in case.resume_to_the_end()
    assert_equal_runs(whole, case.killed)


# Where the last lap is killed, after training.
DURING_THE_END: dict[str, dict[str, Any]] = {
    "before the predictions": {"place": "descend.workflow.finish:write_predictions"},
    "before the result": {"place": "descend.workflow.finish:write_json"},
    "before the report": {"place": "descend.workflow.finish:write_report"},
}


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(where, marks=() if where == "before the result" else pytest.mark.slow)
        for where in DURING_THE_END
    ],
)
def test_a_run_killed_during_its_end_comes_to_the_same_end(
    where: str, parent: WarmParent, place: Path, table: Path
) -> None:
    case = Case(parent, place, (table, *TABLE, "--budget", "60 steps"), ())
    whole = case.train_whole()
    case.kill_at_pause(case.start(pause=case.pausing_at(**DURING_THE_END[where])))
    case.resume_to_the_end()
    assert_equal_runs(whole, case.killed)


def test_a_run_killed_while_it_makes_its_folder_leaves_none(
    parent: WarmParent, place: Path, images: Path
) -> None:
    case = image_case(parent, place, images)
    case.train_whole()
    case.kill_at_pause(case.start(pause=case.pausing_at("descend.run:RunFolder.write_recipe")))
    assert [path.name[0] for path in (place / "killed").iterdir()] == ["."]
    assert "no runs" in parent.run("runs", "list", place / "killed")
