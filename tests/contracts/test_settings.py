"""This file holds every settings class of the package to the contract of settings."""

import importlib
import itertools
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest

import descend
from descend.data.data_settings import DataSettings
from descend.errors import SettingError
from descend.settings import Settings, describe, parse, setting
from descend.training.training_settings import TrainingSettings
from descend.workflow.recipe import CATALOGS

# Bare numbers: a count of nothing, or a value whose unit is another's (a step size, a loss).
WITHOUT_UNIT = {
    "seed", "learning_rate", "weight_decay", "clip_norm", "epsilon", "mixup_alpha", "cutmix_alpha",
}  # fmt: skip


def _classes() -> Iterator[type[Settings]]:
    for found in pkgutil.walk_packages(descend.__path__, "descend."):
        for value in vars(importlib.import_module(found.name)).values():
            if (
                isinstance(value, type)
                and issubclass(value, Settings)
                and value.__module__ == found.name
                and value.model_fields
            ):
                yield value


CLASSES = list(_classes())
every_class = pytest.mark.parametrize(
    "settings", CLASSES, ids=lambda c: f"{c.__module__}.{c.__name__}"
)


@every_class
def test_each_setting_says_in_a_line_what_it_is(settings: type[Settings]) -> None:
    for row in describe(settings):
        assert row.help and "\n" not in row.help, row.name
        assert not row.help.endswith("."), f"{row.name}: a clause, not a sentence"


@every_class
def test_a_number_has_a_unit(settings: type[Settings]) -> None:
    for row in describe(settings):
        numeric = row.type.removeprefix("list of ") in {"number", "whole number", "duration"}
        assert row.unit or not numeric or row.name in WITHOUT_UNIT, row.name


@every_class
def test_defaults_are_valid_and_may_be_said(settings: type[Settings]) -> None:
    defaults = settings()
    said: dict[str, Any] = {
        name: value if isinstance(value, bool | tuple) else "auto" if value is None else str(value)
        for name, value in defaults
    }
    assert parse(settings, said) == defaults
    assert parse(settings, defaults.model_dump(mode="json")) == defaults


@every_class
def test_an_impossible_value_is_one_line_that_names_the_setting(settings: type[Settings]) -> None:
    for row in describe(settings):
        if row.type in {"number", "whole number", "choice", "duration", "yes/no"}:
            with pytest.raises(SettingError) as caught:
                parse(settings, {row.name: "impossible"})
            assert repr(row.name) in str(caught.value) and "\n" not in str(caught.value)


@every_class
def test_a_range_to_search_lies_inside_what_is_allowed(settings: type[Settings]) -> None:
    for row in describe(settings):
        for value in row.search[:2] if row.search else ():
            number = round(value) if row.type == "whole number" else value
            parse(settings, {row.name: number})


@every_class
def test_a_setting_that_names_a_catalog_names_one_that_exists(settings: type[Settings]) -> None:
    packages = {catalog.package for catalog in CATALOGS.values()}
    assert {row.catalog for row in describe(settings)} <= packages | {""}


def _names(kind: str, entry: str) -> set[str]:
    return set(CATALOGS[kind].load(entry).Settings.model_fields)


def _of_kind(kind: str) -> set[str]:
    return set().union(*(_names(kind, entry) for entry in CATALOGS[kind].names))


def test_a_name_has_one_meaning_in_a_run() -> None:
    sections = {
        "data": set(DataSettings.model_fields),
        "training": set(TrainingSettings.model_fields),
        **{kind: _of_kind(kind) for kind in CATALOGS},
    }
    for one, other in itertools.combinations(sections, 2):
        assert not sections[one] & sections[other], f"{one} and {other} occur in one run"


def test_augmentations_used_together_share_no_name() -> None:
    entries = CATALOGS["augment"].names
    for one, other in itertools.combinations(entries, 2):
        assert not _names("augment", one) & _names("augment", other)


def test_a_name_that_entries_share_is_the_same_kind_of_value() -> None:
    types: dict[str, str] = {}
    for kind, catalog in CATALOGS.items():
        for entry in catalog.names:
            for row in describe(catalog.load(entry).Settings):
                assert types.setdefault(row.name, row.type) == row.type, (
                    f"{kind} {entry} {row.name}"
                )


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", float("inf")])
def test_a_number_that_is_not_finite_is_refused(value: object) -> None:
    class Own(Settings):
        rate: float | None = setting(None, "how fast", above=0)

    with pytest.raises(SettingError, match="setting 'rate'"):
        parse(Own, {"rate": value})
