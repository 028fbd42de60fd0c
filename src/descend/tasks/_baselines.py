"""This file makes what a network must beat, and says in one sentence whether it did.

Baselines know the training split alone; validation only chooses how many trees are kept, as it
chooses the network's best weights.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np

from descend.data.examples import Prepared, Split, Targets
from descend.metrics._interval import difference
from descend.metrics._predictions import Predictions
from descend.metrics._score import headline, score
from descend.tasks import _trees

TREES = "gradient-boosted trees"
NOTHING_FOUND = "It has found nothing in the inputs that predicts the target."
LABELS = {"accuracy": "accuracy", "f1": "F1", "rmse": "RMSE"}  # headlines in a sentence


@dataclass(frozen=True, eq=False)
class Baseline:
    """A simple method and how it did on each split it was scored on."""

    name: str
    metrics: dict[str, dict[str, float]]  # split -> metric -> value
    predictions: dict[str, Predictions]  # split -> what it said

    def __post_init__(self) -> None:
        assert self.metrics.keys() == self.predictions.keys()


def baselines(prepared: Prepared, seed: int) -> list[Baseline]:
    """Simplest first: majority or mean, those the reader prepared (a time series), trees."""
    splits = {name: prepared.splits[name] for name in _scored(prepared)}
    said = {_simplest_name(prepared.targets): _simplest(prepared, splits)}
    given = cast(dict[str, dict[str, np.ndarray]], prepared.extras.get("baselines", {}))
    for name, outputs in given.items():
        said[name] = {s: outputs[s].reshape(len(splits[s]), -1) for s in splits if s in outputs}
    if prepared.preprocessing.form.kind == "tables":
        grown = _trees.outputs(prepared, splits, seed)
        if grown is not None:
            said[TREES] = {
                name: _own_unit(prepared.targets, values) for name, values in grown.items()
            }
    return [_scored_baseline(prepared, name, outputs) for name, outputs in said.items()]


def as_predictions(
    targets: Targets, split: Split, outputs: np.ndarray, thresholds: np.ndarray | None = None
) -> Predictions:
    """Outputs are probabilities, or numbers in the target's own unit; the split's targets are
    brought to that unit."""
    true = _own_unit(targets, split.targets.cpu().numpy())
    return Predictions(targets.kind, true, outputs, targets.names, thresholds)


def in_unit(targets: Targets, values: np.ndarray) -> np.ndarray:
    """Standardized numbers (n, outputs) in the target's own unit, in double precision."""
    wide = values.astype(np.float64).reshape(len(values), -1)
    scale = np.array(targets.scale or (1.0,))
    offset = np.array(targets.offset or (0.0,))
    return np.asarray(wide * scale + offset)


def _own_unit(targets: Targets, values: np.ndarray) -> np.ndarray:
    return in_unit(targets, values) if targets.kind == "number" else values


def verdict(model: Predictions, others: list[Baseline], split: str) -> str:
    """A sentence or two: the network against the strongest baseline of a split, and whether the
    difference is more than chance by a paired bootstrap. "" where nothing was compared."""
    name, higher = headline(model.kind)
    known = [b for b in others if name in b.metrics.get(split, {})]
    if not known:
        return ""
    found = score(model, "train")[0]
    if name not in found:
        return f"The network has diverged: its answers on {split} are no numbers."
    best = max(known, key=lambda b: b.metrics[split][name] * (1 if higher else -1))
    own, theirs = found[name], best.metrics[split][name]
    ends = difference(model, best.predictions[split], name, seed=0)
    figure = _percent if name != "rmse" else _with_digits_of(own)
    figures = f"{figure(own)} against {figure(theirs)}{_margin(ends, figure)}"
    said = f"{split} {LABELS[name]} {figures}"
    if ends is None or ends[0] <= 0 <= ends[1]:
        outcome = f"The network and {_with_article(best)} are even: {said}, which may be chance."
        return f"{outcome} {NOTHING_FOUND}" if best.name == others[0].name else outcome
    elif (own > theirs) == higher:
        return f"The network beats {_with_article(best)}: {said}."
    else:
        outcome = f"The network loses to {_with_article(best)}: {said}."
    return f"{outcome} {_advice(best, others[0])}".strip()


def _margin(ends: tuple[float, float] | None, figure: Callable[[float], str]) -> str:
    if ends is None:
        return ""
    low, high = sorted(map(abs, ends)) if ends[0] * ends[1] > 0 else ends
    return f" (95 % interval of the difference: {figure(low)} to {figure(high)})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %".replace("-", "−")


def _with_digits_of(reference: float) -> Callable[[float], str]:
    """Writes numbers to the place of the reference's third digit; 48,911 has none after the dot."""
    place = math.floor(math.log10(reference)) if reference > 0 else 0
    return lambda value: f"{value:,.{max(0, 2 - place)}f}".replace("-", "−")


def _with_article(baseline: Baseline) -> str:
    plain = baseline.name == TREES or "'s " in baseline.name
    return baseline.name if plain else f"the {baseline.name}"


def _advice(best: Baseline, simplest: Baseline) -> str:
    if best.name == simplest.name:
        return NOTHING_FOUND
    return "Trees are the better choice for this table." if best.name == TREES else ""


def rows(others: list[Baseline], model: dict[str, dict[str, float]]) -> list[list[object]]:
    """A table for the evidence: [method, split, metric, value], the network first."""
    found: list[list[object]] = []
    for name, scored in [("network", model), *((b.name, b.metrics) for b in others)]:
        for split, metrics in scored.items():
            found += [[name, split, metric, value] for metric, value in metrics.items()]
    return found


def written(value: float) -> str:
    """A figure as a person reads it: three digits after the point, or thousands with commas."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if 0.01 <= abs(value) < 10 or value == 0 else f"{value:.4g}"


def _scored(prepared: Prepared) -> list[str]:
    return [name for name in ("validation", "test") if len(prepared.splits.get(name, ()))]


def _scored_baseline(prepared: Prepared, name: str, outputs: dict[str, np.ndarray]) -> Baseline:
    predictions = {
        split: as_predictions(prepared.targets, prepared.splits[split], values)
        for split, values in outputs.items()
    }
    return Baseline(name, {s: score(p, "train")[0] for s, p in predictions.items()}, predictions)


def _simplest_name(targets: Targets) -> str:
    names = {"single-label": "majority class", "multi-label": "label frequencies", "number": "mean"}
    return names[targets.kind]


def _simplest(prepared: Prepared, splits: dict[str, Split]) -> dict[str, np.ndarray]:
    """The same for everyone: how often each class occurs in training, or the mean."""
    targets = prepared.targets
    known = prepared.splits["train"].targets.cpu().numpy()
    if targets.kind == "single-label":
        row = np.bincount(known, minlength=len(targets.names)) / len(known)
    else:
        row = (in_unit(targets, known) if targets.kind == "number" else known).mean(axis=0)
    return {name: np.tile(row, (len(split), 1)) for name, split in splits.items()}
