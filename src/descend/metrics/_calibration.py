"""This file compares stated confidence with the share that came true, bin by bin."""

from dataclasses import dataclass

import numpy as np

from descend.metrics._predictions import Predictions

BINS = 15  # equal widths over 0..1; Guo et al. 2017 use 15


@dataclass(frozen=True)
class Bin:
    low: float
    high: float
    count: int
    confidence: float  # mean stated probability inside the bin
    share_right: float  # how often it came true


def bins(p: Predictions) -> list[Bin]:
    """The bins that hold examples, from low to high confidence."""
    stated, came_true = p.confidences()
    place = np.clip(np.ceil(stated.astype(np.float64) * BINS).astype(int) - 1, 0, BINS - 1)
    counts = np.bincount(place, minlength=BINS)
    confidence = np.bincount(place, weights=stated, minlength=BINS)
    right = np.bincount(place, weights=came_true, minlength=BINS)
    return [
        Bin(i / BINS, (i + 1) / BINS, int(n), float(confidence[i] / n), float(right[i] / n))
        for i, n in enumerate(counts)
        if n
    ]
