"""This file tests how settings become flags, and flags become values for `settings.parse`."""

from types import SimpleNamespace

import pytest

from descend.cli import _app
from descend.cli._call import Answer, Positional
from descend.cli._command import VERBS
from descend.settings import NoSettings, split_list


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Settings that a verb `learn`, which takes those of a training, was called with."""
    seen: list[dict[str, object]] = []
    verb = SimpleNamespace(
        SUMMARY="Learn.",
        POSITIONALS=(Positional("data", "what to learn from"),),
        Options=NoSettings,
        RUN_SETTINGS=True,
        FOR_PROGRAMS=False,
        run=lambda call: seen.append(dict(call.settings)) or Answer(),
    )
    monkeypatch.setattr(VERBS, "names", ("learn",))
    monkeypatch.setattr(VERBS, "load", lambda _name: verb)
    return seen


def test_only_what_was_said_is_passed_on_and_as_text(given: list[dict[str, object]]) -> None:
    assert _app.run(["learn", "x", "--batch-size", "64", "--no-baseline"]) == 0
    assert given == [{"batch_size": "64", "baseline": False}]


def test_a_list_is_repeated_or_separated_by_commas(given: list[dict[str, object]]) -> None:
    assert _app.run(["learn", "x", "--target", "-1", "--target", 'a, "b, c"']) == 0
    assert given == [{"target": ("-1", "a", "b, c")}]


def test_a_setting_of_an_entry_that_was_not_named_is_found(
    given: list[dict[str, object]],
) -> None:
    assert _app.run(["learn", "x", "--pooling", "max"]) == 0
    assert given == [{"pooling": "max"}]


def test_an_unknown_flag_suggests_the_nearest_of_all(
    given: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _app.run(["learn", "x", "--learning-rat", "1"]) == 2
    assert "did you mean '--learning-rate'" in capsys.readouterr().err


def test_help_shows_the_settings_of_the_entries_that_are_named(
    given: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _app.run(["learn", "--model", "lenet5", "--help"]) == 0
    out = capsys.readouterr().out
    assert "model lenet5:" in out and "--pooling average|max" in out
    assert "--batch-size <examples>" in out and "auto" in out
    assert "--momentum" not in out


def test_an_unknown_network_is_named_with_the_nearest(
    given: list[dict[str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _app.run(["learn", "x", "--model", "lenet"]) == 2
    assert "unknown network 'lenet'; did you mean 'lenet5'" in capsys.readouterr().err


def test_quoted_commas_stay_in_a_name() -> None:
    assert split_list('"price, usd",b') == ["price, usd", "b"]


def test_a_list_may_hold_a_name_with_a_line_end() -> None:
    assert split_list("y\n2") == ["y\n2"]
    assert split_list('a, "b\n2"') == ["a", "b\n2"]
