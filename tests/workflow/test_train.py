"""From data to a reported run, and what a user is told on the way."""

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors.torch import load_file

from descend import evidence
from descend.errors import DataError, SettingError
from descend.workflow.resume import resume
from descend.workflow.train import train
from descend.workflow.trained import Run

QUICK: dict[str, Any] = {
    "budget": "60 steps", "plan": "off", "threads": 1, "baseline": False, "augment": "none",
}  # fmt: skip


class Heard:
    """Keeps what was said."""

    def __init__(self) -> None:
        self.text: list[str] = []

    def say(self, text: str) -> None:
        self.text.append(text)

    def table(self, title: str, columns: Any, rows: Any) -> None:
        self.text.append(f"{title}: {columns} {rows}")

    def begin(self, total_steps: int, unit: str) -> None:
        self.text.append(f"begin {total_steps} {unit}")

    def advance(self, step: int, epoch: int, *values: Any, **more: Any) -> None:
        pass

    def end(self) -> None:
        self.text.append("end")


def quick(runs: Path, data: str = "digits", **settings: Any) -> Run:
    return train(data, **{"runs": str(runs), **QUICK, **settings})


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list[str]]:
    heard = Heard()
    runs = tmp_path_factory.mktemp("runs")
    return train("digits", show=heard, **{"runs": str(runs), **QUICK}), heard.text


def weights(run: Run) -> dict[str, Any]:
    return load_file(run.folder.model / "weights.safetensors")


def same_weights(a: Run, b: Run) -> bool:
    one, other = weights(a), weights(b)
    return all(np.array_equal(one[key].numpy(), other[key].numpy()) for key in one)


def test_a_run_folder_holds_all_that_is_promised(digits: tuple[Run, list[str]]) -> None:
    folder = digits[0].folder
    assert folder.report_file.stat().st_size > 10_000
    assert {"validation", "test"} == set(pl.read_parquet(folder.predictions_file)["split"])
    assert list(folder.tensorboard.iterdir()) and list(folder.checkpoints.iterdir())
    recipe = tomllib.loads(folder.recipe_file.read_text())
    assert recipe["training"]["model"] == "cnn" and recipe["horizon"]["steps"] == 60
    assert recipe["plan"]["threads"] == 1 and recipe["versions"]["torch"]


def test_the_result_is_what_the_design_promises(digits: tuple[Run, list[str]]) -> None:
    result = digits[0].result
    json.dumps(result)
    assert result["task"] == "classify" and result["metrics"]["test"]["accuracy"] > 0.8
    assert {"data", "train", "total"} <= set(result["seconds"])
    assert result["images_per_second"] > 0 and result["findings"] == []


def test_everything_is_said_before_step_1(digits: tuple[Run, list[str]]) -> None:
    heard = digits[1]
    before = "\n".join(heard[: next(i for i, t in enumerate(heard) if t.startswith("begin"))])
    for word in ("classes", "split: train", "task: classify", "parameters", "batch: ",
                 "updates", "because", "plan: ", "forecast: about"):  # fmt: skip
        assert word in before, word


def test_every_record_of_the_evidence_has_a_step(digits: tuple[Run, list[str]]) -> None:
    lines = digits[0].folder.evidence_file.read_text().splitlines()
    assert all("step" in json.loads(line) for line in lines)
    records = evidence.read(digits[0].folder.evidence_file)
    updates = evidence.select(records, evidence.Update)
    assert updates[-1].step == 60 and updates[-1].loss < updates[0].loss


def test_the_recipe_of_a_run_reproduces_it_to_the_bit(
    digits: tuple[Run, list[str]], tmp_path: Path
) -> None:
    again = train(recipe=digits[0].folder.recipe_file, runs=str(tmp_path))
    assert same_weights(digits[0], again)
    assert again.metrics == digits[0].metrics


