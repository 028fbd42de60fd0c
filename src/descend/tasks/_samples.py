"""This file picks the examples worth looking at and makes them small enough for a page."""

import base64
import math
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from descend.data.examples import Preprocessing, Split
from descend.data.table_preprocessing import CLIP, MISSING, NumberColumn, TablePreprocessing
from descend.evidence import Samples
from descend.metrics._predictions import Predictions
from descend.tasks._baselines import written

SIDE = 64  # pixels, the longest side of a picture in the evidence
COUNT = 24

Fields = Callable[[int], dict[str, str]]  # the row of a table as a person reads it


def worst_samples(
    split: Split,
    p: Predictions,
    losses: np.ndarray,
    *,
    name: str,
    step: int,
    count: int = COUNT,
    fields: Fields | None = None,
) -> Samples:
    """The examples of the highest loss, worst first, with pictures where the inputs are images."""
    order = np.argsort(-np.nan_to_num(losses, nan=np.inf), kind="stable")[:count]
    return samples(split, p, losses, order, f"Worst predictions, {name} split", name, step, fields)


def samples(
    split: Split,
    p: Predictions,
    losses: np.ndarray,
    chosen: Sequence[int] | np.ndarray,
    title: str,
    name: str,
    step: int,
    fields: Fields | None = None,
) -> Samples:
    """`chosen` are places in the split; `name` is the split's."""
    rows = [_row(split, p, float(losses[i]), int(i), fields) for i in chosen]
    return Samples(step, name, title, rows)


def thumbnail(pixels: Tensor) -> str:
    """uint8 (channels, height, width) -> base64 of a PNG of at most SIDE pixels a side."""
    array = pixels.cpu().permute(1, 2, 0).numpy()
    picture = Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
    picture.thumbnail((SIDE, SIDE))
    stream = BytesIO()
    picture.save(stream, format="PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()


def _row(
    split: Split, p: Predictions, loss: float, place: int, fields: Fields | None
) -> dict[str, Any]:
    row: dict[str, Any] = {"name": split.names[place], **_said(p, place), "loss": loss}
    if split.inputs[0].dtype == torch.uint8 and split.inputs[0].dim() == 4:
        return row | {"png": thumbnail(split.inputs[0][place])}
    return row | {"fields": fields(place)} if fields is not None else row


def _said(p: Predictions, place: int) -> dict[str, Any]:
    outputs = p.outputs[place]
    if p.kind == "number":
        return {
            "target": _numbers(p.targets[place], p.names),
            "predicted": _numbers(outputs, p.names),
        }
    if p.kind == "multi-label":
        return {
            "target": _labels(p.truths[place], p.names),
            "predicted": _labels(p.positives[place], p.names),
        }
    decided, true = int(p.decisions[place]), int(p.targets[place])
    return {
        "target": p.names[true],
        "predicted": p.names[decided],
        "probability": float(outputs[decided]),
        "probability_of_target": float(outputs[true]),
    }


def _numbers(values: np.ndarray, names: tuple[str, ...]) -> str:
    if len(names) == 1:
        return written(float(values[0]))
    return ", ".join(f"{name} {written(float(v))}" for name, v in zip(names, values, strict=True))


def _labels(chosen: np.ndarray, names: tuple[str, ...]) -> str:
    return ", ".join(name for name, on in zip(names, chosen, strict=True) if on) or "none"


def fields_of(split: Split, preprocessing: Preprocessing) -> Fields | None:
    """The values of a row as its table has them, as far as the network saw them; images: None."""
    if not isinstance(preprocessing, TablePreprocessing):
        return None
    return _table_fields(split, preprocessing)


def _table_fields(split: Split, preprocessing: TablePreprocessing) -> Fields:

    def fields(place: int) -> dict[str, str]:
        numbers, codes = (tensor[place].tolist() for tensor in split.inputs)
        found: dict[str, str] = {}
        for column, value in zip(preprocessing.numbers, numbers, strict=True):
            if column.part == "missing" and value > 0:
                found[column.source] = "missing"
            elif not column.part:
                found[column.source] = _short(_own_value(column, value))
        for category, code in zip(preprocessing.categories, codes, strict=True):
            text = category.values[code - 1] if code else "rare or new"
            found[category.name] = "missing" if text == MISSING else text
        return found

    return fields


def _own_value(column: NumberColumn, standard: float) -> float:
    """Undo what preprocessing did to a number."""
    if column.clipped:
        bent = min(abs(standard) / CLIP, 1 - 1e-6)
        standard = math.copysign(CLIP * bent / math.sqrt(1 - bent**2), standard)
    digits = 5 - math.floor(math.log10(column.scale))  # single precision knows no more
    return round(column.center + column.scale * standard, digits)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
