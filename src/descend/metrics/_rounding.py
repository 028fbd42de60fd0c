"""This file shortens numbers for the evidence: more digits are invisible in a picture."""

import numpy as np


def rounded(values: np.ndarray, digits: int = 4) -> list[float]:
    """Plain floats with this many significant digits."""
    return [float(f"{value:.{digits}g}") for value in np.asarray(values, dtype=np.float64)]
