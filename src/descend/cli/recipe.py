"""This file is the verb `recipe`: every setting there is, to read or to fill in."""

import json

from descend.cli._call import Answer, Call, Positional
from descend.settings import Settings, setting
from descend.workflow.recipes_shown import recipe, recipe_rows, recipe_schema

SUMMARY = "Print all settings with units, ranges and defaults, as a recipe to fill in."
POSITIONALS = (
    Positional(
        "entries", "networks, optimizers, … whose settings to print; all when none is named",
        required=False, several=True,
    ),
)  # fmt: skip
RUN_SETTINGS = False
FOR_PROGRAMS = True


class Options(Settings):
    schema_: bool = setting(False, "print JSON schema instead")


def run(call: Call) -> Answer:
    entries = call.words["entries"]
    if call.options.schema_:
        schema = recipe_schema(*entries)
        return Answer(schema, json.dumps(schema, indent=1, ensure_ascii=False))
    return Answer({"settings": recipe_rows(*entries)}, recipe(*entries))
