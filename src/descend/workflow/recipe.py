"""This file sorts the settings of a run into sections, and writes and reads recipe.toml.

All settings share one flat name space: a name is a flag, a recipe key and a keyword in Python.
Sections are only the order they are shown and stored in.
"""

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from descend.catalog import Catalog
from descend.data.data_settings import DataSettings
from descend.errors import SettingError, did_you_mean
from descend.run import read_toml
from descend.settings import Settings, parse
from descend.training.training_settings import TrainingSettings

CATALOGS = {
    "task": Catalog("descend.tasks", "task"),
    "model": Catalog("descend.models", "network"),
    "optim": Catalog("descend.optim", "optimizer"),
    "schedule": Catalog("descend.schedules", "schedule"),
    "loss": Catalog("descend.losses", "loss"),
    "augment": Catalog("descend.data.augment", "augmentation"),
}
VERSIONED = ("descend", "torch", "torchvision", "numpy", "polars", "scikit-learn", "safetensors")
# Sections of a recipe that record what happened and are no settings.
RECORDED = ("versions", "source", "horizon", "plan", "because")


NOT_COMPARED = ("runs", "name", "stop_after", "checkpoint_minutes", "baseline")


@dataclass(frozen=True)
class Choices:
    """What the user said, sorted: checked as far as it can be before the data is read."""

    data: DataSettings
    training: TrainingSettings
    entries: Mapping[str, object]  # settings of catalog entries, not yet given to one
    given: frozenset[str]  # names that were said rather than left to be derived


@dataclass(frozen=True)
class Recipe:
    """Every choice of a run, resolved."""

    source: str  # what was trained on: a path, "digits", …
    data: DataSettings
    training: TrainingSettings
    entries: dict[str, Settings]  # "model" -> its Settings; "augment crop" for each augmentation
    plan: dict[str, Any] = field(default_factory=dict)
    horizon: dict[str, Any] = field(default_factory=dict)  # steps, steps_per_epoch, …
    found: dict[str, Any] = field(default_factory=dict)  # reader, fingerprint
    because: dict[str, str] = field(default_factory=dict)  # of derived settings: from what

    def to_toml(self) -> dict[str, Any]:
        sections: dict[str, Any] = {
            "source": {"data": self.source, **self.found},
            "data": self.data.model_dump(mode="json"),
            "training": self.training.model_dump(mode="json"),
        }
        for name, settings in self.entries.items():
            values = settings.model_dump(mode="json")
            if values:
                sections.setdefault(name.split()[0], {}).update(values)
        return sections | {
            "horizon": self.horizon,
            "plan": self.plan,
            "versions": versions(),
            "because": self.because,
        }


def sort(values: Mapping[str, object], where: str = "") -> Choices:
    """Sort flat settings. SettingError names an unknown key and the nearest known one."""
    data = {k: v for k, v in values.items() if k in DataSettings.model_fields}
    training = {k: v for k, v in values.items() if k in TrainingSettings.model_fields}
    entries = {k: v for k, v in values.items() if k not in data and k not in training}
    parsed = parse(TrainingSettings, training, where)
    for kind, catalog in CATALOGS.items():
        for name in _names(getattr(parsed, kind)):
            if name not in catalog:
                near = did_you_mean(name, catalog.names)
                raise SettingError(f"{where}unknown {catalog.noun} {name!r}; {near}")
    if entries:
        owners = entry_owners()
        for name in entries:
            if name not in owners:
                known = {*owners, *DataSettings.model_fields, *TrainingSettings.model_fields}
                near = did_you_mean(name, known)
                raise SettingError(f"{where}unknown setting {name!r}; {near}")
    return Choices(parse(DataSettings, data, where), parsed, entries, frozenset(values))


def entry_owners() -> dict[str, list[str]]:
    """For each setting of any catalog entry, the entries that have it; imports them all."""
    owners: dict[str, list[str]] = {}
    for kind, catalog in CATALOGS.items():
        for name in catalog.names:
            for key in catalog.load(name).Settings.model_fields:
                owners.setdefault(key, []).append(f"{kind} {name}")
    return owners


def entry_settings(
    training: TrainingSettings, given: Mapping[str, object], derived: Mapping[str, object]
) -> dict[str, Settings]:
    """Settings of the chosen entries. SettingError for one that belongs to an entry not chosen."""
    result: dict[str, Settings] = {}
    used: set[str] = set()
    for section, module in chosen_entries(training):
        fields = module.Settings.model_fields
        values = {k: v for k, v in {**derived, **given}.items() if k in fields}
        used.update(values)
        result[section] = parse(module.Settings, values)
    for name in given:
        if name not in used:
            owners = " or ".join(entry_owners()[name])
            chosen = ", ".join(result)
            raise SettingError(f"setting {name!r} belongs to {owners}; this run uses {chosen}")
    return result


def chosen_entries(training: TrainingSettings) -> Iterator[tuple[str, Any]]:
    """("model lenet5", its module), … for every catalog entry that the run uses."""
    for kind, catalog in CATALOGS.items():
        for name in _names(getattr(training, kind)):
            yield f"{kind} {name}", catalog.load(name)


def settings_digest(
    data: DataSettings, training: TrainingSettings, entries: Mapping[str, Settings]
) -> str:
    """Equal for equal settings; where a run is kept, or stops for now, is no part of it."""
    values = {
        "data": data.model_dump(mode="json", exclude={"workers"}),
        "training": training.model_dump(mode="json", exclude=set(NOT_COMPARED)),
        **{name: settings.model_dump(mode="json") for name, settings in entries.items()},
    }
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def read_settings(path: Path) -> tuple[str | None, dict[str, object], dict[str, Any]]:
    """The data, the flat settings and the recorded sections of a recipe file.

    Written recipes have sections; a short one made by hand may put all settings at the top.
    """
    toml = read_toml(path)
    recorded = {name: toml.pop(name) for name in RECORDED if name in toml}
    flat: dict[str, object] = {}
    for key, value in toml.items():
        flat.update(value if isinstance(value, dict) else {key: value})
    source = recorded.get("source", {}).get("data")
    return str(source) if source else None, flat, recorded


def versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in VERSIONED}}


def _names(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if value is None or value == "none" or value == ("none",):
        return ()
    return (value,) if isinstance(value, str) else value
