"""Regression: one or several numbers per example."""

from collections.abc import Callable

import torch
from torch import Tensor

from descend.data.examples import Targets
from descend.settings import NoSettings
from descend.tasks._blueprint import Blueprint
from descend.tasks._supervised import Supervised
from descend.tasks._supervised import build as build_supervised

TARGETS = frozenset({"number"})
LOSS = {"number": "squared_error"}
Settings = NoSettings


def build(plan: Blueprint, settings: NoSettings) -> Supervised:
    return build_supervised(plan, readable(plan.prepared.targets, plan.device))


def readable(targets: Targets, device: torch.device) -> Callable[[Tensor], Tensor]:
    """From standardized values (n, outputs) to the target's own unit."""
    scale = torch.tensor(targets.scale, device=device)
    offset = torch.tensor(targets.offset, device=device)
    return lambda outputs: outputs * scale + offset
