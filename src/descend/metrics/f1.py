"""This file is F1: the harmonic mean of precision and recall (mean over classes).

Classes that neither occur nor were predicted are left out of the mean; an undefined share is 0.
"""

from sklearn.metrics import f1_score

from descend.metrics._predictions import Predictions, macro

KINDS = frozenset({"single-label", "multi-label"})
HIGHER_IS_BETTER = True


def compute(p: Predictions) -> float:
    return macro(f1_score, p)
