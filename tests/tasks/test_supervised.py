"""Classify and regress: losses that add up, answers that read, classes that weigh the same."""

from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from descend.catalog import Catalog
from descend.data.batches import TensorBatch
from descend.data.examples import Prepared, Split, TargetKind, Targets
from descend.errors import SettingError
from descend.forms import Form, TableForm
from descend.settings import Settings
from descend.tasks._blueprint import Blueprint
from descend.tasks._supervised import Supervised
from descend.training.loop import Conditions, updates

TASKS = Catalog("descend.tasks", "task")
SIZES = {"train": 300, "validation": 60, "test": 60}
CASES: list[tuple[str, TargetKind]] = [
    ("classify", "single-label"),
    ("classify", "multi-label"),
    ("regress", "number"),
]


@dataclass(frozen=True)
class Fitted:
    form: Form

    def to_json(self) -> dict[str, object]:
        return {}


def prepared(kind: TargetKind) -> Prepared:
    """The sum of two numbers decides; the third class is rare."""
    splits = {}
    for code, (name, size) in enumerate(SIZES.items()):
        generator = torch.Generator().manual_seed(code)
        numbers = torch.randn(size, 2, generator=generator)
        sums = numbers.sum(1)
        targets = {
            "single-label": (sums > 0).long() + (sums > 2).long(),
            "multi-label": torch.stack([sums > 0, numbers[:, 0] > 0], 1).float(),
            "number": torch.stack([sums, -sums], 1),
        }[kind]
        categories = torch.zeros(size, 0, dtype=torch.int64)
        splits[name] = Split((numbers, categories), targets, [f"row {i}" for i in range(size)])
    names = ("low", "high", "top") if kind == "single-label" else ("a", "b")
    described = Targets(kind, names, why="made for this test")
    if kind == "number":
        described = replace(described, offset=(100.0, 0.0), scale=(10.0, 1.0))
    form = TableForm(("x", "y"), (), (), ((-2.0, 0.0, 2.0), (-2.0, 0.0, 2.0)))
    return Prepared(splits, Fitted(form), described, "rows", "", ())


def build(task: str, kind: TargetKind, loss: str | None = None, **settings: object) -> Supervised:
    module = TASKS.load(task)
    chosen: Settings = module.Settings(**settings)
    plan = Blueprint(
        prepared(kind), "mlp", "adamw", "cosine", loss or module.LOSS[kind], (), {}, 0, 32, 0.01,
        0.01, None, torch.device("cpu"), torch.contiguous_format, nullcontext,
    )  # fmt: skip
    built: Supervised = module.build(plan, chosen)
    return built


def batch_of(task: Supervised, rows: slice) -> TensorBatch:
    split = task.prepared.splits["train"]
    return TensorBatch(tuple(t[rows] for t in split.inputs), split.targets[rows])


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_short_training_makes_the_validation_scores_good(name: str, kind: TargetKind) -> None:
    task = build(name, kind)
    before = task.evaluate("validation").metrics
    task.train_mode(True)
    for _ in updates(task, Conditions(seed=0, steps=120, micro_batch=32)):
        pass
    after = task.evaluate("validation").metrics
    assert after["loss"] < 0.5 * before["loss"]
    better = after[task.headline] > before[task.headline]
    assert better == task.higher_is_better


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_losses_of_parts_add_up_to_that_of_the_batch(name: str, kind: TargetKind) -> None:
    task = build(name, kind)
    task.train_mode(False)
    player = task.players[0]
    whole, count = task.loss(player, batch_of(task, slice(0, 10)))
    first, some = task.loss(player, batch_of(task, slice(0, 3)))
    second, others = task.loss(player, batch_of(task, slice(3, 10)))
    torch.testing.assert_close(first + second, whole)
    assert int(some) + int(others) == int(count) == 10


def test_probabilities_of_one_class_sum_to_1_and_of_labels_need_not() -> None:
    for kind, sums in (("single-label", True), ("multi-label", False)):
        task = build("classify", kind)  # type: ignore[arg-type]
        outputs = task.scorer.score(task.prepared.splits["test"]).outputs
        assert ((outputs >= 0) & (outputs <= 1)).all()
        assert np.allclose(outputs.sum(1), 1, atol=1e-5) == sums


def test_numbers_are_scored_in_the_targets_own_unit() -> None:
    task = build("regress", "number")
    with torch.no_grad():
        for parameter in task.network.parameters():
            parameter.zero_()  # says the offset, always
    outputs = task.scorer.score(task.prepared.splits["test"]).outputs
    assert np.allclose(outputs, [100.0, 0.0])
    truth = task.prepared.splits["test"].targets.double()
    expected = float((truth * torch.tensor([10.0, 1.0])).square().mean(0).sqrt().mean())
    assert task.evaluate("test").metrics["rmse"] == pytest.approx(expected, rel=1e-4)


def test_balanced_weights_let_every_class_count_the_same() -> None:
    task = build("classify", "single-label", class_weights="balanced")
    task.train_mode(False)
    targets = task.prepared.splits["train"].targets
    weights = [float(_count(task, targets, code)) for code in range(3)]
    assert weights[0] == pytest.approx(weights[1], rel=1e-4)
    assert weights[1] == pytest.approx(weights[2], rel=1e-4)


def _count(task: Supervised, targets: Tensor, code: int) -> Tensor | int:
    split = task.prepared.splits["train"]
    chosen = targets == code
    batch = TensorBatch(tuple(t[chosen] for t in split.inputs), targets[chosen])
    return task.loss(task.players[0], batch)[1]


def test_balanced_weights_for_labels_are_refused_in_one_line() -> None:
    with pytest.raises(SettingError, match="class_weights"):
        build("classify", "multi-label", class_weights="balanced")


def test_a_loss_that_does_not_fit_the_targets_is_refused_with_one_that_does() -> None:
    with pytest.raises(SettingError, match="squared_error"):
        build("regress", "number", loss="cross_entropy")


def test_one_example_is_explained_down_to_the_loss_it_is_scored_with() -> None:
    task = build("classify", "single-label")
    split = task.prepared.splits["test"]
    loss = task.scorer.score(split).losses[5]
    stated = task.scorer.explain(split, 5)[-1][1]
    assert float(stated.split("=")[-1]) == pytest.approx(loss, rel=1e-2)
