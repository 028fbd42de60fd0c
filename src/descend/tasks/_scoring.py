"""This file asks a network for its answers and makes them readable: in training and long after."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from torch import Tensor, nn

from descend.data.batches import Normalization, batches_for_scoring
from descend.data.examples import Split, Targets
from descend.metrics._predictions import Predictions
from descend.settings import Settings

SCORING_BATCH = 1024  # examples; without gradients little is kept, so it may be larger
# Pixels or cells at once, so that memory does not grow with the images' size: layers hold many
# times their input (cnn, 600 images of 128x128: 170 MB, with batches of 1024 2 GB; 2026-11-21).
SCORING_VALUES = 4 << 20
LEAST_BATCH = 8


@dataclass(frozen=True)
class Scored:
    """What a network says of a split, readable."""

    outputs: np.ndarray  # probabilities (n, classes) or values (n, outputs) in the target's unit
    losses: np.ndarray  # (n,) of the training loss, without augmentation


@dataclass(frozen=True)
class Scorer:
    """A network and how its outputs read."""

    network: nn.Module
    targets: Targets
    readable: Callable[[Tensor], Tensor]
    loss: ModuleType  # a losses entry
    loss_settings: Settings
    normalization: Normalization | None  # for images
    device: torch.device
    autocast: Callable[[], AbstractContextManager[object]]
    batch_size: int = SCORING_BATCH

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """(batch,), in fp32 at least: bf16 would round a small loss away."""
        found: Tensor = self.loss.per_example(
            outputs if outputs.dtype == torch.float64 else outputs.float(),
            targets,
            self.loss_settings,
        )
        return found

    @torch.inference_mode()
    def score(self, split: Split) -> Scored:
        """The answers to every example in order; the network is left in evaluation mode."""
        outputs, losses = [], []
        self.network.eval()
        values = sum(t[:1].numel() for t in split.inputs)
        size = min(self.batch_size, max(LEAST_BATCH, SCORING_VALUES // max(values, 1)))
        for batch in batches_for_scoring(split, size, self.device, self.normalization):
            with self.autocast():
                raw = self.network(*batch.inputs)
            losses.append(self.losses(raw, batch.targets))
            outputs.append(self.readable(raw.float()))
        return Scored(torch.cat(outputs).cpu().numpy(), torch.cat(losses).float().cpu().numpy())

    def answers(self, inputs: Sequence[Tensor]) -> np.ndarray:
        """Readable outputs for inputs whose targets nobody knows."""
        kind, count = self.targets.kind, len(inputs[0])
        unknown = (
            torch.zeros(count, dtype=torch.long)
            if kind == "single-label"
            else torch.zeros(count, len(self.targets.names))
        )
        return self.score(Split(tuple(inputs), unknown, range_names(count))).outputs

    def predictions(
        self, outputs: np.ndarray, split: Split, thresholds: np.ndarray | None = None
    ) -> Predictions:
        """Outputs beside the truth, both in the target's own unit."""
        truth = split.targets.cpu()
        if self.targets.kind == "number":
            truth = truth.double() * torch.tensor(self.targets.scale, dtype=torch.float64)
            truth = truth + torch.tensor(self.targets.offset, dtype=torch.float64)
        return Predictions(
            self.targets.kind, truth.numpy(), outputs, self.targets.names, thresholds
        )

    @torch.inference_mode()
    def explain(self, split: Split, index: int) -> list[tuple[str, str]]:
        """The loss of one example worked out term by term."""
        one = split.select(torch.tensor([index]))
        batch = next(batches_for_scoring(one, 1, self.device, self.normalization))
        self.network.eval()
        outputs = self.network(*batch.inputs).float()[0].cpu()
        rows: list[tuple[str, str]] = self.loss.explain(outputs, one.targets[0], self.loss_settings)
        return rows


def range_names(count: int) -> list[str]:
    return [str(i + 1) for i in range(count)]
