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
from descend.errors import RunError, SettingError, did_you_mean
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
RECORDED_FIELDS: dict[str, dict[str, type]] = {
    "source": {
        "data": str, "reader": str, "fingerprint": str, "fold": int, "settings": str, "length": str,
    },
    "horizon": {"steps": int, "steps_per_epoch": int, "evaluate_every": int},
    "plan": {"device": str, "precision": str, "channels_last": bool, "threads": int},
}  # fmt: skip
COUNTS = ("steps", "steps_per_epoch", "evaluate_every", "threads")
KINDS: dict[type, str] = {str: "text", int: "a whole number", bool: "true or false"}


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
            "source": {
                "data": self.source,
                **self.found,
                "length": length_digest(self.horizon, self.plan),
            },
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
    RunError names the file and what in it can't be.
    """
    toml = read_toml(path)
    recorded = {name: toml.pop(name) for name in RECORDED if name in toml}
    for name, section in recorded.items():
        _check_recorded(name, section, path)
    flat: dict[str, object] = {}
    for key, value in toml.items():
        for name, said in (value if isinstance(value, dict) else {key: value}).items():
            if flat.setdefault(name, said) != said:
                raise RunError(f"{path} says {name!r} twice: {flat[name]!r} and {said!r}; keep one")
    source = recorded.get("source", {}).get("data")
    return source or None, flat, recorded


def _check_recorded(name: str, section: object, path: Path) -> None:
    """Sections that a run wrote; RunError for what no run writes."""
    if not isinstance(section, dict):
        example = "; name the data as [source] with data = 'PATH' under it"
        raise RunError(
            f"{path}: {name!r} is {section!r}, expected a section [{name}]"
            f"{example if name == 'source' else ''}"
        )
    fields = RECORDED_FIELDS.get(name)
    if fields is None:
        return
    for key, value in section.items():
        if key not in fields:
            raise RunError(f"{path}: unknown {key!r} in [{name}]; {did_you_mean(key, fields)}")
        kind = fields[key]
        wanted = f"{KINDS[kind]}{' of at least 1' if key in COUNTS else ''}"
        fits = type(value) is kind and not (isinstance(value, int) and key in COUNTS and value < 1)
        if key == "precision":
            wanted, fits = "fp32 or bf16", value in ("fp32", "bf16")
        if not fits:
            raise RunError(f"{path}: {key!r} in [{name}] is {value!r}, expected {wanted}")
    missing = [key for key in fields if key not in section and name != "source"]
    if missing:
        raise RunError(f"{path}: {missing[0]!r} is missing in [{name}]; train anew")


def check_as_begun(path: Path) -> None:
    """RunError when a run's recipe says other settings than those that the run began with."""
    _, values, recorded = read_settings(path)
    began = recorded.get("source", {})
    if recorded.get("versions", {}).get("descend") != version("descend"):
        return  # another version may have other settings
    found = sort(values, f"{path}: ")
    entries = entry_settings(found.training, found.entries, {})
    now = {
        "settings": settings_digest(found.data, found.training, entries),
        "length": length_digest(recorded.get("horizon", {}), recorded.get("plan", {})),
    }
    if any(began.get(name, digest) != digest for name, digest in now.items()):
        raise RunError(
            f"{path} was edited after its run began, so the run can't go on; put it back, or "
            f"train anew with: descend train --recipe {path}"
        )


def length_digest(horizon: Mapping[str, Any], plan: Mapping[str, Any]) -> str:
    """Equal for equal lengths and plans of runs."""
    values = json.dumps([horizon, plan], sort_keys=True)
    return hashlib.sha256(values.encode()).hexdigest()[:16]


def check_file(values: Mapping[str, object], path: Path) -> None:
    """Settings of a recipe file alone; SettingError names the file, before flags are added."""
    where = f"{path}: "
    for _, module in chosen_entries(sort(values, where).training):
        own = {k: v for k, v in values.items() if k in module.Settings.model_fields}
        parse(module.Settings, own, where)


def versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in VERSIONED}}


def _names(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    if value is None or value == "none" or value == ("none",):
        return ()
    return (value,) if isinstance(value, str) else value
