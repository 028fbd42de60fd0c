"""Classification: one class per example (softmax), or any number of labels (sigmoid)."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from descend import settings as s
from descend.data.examples import Targets
from descend.errors import SettingError
from descend.tasks._blueprint import Blueprint
from descend.tasks._supervised import Supervised
from descend.tasks._supervised import build as build_supervised

TARGETS = frozenset({"single-label", "multi-label"})
LOSS = {"single-label": "cross_entropy", "multi-label": "binary_cross_entropy"}


class Settings(s.Settings):
    class_weights: Literal["none", "balanced"] = s.setting(
        "none", "balanced: rare classes count as much as common ones"
    )


def build(plan: Blueprint, settings: Settings) -> Supervised:
    weights = _balanced(plan) if settings.class_weights == "balanced" else None
    return build_supervised(plan, readable(plan.prepared.targets, plan.device), weights)


def readable(targets: Targets, device: torch.device) -> Callable[[Tensor], Tensor]:
    """From logits (n, classes) to probabilities."""
    return torch.sigmoid if targets.kind == "multi-label" else _softmax


def _softmax(logits: Tensor) -> Tensor:
    return logits.softmax(1)


def _balanced(plan: Blueprint) -> Tensor:
    targets = plan.prepared.targets
    if targets.kind != "single-label":
        raise SettingError("setting 'class_weights': balanced needs one class per example")
    codes = plan.prepared.splits["train"].targets
    counts = codes.bincount(minlength=len(targets.names))
    return counts.sum() / (len(counts) * counts.clamp_min(1))
