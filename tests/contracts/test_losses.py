"""This file holds the contract that every loss of the catalog keeps."""

import math
import re

import pytest
import torch
from torch import Tensor

from descend.catalog import Catalog

LOSSES = Catalog("descend.losses", "loss")
CASES = [(name, kind) for name in LOSSES.names for kind in sorted(LOSSES.load(name).TARGETS)]


def examples(kind: str, count: int = 6, outputs: int = 4) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    given = torch.randn(count, outputs, generator=generator)
    if kind == "single-label":
        return given, torch.randint(0, outputs, (count,), generator=generator)
    if kind == "multi-label":
        return given, torch.randint(0, 2, (count, outputs), generator=generator).float()
    return given, torch.randn(count, outputs, generator=generator)


def perfect(kind: str, targets: Tensor, outputs: int = 4) -> Tensor:
    if kind == "single-label":
        return 50.0 * torch.nn.functional.one_hot(targets, outputs).float()
    return 100.0 * targets - 50 if kind == "multi-label" else targets


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_it_gives_one_loss_per_example(name: str, kind: str) -> None:
    entry = LOSSES.load(name)
    outputs, targets = examples(kind)
    losses = entry.per_example(outputs, targets, entry.Settings())
    assert losses.shape == (6,)
    assert (losses >= 0).all()
    alone = entry.per_example(outputs[2:3], targets[2:3], entry.Settings())
    torch.testing.assert_close(alone[0], losses[2])


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_it_is_near_0_when_all_is_right(name: str, kind: str) -> None:
    entry = LOSSES.load(name)
    targets = examples(kind)[1]
    losses = entry.per_example(perfect(kind, targets), targets, entry.Settings())
    assert losses.max() < 1e-6


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_it_stays_finite_for_huge_outputs(name: str, kind: str) -> None:
    entry = LOSSES.load(name)
    outputs, targets = examples(kind)
    outputs = (outputs * 1e4).requires_grad_()
    entry.per_example(outputs, targets, entry.Settings()).sum().backward()
    assert outputs.grad is not None
    assert outputs.grad.isfinite().all()


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_the_explanation_ends_in_the_same_loss(name: str, kind: str) -> None:
    entry = LOSSES.load(name)
    outputs, targets = examples(kind)
    for scale in (1, 1000):
        loss = float(entry.per_example(outputs * scale, targets, entry.Settings())[0])
        label, last = entry.explain(outputs[0] * scale, targets[0], entry.Settings())[-1]
        assert label.startswith("loss")
        stated = float(re.split("=", last)[-1])
        assert math.isclose(stated, loss, rel_tol=1e-3, abs_tol=1e-6)


@pytest.mark.parametrize("name", ["cross_entropy", "binary_cross_entropy"])
def test_label_smoothing_asks_for_less_than_certainty(name: str) -> None:
    entry = LOSSES.load(name)
    (kind,) = entry.TARGETS
    smooth = entry.Settings(label_smoothing=0.1)
    outputs, targets = examples(kind)
    assert entry.per_example(perfect(kind, targets), targets, smooth).min() > 1
    stated = entry.explain(outputs[0], targets[0], smooth)[-1][1]
    loss = float(entry.per_example(outputs, targets, smooth)[0])
    assert math.isclose(float(stated.split("=")[-1]), loss, rel_tol=1e-3)


def test_shares_of_classes_are_taken_as_targets() -> None:
    entry = LOSSES.load("cross_entropy")
    outputs, codes = examples("single-label")
    shares = torch.nn.functional.one_hot(codes, 4).float()
    settings = entry.Settings(label_smoothing=0.1)
    torch.testing.assert_close(
        entry.per_example(outputs, shares, settings), entry.per_example(outputs, codes, settings)
    )
    assert entry.explain(outputs[0], shares[0], settings)[-1][0] == "loss in nats"
