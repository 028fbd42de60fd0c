"""Baselines are honest, fast and repeatable, and the verdict says who won."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from descend.data.examples import Prepared, Split, TargetKind, Targets
from descend.forms import Form, ImageForm, TableForm
from descend.metrics._predictions import Predictions
from descend.tasks._baselines import TREES, Baseline, as_predictions, baselines, rows, verdict

SIZES = {"train": 400, "validation": 150, "test": 150}


@dataclass(frozen=True)
class Fitted:
    form: Form

    def to_json(self) -> dict[str, object]:
        return {}


def table(kind: TargetKind, names: tuple[str, ...], seed: int = 0) -> Prepared:
    """Two numbers and a category; the target depends on their product and on the category."""
    splits = {}
    for code, (name, size) in enumerate(SIZES.items()):
        generator = np.random.default_rng(seed * 10 + code)
        numbers = generator.normal(size=(size, 2)).astype(np.float32)
        category = generator.integers(0, 400, size)
        value = numbers[:, 0] * numbers[:, 1] + (category % 2) + 0.1 * generator.normal(size=size)
        splits[name] = Split(
            (torch.from_numpy(numbers), torch.from_numpy(category[:, None])),
            targets_of(kind, len(names), value),
            [f"row {i}" for i in range(size)],
        )
    form = TableForm(("a", "b"), ("c",), (400,))
    described = Targets(kind, names)
    if kind == "number":
        described = replace(described, offset=(100.0,) * len(names), scale=(10.0,) * len(names))
    return Prepared(splits, Fitted(form), described, "rows", "", ())


def targets_of(kind: TargetKind, width: int, value: np.ndarray) -> torch.Tensor:
    if kind == "single-label":
        return torch.from_numpy(np.digitize(value, np.arange(width - 1)))
    if kind == "multi-label":
        return torch.from_numpy(np.stack([value > i for i in range(width)], 1).astype(np.float32))
    return torch.from_numpy(np.stack([value * (i + 1) for i in range(width)], 1).astype(np.float32))


@pytest.mark.parametrize(
    ("kind", "names", "metric"),
    [
        ("single-label", ("low", "high"), "accuracy"),
        ("single-label", ("low", "middle", "high"), "accuracy"),
        ("multi-label", ("x", "y"), "f1"),
        ("number", ("y",), "rmse"),
        ("number", ("y", "z"), "rmse"),
    ],
)
def test_trees_beat_the_simplest_baseline_on_every_kind_of_target(
    kind: TargetKind, names: tuple[str, ...], metric: str
) -> None:
    simplest, trees = baselines(table(kind, names), seed=0)
    assert trees.name == TREES
    for split in ("validation", "test"):
        own, theirs = trees.metrics[split][metric], simplest.metrics[split][metric]
        assert own < 0.75 * theirs if kind == "number" else own > theirs + 0.1


def test_the_same_seed_gives_the_same_trees() -> None:
    prepared = table("number", ("y",))
    first, second = baselines(prepared, 3)[-1], baselines(prepared, 3)[-1]
    np.testing.assert_array_equal(
        first.predictions["test"].outputs, second.predictions["test"].outputs
    )


def test_the_mean_is_told_in_the_unit_of_the_target() -> None:
    mean = baselines(table("number", ("y",)), 0)[0]
    assert mean.name == "mean"
    assert mean.predictions["test"].outputs.mean() == pytest.approx(105, abs=2)
    assert mean.metrics["test"]["rmse"] == pytest.approx(11, abs=2)


def test_a_class_that_training_never_saw_does_not_stop_the_trees() -> None:
    prepared = table("single-label", ("low", "middle", "high"))
    train = prepared.splits["train"]
    lacking = replace(train, targets=train.targets.clamp(max=1))
    found = baselines(prepared.with_splits({**prepared.splits, "train": lacking}), 0)[-1]
    assert found.predictions["test"].outputs.shape == (150, 3)
    assert found.predictions["test"].outputs[:, 2].max() == 0


def test_without_features_or_with_one_class_there_are_no_trees() -> None:
    prepared = table("single-label", ("low", "high"))
    empty = {
        name: replace(s, inputs=(s.inputs[0][:, :0], s.inputs[1][:, :0]))
        for name, s in prepared.splits.items()
    }
    assert len(baselines(prepared.with_splits(empty), 0)) == 1
    same = {n: replace(s, targets=torch.zeros_like(s.targets)) for n, s in prepared.splits.items()}
    assert len(baselines(prepared.with_splits(same), 0)) == 1


def test_images_are_compared_with_the_majority_class() -> None:
    splits = {
        name: Split((torch.zeros(size, 1, 4, 4, dtype=torch.uint8),), torch.arange(size) % 3, [])
        for name, size in {"train": 10, "validation": 6, "test": 6}.items()
    }
    prepared = Prepared(
        splits,
        Fitted(ImageForm(1, 4, 4)),
        Targets("single-label", ("a", "b", "c")),
        "images",
        "",
        (),
    )
    (majority,) = baselines(prepared, 0)
    assert majority.name == "majority class"
    assert majority.predictions["test"].decisions.tolist() == [0] * 6


def test_baselines_of_a_time_series_come_from_the_reader() -> None:
    prepared = table("number", ("y",))
    said = {name: np.full(size, 100.0) for name, size in SIZES.items() if name != "train"}
    prepared.extras["baselines"] = {"yesterday's value": said}
    names = [b.name for b in baselines(prepared, 0)]
    assert names == ["mean", "yesterday's value", TREES]


def numbers(errors: np.ndarray) -> Predictions:
    targets = np.linspace(0, 10, len(errors))[:, None]
    return Predictions("number", targets, targets + errors[:, None], ("y",))


def opponent(name: str, p: Predictions) -> Baseline:
    error = float(np.sqrt(np.mean(np.square(p.outputs - p.targets))))
    return Baseline(name, {"test": {"rmse": error}}, {"test": p})


def test_the_verdict_says_plainly_when_the_trees_win() -> None:
    noise = np.random.default_rng(0).normal(size=300)
    mean, trees = opponent("mean", numbers(5 * noise)), opponent(TREES, numbers(0.5 * noise))
    said = verdict(numbers(noise), [mean, trees], "test")
    assert said.startswith("The network loses to gradient-boosted trees: test RMSE")
    assert "Trees are the better choice" in said


def test_the_verdict_names_the_strongest_opponent_that_was_beaten() -> None:
    noise = np.random.default_rng(0).normal(size=300)
    mean, trees = opponent("mean", numbers(5 * noise)), opponent(TREES, numbers(2 * noise))
    said = verdict(numbers(noise), [mean, trees], "test")
    assert said.startswith("The network beats gradient-boosted trees")


def test_the_verdict_calls_a_difference_within_chance_even() -> None:
    generator = np.random.default_rng(0)
    trees = opponent(TREES, numbers(generator.normal(size=60)))
    said = verdict(
        numbers(generator.normal(size=60)),
        [opponent("mean", trees.predictions["test"]), trees],
        "test",
    )
    assert "are even" in said


def test_figures_of_a_verdict_have_as_many_digits_as_mean_something() -> None:
    noise = np.random.default_rng(0).normal(size=300)
    small = verdict(numbers(1e-4 * noise), [opponent("mean", numbers(9e-4 * noise))], "test")
    assert "RMSE 0.000102 against 0.000917" in small
    large = verdict(numbers(1e5 * noise), [opponent("mean", numbers(9e5 * noise))], "test")
    assert "RMSE 101,845 against 916,605" in large


def test_a_diverged_network_is_not_compared() -> None:
    mean = opponent("mean", numbers(np.ones(20)))
    assert "diverged" in verdict(numbers(np.full(20, np.nan)), [mean], "test")


def test_the_verdict_says_when_nothing_was_found() -> None:
    noise = np.random.default_rng(0).normal(size=100)
    mean = opponent("mean", numbers(noise))
    said = verdict(numbers(noise), [mean], "test")
    assert "found nothing in the inputs" in said
    assert verdict(numbers(noise), [], "test") == ""


def test_rows_of_the_comparison_put_the_network_first() -> None:
    found = rows([opponent("mean", numbers(np.ones(3)))], {"test": {"rmse": 0.5}})
    assert found == [["network", "test", "rmse", 0.5], ["mean", "test", "rmse", 1.0]]


def test_predictions_bring_targets_to_their_own_unit() -> None:
    prepared = table("number", ("y",))
    p = as_predictions(prepared.targets, prepared.splits["test"], np.zeros((150, 1)))
    expected = prepared.splits["test"].targets.numpy().astype(np.float64) * 10 + 100
    np.testing.assert_allclose(p.targets, expected)
