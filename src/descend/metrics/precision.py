"""This file is precision: of what was called a class, the share that is one (mean over classes).

Classes that neither occur nor were predicted are left out of the mean; an undefined share is 0.
"""

from sklearn.metrics import precision_score

from descend.metrics._predictions import Predictions, macro

KINDS = frozenset({"single-label", "multi-label"})
HIGHER_IS_BETTER = True


def compute(p: Predictions) -> float:
    return macro(precision_score, p)
