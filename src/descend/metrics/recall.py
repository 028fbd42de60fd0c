"""This file is recall: of what is a class, the share that was found (mean over classes).

Classes that neither occur nor were predicted are left out of the mean; an undefined share is 0.
"""

from sklearn.metrics import recall_score

from descend.metrics._predictions import Predictions, macro

KINDS = frozenset({"single-label", "multi-label"})
HIGHER_IS_BETTER = True


def compute(p: Predictions) -> float:
    return macro(recall_score, p)
