"""This file is the area under the ROC curve, each class against the rest, mean over classes.

Classes that never or always occur have no such curve and are left out; nan when that is all.
"""

from descend.metrics._predictions import Predictions, mean_of_known

KINDS = frozenset({"single-label", "multi-label"})
HIGHER_IS_BETTER = True


def compute(p: Predictions) -> float:
    return mean_of_known(p.areas)
