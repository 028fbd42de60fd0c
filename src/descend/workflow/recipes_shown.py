"""This file writes down every setting there is: as a recipe to fill in, as rows, as JSON schema."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from descend.data.data_settings import DataSettings
from descend.errors import SettingError, did_you_mean
from descend.settings import FieldDescription, Settings, describe
from descend.training.training_settings import TrainingSettings
from descend.workflow.recipe import CATALOGS

RUN_SECTIONS: dict[str, type[Settings]] = {"data": DataSettings, "training": TrainingSettings}


@dataclass(frozen=True)
class SettingsSection:
    """Settings that stand under one heading of a recipe."""

    heading: str  # "training", "model"
    entry: str  # the catalog entry they belong to: "lenet5"; "" for those every run has
    settings: type[Settings]


def sections(chosen: Mapping[str, tuple[str, ...]] | None = None) -> list[SettingsSection]:
    """What every run has, then the entries of each catalog, or only those that are chosen."""
    found = [SettingsSection(name, "", settings) for name, settings in RUN_SECTIONS.items()]
    for kind, catalog in CATALOGS.items():
        for name in catalog.names if chosen is None else chosen.get(kind, ()):
            found.append(SettingsSection(kind, name, catalog.load(name).Settings))
    return found


def recipe(*entries: str) -> str:
    """A recipe of all settings, each with its meaning, unit, range and default, in TOML.

    `entries` narrows the catalogs to those named, such as "lenet5" and "sgd".
    """
    return "\n".join(_recipe_lines(sections(_sorted(entries))))


def recipe_rows(*entries: str) -> list[dict[str, Any]]:
    """The same as plain values, one per setting."""
    return [
        {"section": section.heading, "entry": section.entry, **asdict(described)}
        for section in sections(_sorted(entries))
        for described in describe(section.settings)
    ]


def recipe_schema(*entries: str) -> dict[str, Any]:
    """JSON schema (draft 2020-12) of a flat recipe; a name that entries share allows any."""
    properties: dict[str, list[Any]] = {}
    for section in sections(_sorted(entries)):
        for name, schema in section.settings.model_json_schema(mode="serialization")[
            "properties"
        ].items():
            known = properties.setdefault(name, [])
            owned = {**schema, "description": _owned(section, schema.get("description", ""))}
            if owned not in known:
                known.append(owned)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A recipe of Descend",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: found[0] if len(found) == 1 else {"anyOf": found}
            for name, found in properties.items()
        },
    }


def _owned(section: SettingsSection, text: str) -> str:
    return f"{section.heading} {section.entry}: {text}" if section.entry else text


def _sorted(entries: tuple[str, ...]) -> dict[str, tuple[str, ...]] | None:
    if not entries:
        return None
    owners = {name: kind for kind, catalog in CATALOGS.items() for name in catalog.names}
    for name in entries:
        if name not in owners:
            raise SettingError(f"unknown catalog entry {name!r}; {did_you_mean(name, owners)}")
    return {
        kind: tuple(name for name in entries if name in catalog)
        for kind, catalog in CATALOGS.items()
    }


def _recipe_lines(shown: list[SettingsSection]) -> Iterator[str]:
    """Lines without a value are comments: a setting left out is derived or has its default."""
    heading = ""
    for section in shown:
        rows = describe(section.settings)
        if not rows:
            continue
        if section.heading != heading:
            heading = section.heading
            yield from ("", f"[{heading}]") if section is not shown[0] else (f"[{heading}]",)
        if section.entry:
            yield f'# -- with {section.heading} = "{section.entry}":'
        for row in rows:
            yield f"# {row.name} = {_toml(row)}  # {_meaning(row)}"


def _toml(row: FieldDescription) -> str:
    if row.is_flag:
        return "true" if row.default == "yes" else "false"
    if row.default == "none" and row.is_list:
        return "[]"
    if row.default == "none" or row.default.startswith("auto ("):
        return '"auto"'
    if row.is_list:
        return "[" + ", ".join(row.default.split()) + "]"
    return row.default if row.type in {"whole number", "number"} else f'"{row.default}"'


def _meaning(row: FieldDescription) -> str:
    derived = row.default.removeprefix("auto (").removesuffix(")")
    notes = [row.unit, row.allowed, f"auto: {derived}" if derived != row.default else ""]
    noted = "; ".join(note for note in notes if note)
    return row.help + (f" ({noted})" if noted else "")
