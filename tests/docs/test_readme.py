"""This file holds the README to the code: its tables are those that would be generated now."""

import re
import runpy

from tests.layers.sources import ROOT


def test_the_generated_parts_of_the_readme_are_up_to_date() -> None:
    generate = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    marked = set(re.findall(r"<!-- generated: (\w+) -->", text))
    assert marked == set(generate["PARTS"])
    assert generate["regenerated"](text) == text, "run `make docs`"


def test_every_decision_is_numbered_once() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("*.md")]
    assert all(number.isdecimal() for number in numbers)
    assert len(numbers) == len(set(numbers))