def test_a_stopped_run_resumes_to_the_same_result(
    digits: tuple[Run, list[str]], tmp_path: Path
) -> None:
    stopped = quick(tmp_path, stop_after=23)
    assert not stopped.finished
    resumed = resume(stopped.path)
    assert resumed.finished and same_weights(digits[0], resumed)
    assert resumed.metrics == digits[0].metrics
    assert resume(stopped.path).metrics == resumed.metrics  # nothing left to do


def test_settings_said_are_kept_and_others_derived(tmp_path: Path) -> None:
    run = quick(
        tmp_path, model="lenet5", image_size=28, optim="sgd", momentum="0.5", batch_size="50",
        schedule="constant", clip_norm=1.0, accumulation=2, ema=0.5, precision="bf16", name="mine",
    )  # fmt: skip
    recipe = run.folder.recipe()
    assert run.path.name == "mine" and recipe["optim"]["momentum"] == 0.5
    assert recipe["training"]["batch_size"] == 50 and recipe["plan"]["precision"] == "bf16"


def test_mixing_augmentations_and_balanced_classes_train(tmp_path: Path) -> None:
    run = quick(tmp_path, augment="crop,mixup,cutout", class_weights="balanced", budget="8 steps")
    assert set(run.folder.recipe()["augment"]) >= {"mixup_alpha"}


def test_folds_give_each_example_one_unseen_prediction(tmp_path: Path) -> None:
    run = quick(tmp_path, folds=3, budget="20 steps")
    predictions = pl.read_parquet(run.folder.predictions_file)
    assert predictions["name"].n_unique() == len(predictions) > 1000
    assert len(run.result["folds"]) == 3
    assert "accuracy_deviation" in run.metrics["validation"]
    assert (run.path / "fold-1").is_dir()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rat": 1}, "did you mean 'learning_rate'"),
        ({"learning_rate": -1}, "'learning_rate': got -1, expected greater than 0"),
        ({"budget": "3"}, "expected a duration with a unit"),
        ({"model": "lenet"}, "did you mean 'lenet5'"),
        ({"momentum": 0.9, "optim": "adamw"}, "belongs to optim"),
        ({"device": "cuda:9"}, "this machine has"),
        ({"threads": 1024}, "'threads': 1024; expected at most"),
        ({"threads": 100_000}, "'threads': got 100000, expected less than"),
        ({"group": "1"}, "--group names a column of a table"),
        ({"loss": "squared_error"}, "choose cross_entropy"),
        ({"model": "lenet5"}, "12"),
        ({"task": "regress"}, "regress"),
    ],
)
def test_a_wrong_setting_is_one_line_and_leaves_no_folder(
    settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match=message) as raised:
        quick(tmp_path / "runs", **settings)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


def test_a_change_of_images_is_refused_for_a_table(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,y\n" + "1,u\n2,v\n" * 30)
    with pytest.raises(SettingError, match=r"'augment': flip changes images, but .* a table"):
        quick(tmp_path / "runs", data=str(tmp_path / "a.csv"), target="y", augment="flip")


def test_data_that_are_not_there_leave_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        quick(tmp_path / "runs", data=str(tmp_path / "nowhere"))
    assert not (tmp_path / "runs").exists()


def test_an_edited_recipe_gets_a_length_of_its_own(
    digits: tuple[Run, list[str]], tmp_path: Path
) -> None:
    text = digits[0].folder.recipe_file.read_text()
    edited = tmp_path / "mine.toml"
    edited.write_text(text.replace('budget = "60 steps"', 'budget = "9 steps"'))
    heard = Heard()
    run = train(recipe=edited, runs=str(tmp_path), show=heard)
    assert run.result["steps"] == 9
    assert any("recipe was edited" in said for said in heard.text)


def test_a_derived_budget_that_takes_too_long_is_cut_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("descend.workflow.preparation.PATIENT_SECONDS", 0.5)
    settings = {name: value for name, value in QUICK.items() if name != "budget"}
    run = train("digits", runs=str(tmp_path), **settings)
    recipe = run.folder.recipe()
    assert recipe["training"]["budget"] == f"{recipe['horizon']['steps']} steps"
    assert "cut to about" in recipe["because"]["budget"]
