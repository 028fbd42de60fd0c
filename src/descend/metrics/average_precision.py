"""This file is average precision: precision over all recalls, mean over classes that occur."""

from descend.metrics._predictions import Predictions, mean_of_known

KINDS = frozenset({"single-label", "multi-label"})
HIGHER_IS_BETTER = True


def compute(p: Predictions) -> float:
    return mean_of_known(p.average_precisions)
