"""This file finds out whether mirrored images help, by a short training on this very data.

A mirrored digit is another digit, a mirrored shoe is a shoe. After a short training without flips,
each validation image is scored as it is, and by the mean of the answers to it and to its mirror
image. Where the mean is reliably better (paired, by two standard errors), mirroring keeps what the
classes mean and adds information, and training may flip.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from descend.data.examples import Split
from descend.metrics._predictions import Predictions
from descend.tasks._supervised import Supervised
from descend.training.loop import Conditions, updates

SHARE = 0.05  # of the run's steps
LEAST_STEPS = 50  # fewer leave the network at chance, where nothing can be told apart
LEAST_RUN = 4 * LEAST_STEPS  # steps; in a shorter run the trial would cost more than it can win
MOST_EXAMPLES = 2000  # of validation; enough to see a difference of 1 % of the loss
ERRORS_APART = 2.0  # standard errors


@dataclass(frozen=True)
class FlipTrial:
    """What mirroring did to the validation loss."""

    steps: int
    change: float  # mean loss with the mirrored answer averaged in, minus without
    standard_error: float

    @property
    def helps(self) -> bool:
        return self.change < -ERRORS_APART * self.standard_error

    def __str__(self) -> str:
        word = "lowers" if self.change < 0 else "raises"
        sure = "" if self.helps or self.change >= 0 else ", which may be chance"
        return (
            f"averaging with mirrored images {word} the validation loss by {abs(self.change):.3g}"
            f" ± {self.standard_error:.2g} after {self.steps} trial steps{sure}"
        )


def try_flip(task: Supervised, conditions: Conditions, steps: int) -> FlipTrial:
    """Train this task, which is used up, for a share of `steps`, and compare."""
    length = max(LEAST_STEPS, round(SHARE * steps))
    task.train_mode(True)
    for _ in updates(task, replace(conditions, steps=length, validation_losses=[])):
        pass
    split = task.prepared.splits["validation"]
    chosen = torch.arange(len(split))[:: -(-len(split) // MOST_EXAMPLES)]
    split = split.select(chosen)
    pixels = split.inputs[0]
    plain = task.scorer.score(split).outputs
    mirrored = task.scorer.score(Split((pixels.flip(-1),), split.targets, split.names)).outputs
    before = _losses(task.scorer.predictions(plain, split))
    after = _losses(task.scorer.predictions((plain + mirrored) / 2, split))
    change = after - before
    error = change.std(ddof=1) / len(change) ** 0.5 if len(change) > 1 else np.inf
    return FlipTrial(length, float(change.mean()), float(error))


def _losses(p: Predictions) -> np.ndarray:
    """(n,): −log of the target's probability, or the squared error."""
    if p.kind == "number":
        return np.asarray(((p.outputs - p.targets) ** 2).mean(1))
    tiny = np.finfo(np.float32).tiny
    if p.kind == "multi-label":
        right = np.where(p.truths, p.outputs, 1 - p.outputs)
        return np.asarray(-np.log(np.maximum(right, tiny)).mean(1))
    return np.asarray(-np.log(np.maximum(p.outputs[np.arange(len(p)), p.targets], tiny)))
