"""This file is balanced accuracy: the mean recall of the classes that occur.

Equal to guessing at 1 / classes however uneven the classes are.
"""

import numpy as np

from descend.metrics._predictions import Predictions

KINDS = frozenset({"single-label"})
HIGHER_IS_BETTER = True


def compute(p: Predictions) -> float:
    support = p.truths.sum(axis=0)
    occurs = support > 0
    hits = (p.truths & p.positives).sum(axis=0)
    return float(np.mean(hits[occurs] / support[occurs]))
