"""This file is the log loss: −log of the probability given to what came true, in nats."""

import numpy as np

from descend.metrics._predictions import Predictions

KINDS = frozenset({"single-label", "multi-label"})
HIGHER_IS_BETTER = False


def compute(p: Predictions) -> float:
    return float(per_example(p).mean())


def per_example(p: Predictions) -> np.ndarray:
    """(n,) nats; for several labels the mean over them. Probabilities of 0 are read as the
    smallest step of their number type, as scikit-learn does, so that the loss stays finite."""
    smallest = np.finfo(p.outputs.dtype).eps
    if p.kind == "single-label":
        given = p.outputs[np.arange(len(p)), p.targets].astype(np.float64)
        return np.asarray(-np.log(np.clip(given, smallest, 1)))
    given = np.where(p.truths, p.outputs, 1 - p.outputs).astype(np.float64)
    return np.asarray(-np.log(np.clip(given, smallest, 1)).mean(axis=1))
