"""This file holds what every metric reads: targets, outputs and the decisions made from them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

Kind = Literal["single-label", "multi-label", "number"]


@dataclass(frozen=True, eq=False)
class Predictions:
    """What was true and what the model said, example by example.

    single-label: targets int (n,) class codes, outputs probabilities (n, classes).
    multi-label: targets 0/1 (n, labels), outputs probabilities (n, labels).
    number: targets and outputs (n, outputs), both in the target's own unit.
    """

    kind: Kind
    targets: np.ndarray
    outputs: np.ndarray
    names: tuple[str, ...]  # classes, labels or columns
    thresholds: np.ndarray | None = None  # (classes,) or (labels,), each in (0, 1)

    def __post_init__(self) -> None:
        assert self.outputs.ndim == 2, "outputs have one row per example"
        assert len(self.targets) == len(self.outputs), "one target per row of outputs"
        assert self.outputs.shape[1] == len(self.names), "one name per column of outputs"

    def __len__(self) -> int:
        return len(self.targets)

    @cached_property
    def decisions(self) -> np.ndarray:
        """Class codes (n,) or 0/1 labels (n, labels); numbers decide nothing.

        A single-label decision is the class furthest above its threshold as a ratio, so equal
        thresholds mean the most probable class, and (1 - t, t) means class 1 from p >= t on.
        """
        assert self.kind != "number"
        if self.kind == "multi-label":
            limits = 0.5 if self.thresholds is None else self.thresholds
            return (self.outputs >= limits).astype(np.int64)
        scores = self.outputs if self.thresholds is None else self.outputs / self.thresholds
        chosen: np.ndarray = np.argmax(scores, axis=1)
        return chosen

    @cached_property
    def truths(self) -> np.ndarray:
        """Whether each example is of each class: bool (n, classes)."""
        if self.kind == "multi-label":
            return np.asarray(self.targets > 0.5)
        return np.asarray(self.targets[:, None] == np.arange(len(self.names)))

    @cached_property
    def positives(self) -> np.ndarray:
        """Whether each example was given each class: bool (n, classes)."""
        if self.kind == "multi-label":
            return self.decisions > 0
        return np.asarray(self.decisions[:, None] == np.arange(len(self.names)))

    @cached_property
    def areas(self) -> np.ndarray:
        """Area under each class's ROC curve, one against the rest; nan where one side is empty."""
        found = np.full(len(self.names), np.nan)
        for code in np.flatnonzero(self.truths.any(axis=0) & ~self.truths.all(axis=0)):
            found[code] = roc_auc_score(self.truths[:, code], self.outputs[:, code])
        return found

    @cached_property
    def average_precisions(self) -> np.ndarray:
        """Average precision of each class against the rest; nan where the class is absent."""
        found = np.full(len(self.names), np.nan)
        for code in np.flatnonzero(self.truths.any(axis=0)):
            found[code] = average_precision_score(self.truths[:, code], self.outputs[:, code])
        return found

    def confidences(self) -> tuple[np.ndarray, np.ndarray]:
        """Stated probability and whether it came true: of the top class, or of every label."""
        if self.kind == "multi-label":
            return self.outputs.ravel(), self.truths.ravel()
        top = np.argmax(self.outputs, axis=1)
        return self.outputs[np.arange(len(self)), top], top == self.targets


def macro(scorer: Callable[..., float], p: Predictions) -> float:
    """scikit-learn's mean over classes (those that occur or were predicted) or over all labels."""
    if p.kind == "single-label":
        return float(scorer(p.targets, p.decisions, average="macro", zero_division=0))
    if len(p.names) == 1:  # one column would be read as two classes
        return float(scorer(p.truths[:, 0], p.positives[:, 0], zero_division=0))
    return float(scorer(p.truths, p.positives, average="macro", zero_division=0))


def mean_of_known(values: np.ndarray) -> float:
    """The mean without nan; nan when nothing is known (no warning)."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
