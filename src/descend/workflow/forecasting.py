"""This file says how a forecast ages: the error by distance from the end of training."""

from typing import Any, cast

import numpy as np

from descend.data.examples import Prepared
from descend.data.time_baselines import LEAST_SQUARES, error_by_distance, past_sentence, rmse
from descend.evidence import Note, Record, Table
from descend.metrics._predictions import Predictions

COLUMNS = ["method", "from", "to", "unit", "rows", "RMSE"]


def forecast_records(
    prepared: Prepared, predicted: dict[str, Predictions], split: str, step: int
) -> list[Record]:
    """For a time series: a table of errors by distance, and a sentence when the past does not
    predict. The network has one end of training; least squares is refitted at several (a rolling
    origin), which shows how much of a growing error is distance and how much is this one stretch.
    """
    extras: dict[str, Any] = prepared.extras
    if "distances" not in extras:
        return []
    p = predicted[split]
    targets = p.targets.reshape(len(p), -1)
    groups = error_by_distance(p.outputs - targets, extras["distances"][split], extras["step"])
    rows = [["network", *group.values()] for group in groups]
    rolling = cast(list[dict[str, Any]], extras.get("error_by_distance", []))
    rows += [[f"{LEAST_SQUARES}, rolling origin", *group.values()] for group in rolling]
    found: list[Record] = [Table(step, "error by distance from training", COLUMNS, rows)]
    errors = {
        name: rmse(said[split].reshape(len(p), -1), targets)
        for name, said in extras["baselines"].items()
    }
    mean = np.broadcast_to(np.array(prepared.targets.offset), targets.shape)
    sentence = past_sentence(
        {**errors, "the network": rmse(p.outputs, targets)},
        rmse(mean, targets),
        ", ".join(prepared.targets.names),
    )
    return [*found, Note(step, sentence)] if sentence else found
