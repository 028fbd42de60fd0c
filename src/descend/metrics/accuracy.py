"""This file is accuracy: the share of examples decided right (all labels of it, if several)."""

from sklearn.metrics import accuracy_score

from descend.metrics._predictions import Predictions

KINDS = frozenset({"single-label", "multi-label"})
HIGHER_IS_BETTER = True


def compute(p: Predictions) -> float:
    targets = p.truths if p.kind == "multi-label" else p.targets
    decisions = p.positives if p.kind == "multi-label" else p.decisions
    return float(accuracy_score(targets, decisions))
