"""This file makes command line options of settings classes.

Values stay text: the verb's `settings.parse` is the only judge of them, so a flag, a recipe and a
Python call get the same errors.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click

from descend.data.data_settings import DataSettings
from descend.settings import FieldDescription, Settings, describe, split_list
from descend.training.training_settings import TrainingSettings
from descend.workflow.recipe import CATALOGS


@dataclass(frozen=True)
class Section:
    """Settings that stand together under one title in `--help`."""

    title: str
    settings: type[Settings]


class SettingOption(click.Option):
    """One setting as a flag; knows its section and how its values become settings."""

    def __init__(self, described: FieldDescription, section: str) -> None:
        flag = described.flag
        declaration = f"{flag}/--no-{flag[2:]}" if described.is_flag else flag
        super().__init__(
            [described.name, declaration],
            default=None,
            type=click.BOOL if described.is_flag else click.STRING,
            multiple=described.is_list,
            metavar=_metavar(described),
            help=_help(described),
        )
        self.described = described
        self.section = section

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        if record is None or not self.described.is_flag or self.described.default == "yes":
            return record
        return self.described.flag, record[1]  # --no-x only undoes a recipe's choice here

    def value_of(self, given: object) -> object:
        """The value for `settings.parse`; None when the flag was not given."""
        if not self.described.is_list:
            return given
        parts = [part for text in given or () for part in split_list(text)]  # type: ignore[attr-defined]
        if not parts:
            return None
        return "auto" if parts == ["auto"] else tuple(parts)


def options_of(sections: Iterable[Section]) -> list[SettingOption]:
    """One option for each name; of entries that share a name the first one's help is shown."""
    options: dict[str, SettingOption] = {}
    for section in sections:
        for described in describe(section.settings):
            options.setdefault(described.name, SettingOption(described, section.title))
    return list(options.values())


def run_sections(arguments: Sequence[str]) -> list[Section]:
    """The settings of a training, with those of the entries that the arguments choose.

    Imports the files of the chosen entries only.
    """
    sections = [Section("Data", DataSettings), Section("Training", TrainingSettings)]
    for kind, catalog in CATALOGS.items():
        for name in _chosen(arguments, f"--{kind}"):
            if name not in {"auto", "none"}:
                sections.append(Section(f"{kind} {name}", catalog.load(name).Settings))
    return sections


def every_entry() -> list[Section]:
    """The settings of all catalog entries; imports them all."""
    return [
        Section(f"{kind} {name}", catalog.load(name).Settings)
        for kind, catalog in CATALOGS.items()
        for name in catalog.names
    ]


def _chosen(arguments: Sequence[str], flag: str) -> list[str]:
    found = [a.removeprefix(f"{flag}=") for a in arguments if a.startswith(f"{flag}=")]
    found += [b for a, b in itertools.pairwise(arguments) if a == flag]
    return [name for text in found if text for name in split_list(text)]


def _metavar(described: FieldDescription) -> str | None:
    if described.is_flag:
        return None
    if described.type.endswith("choice"):
        return described.allowed.replace(" ", "")
    return f"<{described.unit or described.type.removeprefix('list of ')}>"


def _help(described: FieldDescription) -> str:
    notes = [f"default: {described.default}"] if described.default != "none" else []
    if described.allowed and not described.type.endswith("choice"):
        notes.append(described.allowed)
    if described.catalog:
        notes.append("known: " + ", ".join(_entries(described)))
    if described.is_list:
        notes.append("several with commas")
    return described.help + (f"  [{'; '.join(notes)}]" if notes else "")


def _entries(described: FieldDescription) -> Sequence[str]:
    known = [c for c in CATALOGS.values() if c.package == described.catalog]
    return known[0].names if known else ()
