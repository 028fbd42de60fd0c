"""This file is the task of learning targets from examples: one network, one player, one loss.

`classify` and `regress` differ only in how a network's outputs read.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from descend.data.augment._step import prepare_steps
from descend.data.batches import Normalization, ResidentBatches, TensorBatch
from descend.data.examples import Prepared
from descend.errors import SettingError
from descend.metrics import _score
from descend.tasks._blueprint import LOSSES, Blueprint
from descend.tasks._scoring import SCORING_BATCH, Scorer
from descend.tasks._task import Player, Scores, Task


class Supervised(Task):
    """Built by `build`; final."""

    def __init__(
        self,
        plan: Blueprint,
        readable: Callable[[Tensor], Tensor],
        class_weights: Tensor | None = None,  # (classes,)
    ) -> None:
        prepared = plan.prepared
        self.prepared = prepared
        self.network = plan.network(len(prepared.targets.names))
        self.modules = {"network": self.network}
        self.players = (plan.player("network", self.network),)
        self.headline, self.higher_is_better = _score.headline(prepared.targets.kind)
        normalization = normalization_of(prepared.preprocessing, plan.memory_format)
        self.source = _source(plan, normalization)
        loss = LOSSES.load(plan.loss)
        loss_settings = plan.settings_of("loss", plan.loss, loss)
        self.scorer = Scorer(
            self.network, prepared.targets, readable, loss, loss_settings, normalization,
            plan.device, plan.autocast, max(SCORING_BATCH, plan.batch_size),
        )  # fmt: skip
        self._class_weights = class_weights

    def loss(self, player: Player, batch: TensorBatch) -> tuple[Tensor, Tensor | int]:
        losses = self.scorer.losses(self.network(*batch.inputs), batch.targets)
        if self._class_weights is None:
            return losses.sum(), len(batch)
        weights = _weights_of(batch.targets, self._class_weights)
        return (losses * weights).sum(), weights.sum()

    def evaluate(self, split: str) -> Scores:
        examples = self.prepared.splits[split]
        scored = self.scorer.score(examples)
        metrics = _score.quick(self.scorer.predictions(scored.outputs, examples))
        return Scores({"loss": float(scored.losses.mean()), **metrics})


def build(
    plan: Blueprint, readable: Callable[[Tensor], Tensor], class_weights: Tensor | None = None
) -> Supervised:
    """The task for these choices. SettingError when the loss takes other targets."""
    kind = plan.prepared.targets.kind
    entry = LOSSES.load(plan.loss)
    if kind not in entry.TARGETS:
        fits = [n for n in LOSSES.names if kind in LOSSES.load(n).TARGETS]
        raise SettingError(
            f"loss {plan.loss!r} takes {' or '.join(sorted(entry.TARGETS))} targets, these are "
            f"{kind}; choose {' or '.join(fits)}"
        )
    return Supervised(plan, readable, class_weights)


def normalization_of(
    preprocessing: Any, memory_format: torch.memory_format
) -> Normalization | None:
    """How images are normalized; None for data that come normalized."""
    if preprocessing.form.kind != "images":
        return None
    return Normalization(preprocessing.mean, preprocessing.std, memory_format)


def _source(plan: Blueprint, normalization: Normalization | None) -> ResidentBatches:
    prepared: Prepared = plan.prepared
    values = {
        key: value
        for name in plan.augment
        if (settings := plan.settings.get(f"augment {name}")) is not None
        for key, value in settings.model_dump().items()
    }
    return ResidentBatches(
        prepared.splits["train"],
        batch_size=plan.batch_size,
        seed=plan.seed,
        unit=prepared.unit,
        device=plan.device,
        augmentations=prepare_steps(plan.augment, values) if normalization else (),
        normalization=normalization,
        classes=len(prepared.targets.names) if prepared.targets.kind == "single-label" else 0,
        rank=plan.rank,
        ranks=plan.ranks,
    )


def _weights_of(targets: Tensor, weights: Tensor) -> Tensor:
    """The weight of each example: its class's, or the mean over a mixed target's shares."""
    weights = weights.to(targets.device)
    return targets @ weights if targets.is_floating_point() else weights[targets]
