"""This file holds what a task is built from, once every choice is made."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import torch
from torch import nn

from descend.catalog import Catalog
from descend.data.examples import Prepared
from descend.errors import SettingError
from descend.forms import Clock
from descend.optim._groups import parameter_groups
from descend.seeds import seed_for
from descend.settings import Settings
from descend.tasks._task import Player

MODELS = Catalog("descend.models", "network")
OPTIMIZERS = Catalog("descend.optim", "optimizer")
SCHEDULES = Catalog("descend.schedules", "schedule")
LOSSES = Catalog("descend.losses", "loss")


@dataclass(frozen=True)
class Blueprint:
    """Names of catalog entries, their settings, and the numbers all tasks share."""

    prepared: Prepared
    model: str
    optim: str
    schedule: str
    loss: str
    augment: tuple[str, ...]
    settings: Mapping[str, Settings]  # "model resnet18" -> its Settings; absent means defaults
    seed: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    clip_norm: float | None
    device: torch.device
    memory_format: torch.memory_format
    autocast: Callable[[], AbstractContextManager[object]]
    rank: int = 0
    ranks: int = 1

    def settings_of(self, kind: str, name: str, entry: ModuleType) -> Settings:
        found = self.settings.get(f"{kind} {name}")
        return found if found is not None else entry.Settings()

    def network(self, outputs: int) -> nn.Module:
        """The network with seeded weights, on the device. SettingError when it takes other data."""
        entry = MODELS.load(self.model)
        form = self.prepared.preprocessing.form
        if form.kind not in entry.INPUTS:
            fits = [n for n in MODELS.names if form.kind in MODELS.load(n).INPUTS]
            raise SettingError(
                f"network {self.model!r} takes {' or '.join(sorted(entry.INPUTS))}, the data are "
                f"{form.kind}; choose one of {', '.join(fits)}"
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_for(self.seed, "weights", 0, 0))
            settings = self.settings_of("model", self.model, entry)
            network: nn.Module = entry.build(settings, form, outputs)
        network = network.to(self.device)
        if form.kind == "images":
            network = network.to(memory_format=self.memory_format)
        return network

    def player(self, name: str, network: nn.Module) -> Player:
        """One optimizer over all of a network's parameters."""
        entry = OPTIMIZERS.load(self.optim)
        groups: list[dict[str, Any]] = parameter_groups(network, self.weight_decay)
        for group in groups:
            group["initial_lr"] = self.learning_rate
        settings = self.settings_of("optim", self.optim, entry)
        optimizer = entry.build(groups, self.learning_rate, settings)
        course = SCHEDULES.load(self.schedule)
        pace = self.settings_of("schedule", self.schedule, course)
        return Player(name, optimizer, partial(_factor, course, pace), self.clip_norm)


def _factor(course: ModuleType, settings: Settings, clock: Clock) -> float:
    factor: float = course.factor(clock, settings)
    return factor
