"""This file tests the printed recipe, its rows and its schema."""

import tomllib

import pytest

from descend.errors import SettingError
from descend.settings import parse
from descend.training.training_settings import TrainingSettings
from descend.workflow.recipe import sort
from descend.workflow.recipes_shown import recipe, recipe_rows, recipe_schema, sections


def test_the_printed_recipe_asks_for_nothing_until_a_line_is_switched_on() -> None:
    assert all(not values for values in tomllib.loads(recipe()).values())


@pytest.mark.parametrize("entry", ["", "lenet5"])
def test_every_line_switched_on_says_the_defaults(entry: str) -> None:
    lines = (recipe(entry) if entry else recipe("sgd", "cosine")).splitlines()
    switched = [line.removeprefix("# ") for line in lines if not line.startswith("# --")]
    flat = {
        name: value
        for section in tomllib.loads("\n".join(switched)).values()
        for name, value in section.items()
    }
    choices = sort(flat)
    assert choices.training == parse(TrainingSettings, {})


def test_rows_cover_every_setting() -> None:
    names = {row["name"] for row in recipe_rows()}
    assert names == {name for section in sections() for name in section.settings.model_fields}


def test_the_schema_is_closed_and_needs_no_definitions() -> None:
    schema = recipe_schema()
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == {row["name"] for row in recipe_rows()}
    assert "$ref" not in str(schema)


def test_an_unknown_entry_is_named_with_the_nearest() -> None:
    with pytest.raises(SettingError, match="did you mean 'lenet5'"):
        recipe("lenet")
