"""This file is the expected calibration error: how far stated confidence is from the share right.

Guo et al. 2017, equation 3, with the bins of `_calibration`.
"""

from descend.metrics._calibration import bins
from descend.metrics._predictions import Predictions

KINDS = frozenset({"single-label", "multi-label"})
HIGHER_IS_BETTER = False


def compute(p: Predictions) -> float:
    found = bins(p)
    return sum(b.count * abs(b.confidence - b.share_right) for b in found) / sum(
        b.count for b in found
    )
