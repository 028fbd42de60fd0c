"""This file draws bootstrap samples of sums over examples (Efron 1979), fast and seeded.

Every figure here is a function of sums over examples, so a resample needs only how often each
example was drawn: draws (resamples, examples) @ columns (examples, k).
"""

import numpy as np

RESAMPLES = 1000  # percentile intervals need about this many: Efron & Tibshirani 1993, section 13
BLOCKS = 10_000  # more examples are summed in random blocks of equal size, which keeps the variance
_CHUNK = 50  # resamples drawn at once: 50 x 10,000 counts are 4 MB


def resampled_sums(columns: np.ndarray, seed: int) -> np.ndarray:
    """(examples, k) -> (RESAMPLES, k) sums of resampled examples."""
    generator = np.random.default_rng(seed)
    blocks = _blocks(np.asarray(columns, dtype=np.float64), generator)
    count = len(blocks)
    sums = np.empty((RESAMPLES, blocks.shape[1]))
    for start in range(0, RESAMPLES, _CHUNK):
        drawn = generator.integers(0, count, size=(_CHUNK, count))
        drawn += count * np.arange(_CHUNK)[:, None]
        draws = np.bincount(drawn.ravel(), minlength=_CHUNK * count).reshape(_CHUNK, count)
        sums[start : start + _CHUNK] = draws.astype(np.float64) @ blocks
    return sums


def _blocks(columns: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    if len(columns) <= BLOCKS:
        return columns
    mixed = columns[generator.permutation(len(columns))]
    starts = np.arange(BLOCKS) * len(columns) // BLOCKS
    return np.add.reduceat(mixed, starts, axis=0)


def interval(values: np.ndarray) -> tuple[float, float] | None:
    """The 95 % percentile interval of resampled values; None where they are undefined."""
    known = values[np.isfinite(values)]
    if len(known) < len(values) / 2:
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)
