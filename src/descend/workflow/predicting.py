"""This file is what every use of a trained model shares: opening it, its thresholds, its answers.

Columns of answers have the names of predictions.parquet: `name`, `predicted`, `probability CLASS`.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from descend import evidence
from descend.data.examples import Targets
from descend.errors import RunError, SettingError, did_you_mean
from descend.metrics._predictions import Predictions
from descend.metrics._thresholds import DEFAULT
from descend.run import RunFolder, open_run
from descend.show import Show
from descend.workflow.model_folder import Model, load_model

Thresholds = Mapping[str, float] | str | None
# A name may hold commas and signs of equality, so the number ends each pair.
_PAIR = re.compile(r"\s*(?P<name>.+?)\s*=\s*(?P<value>[^=,\s]+)\s*(?:,|$)")


def open_model(run: str | Path | RunFolder, device: str | None, show: Show) -> "Opened":
    """The kept model of a run. RunError says what to do where there is none."""
    folder = run if isinstance(run, RunFolder) else open_run(run)
    folds = sorted(path.parent.name for path in folder.path.glob("fold-*/recipe.toml"))
    if folds and not folder.model.is_dir():
        raise RunError(
            f"{folder.path} is a cross-validation and keeps no model of its own; "
            f"name one of its folds, such as {folder.path / folds[0]}"
        )
    if not (folder.model / "model.json").is_file():
        raise RunError(
            f"{folder.path} has no model ({folder.model / 'model.json'} is missing); "
            f"train it anew with: descend train --recipe {folder.recipe_file}"
        )
    if not folder.result_file.is_file() and not (folder.model / "weights.safetensors").is_file():
        raise RunError(
            f"{folder.path} stopped before its first evaluation, so no model is kept yet; "
            f"go on with: descend resume {folder.path}"
        )
    model = load_model(folder, device)
    if not folder.result_file.is_file():
        show.say(
            f"this run is not finished: its best model so far (step {model.step:,}) is used; "
            f"go on with: descend resume {folder.path}"
        )
    return Opened(folder, model)


class Opened:
    """A run folder and the model in it."""

    def __init__(self, folder: RunFolder, model: Model) -> None:
        self.folder = folder
        self.model = model

    def thresholds(self, wanted: Thresholds) -> np.ndarray | None:
        """One per class, or None for the usual decision. SettingError for one that cannot be.

        Classes that are not named share what the others leave, so that of two classes naming one
        is enough; labels that are not named keep theirs.
        """
        targets = self.model.targets
        own = self.model.thresholds
        if wanted is None:
            return None if own is None else np.array(own)
        if targets.kind == "number":
            raise SettingError("setting 'thresholds': numbers have none; this run predicts numbers")
        if wanted == "auto":
            return self._chosen()
        given = _pairs(wanted) if isinstance(wanted, str) else dict(wanted)
        _check(given, targets)
        count = len(targets.names)
        if targets.kind == "multi-label":
            kept = own or (DEFAULT,) * count
            return np.array([given.get(n, kept[i]) for i, n in enumerate(targets.names)])
        others = count - len(given)
        share = max((1 - sum(given.values())) / others, 1e-3) if others else 0.0
        return np.array([given.get(name, share) for name in targets.names])

    def _chosen(self) -> np.ndarray:
        """Those that were chosen on the validation split when the training ended."""
        records = evidence.select(evidence.read(self.folder.evidence_file), evidence.Evaluation)
        found = [r.details["thresholds"] for r in records if r.details.get("thresholds")]
        if not found:
            raise RunError(
                f"{self.folder.path} has no thresholds chosen on validation yet; resume the run, "
                "or give them as NAME=PROBABILITY"
            )
        by_name = {row["name"]: row["threshold"] for row in found[-1]}
        return np.array([by_name[name] for name in self.model.targets.names])


def _pairs(text: str) -> dict[str, float]:
    given: dict[str, float] = {}
    position = 0
    while position < len(text):
        found = _PAIR.match(text, position)
        if found is None:
            raise SettingError(
                f"setting 'thresholds': {text[position:]!r} is not NAME=PROBABILITY; "
                "expected for example 'spam=0.3,ham=0.7' or 'auto'"
            )
        given[found["name"]] = _number(found["value"])
        position = found.end()
    if not given:
        raise SettingError("setting 'thresholds': is empty; expected NAME=PROBABILITY or 'auto'")
    return given


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingError(
            f"setting 'thresholds': {text!r} is no number; expected one between 0 and 1"
        ) from None


def _check(given: Mapping[str, float], targets: Targets) -> None:
    for name, value in given.items():
        if name not in targets.names:
            near = did_you_mean(name, targets.names)
            raise SettingError(f"setting 'thresholds': unknown class {name!r}; {near}")
        if not 0 < value < 1:
            raise SettingError(
                f"setting 'thresholds': {name}={value:g} is impossible; "
                "expected a probability between 0 and 1"
            )


def answer_frame(
    targets: Targets, outputs: np.ndarray, names: Sequence[str], thresholds: np.ndarray | None
) -> pl.DataFrame:
    """One row per example: what it is, what is said of it, and how probable each class is."""
    columns: dict[str, Any] = {"name": pl.Series("name", list(names), pl.String)}
    if targets.kind == "number":
        single = len(targets.names) == 1
        for i, name in enumerate(targets.names):
            columns["predicted" if single else f"predicted {name}"] = outputs[:, i]
        return pl.DataFrame(columns)
    unknown = np.zeros(len(outputs) if targets.kind == "single-label" else outputs.shape)
    said = Predictions(targets.kind, unknown, outputs, targets.names, thresholds)
    if targets.kind == "single-label":
        texts = [targets.names[code] for code in said.decisions]
        columns["predicted"] = pl.Series("predicted", texts, pl.String)
    for i, name in enumerate(targets.names):
        if targets.kind == "multi-label":
            columns[f"predicted {name}"] = said.positives[:, i]
        columns[f"probability {name}"] = outputs[:, i]
    return pl.DataFrame(columns)
