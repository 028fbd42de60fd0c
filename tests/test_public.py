"""This file tests the package as Python sees it."""

import ast

import pytest

import descend
from descend.cli._command import VERBS
from tests.layers.sources import SOURCE


def test_every_verb_of_the_command_is_there_in_python_too() -> None:
    assert set(VERBS.names) <= set(dir(descend))
    for name in VERBS.names:
        assert callable(getattr(descend, name))


def test_types_are_known_for_every_public_name() -> None:
    tree = ast.parse((SOURCE / "descend" / "__init__.py").read_text(encoding="utf-8"))
    (guarded,) = [node for node in tree.body if isinstance(node, ast.If)]
    typed = {
        (alias.asname, (node.module or "").removeprefix("descend.workflow."))
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == set(descend._HOMES.items())


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = descend.trian


def test_the_version_is_that_of_the_distribution() -> None:
    assert descend.__version__.count(".") == 2
