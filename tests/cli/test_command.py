"""This file tests the command itself: help, errors, exit codes and what stands on stdout."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from descend.cli import _app
from descend.cli._call import Answer, Call, Positional
from descend.cli._command import VERBS
from descend.errors import DataError, RunError, Stopped
from descend.settings import Settings, setting

Captured = pytest.CaptureFixture[str]


class Options(Settings):
    often: int = setting(1, "how often", unit="times", at_least=1)
    loudly: bool = setting(False, "with force")


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A verb named `shout`, whose `run` a test replaces."""
    made = SimpleNamespace(
        SUMMARY="Shout.",
        POSITIONALS=(Positional("words", "what to shout", several=True),),
        Options=Options,
        RUN_SETTINGS=False,
        FOR_PROGRAMS=False,
        run=lambda call: Answer({"words": list(call.words["words"])}, "SHOUTED"),
    )
    load = VERBS.load
    monkeypatch.setattr(VERBS, "names", ("recipe", "shout", "train"))
    monkeypatch.setattr(VERBS, "load", lambda name: made if name == "shout" else load(name))
    return made


def raising(error: BaseException) -> object:
    def run(_call: Call) -> Answer:
        raise error

    return run


@pytest.mark.parametrize("verb_name", ["", *(name.replace("_", "-") for name in VERBS.names)])
def test_help_answers_without_torch(verb_name: str) -> None:
    code = (
        "import sys; from descend.cli._app import run; code = run(sys.argv[1:]);"
        "sys.exit(code or ('torch' in sys.modules and 7))"
    )
    arguments = [word for word in (verb_name, "--help") if word]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--help" in done.stdout


def test_no_word_at_all_shows_the_verbs(capsys: Captured) -> None:
    assert _app.run([]) == 0
    assert "recipe" in capsys.readouterr().out


def test_a_product_goes_to_stdout(verb: SimpleNamespace, capsys: Captured) -> None:
    assert _app.run(["shout", "hey"]) == 0
    assert capsys.readouterr() == ("SHOUTED\n", "")


def test_json_is_alone_on_stdout(verb: SimpleNamespace, capsys: Captured) -> None:
    def run(call: Call) -> Answer:
        print("a stray word of some library")
        call.show.say("a sentence for people")
        return Answer({"score": float("nan"), "file": Path("a"), "rows": (1, 2)}, "product")

    verb.run = run
    assert _app.run(["shout", "hey", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == {"score": None, "file": "a", "rows": [1, 2]}
    assert "stray" in err and "sentence" in err and "product" not in err


def test_quiet_says_nothing_but_gives_the_product(verb: SimpleNamespace, capsys: Captured) -> None:
    def run(call: Call) -> Answer:
        call.show.say("a sentence for people")
        return Answer(text="product")

    verb.run = run
    assert _app.run(["shout", "hey", "--quiet"]) == 0
    assert capsys.readouterr() == ("product\n", "")


def test_numbers_that_begin_with_a_minus_are_values(verb: SimpleNamespace) -> None:
    seen = []
    verb.run = lambda call: seen.append(call) or Answer()
    assert _app.run(["shout", "--often", "3", "--loudly", "--", "-1", "--json"]) == 0
    (call,) = seen
    assert call.words["words"] == ("-1", "--json")
    assert (call.options.often, call.options.loudly) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["shuot", "x"], "unknown verb 'shuot'; did you mean 'shout'?"),
        (["shout", "x", "--ofte", "2"], "unknown flag '--ofte'; did you mean '--often'?"),
        (["shout", "x", "--no-loud"], "unknown flag '--no-loud'; did you mean '--no-loudly'?"),
        (["shout", "x", "--zzz"], "unknown flag '--zzz'; `descend shout --help` lists them"),
        (["shout", "x", "--often", "0"], "setting 'often': got '0', expected"),
        (["shout", "x", "--often"], "requires an argument"),
        (["shout"], "Missing argument"),
    ],
)
def test_a_wrong_request_is_one_line(
    verb: SimpleNamespace, capsys: Captured, arguments: list[str], expected: str
) -> None:
    assert _app.run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and expected in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (DataError("row 3:\nbad"), 2),
        (RunError("no run"), 2),
        (OSError(28, "No space left on device", "weights"), 2),
        (Stopped("saved; descend resume runs/a", 2), 130),
        (Stopped("saved; descend resume runs/a", 15), 143),
        (KeyboardInterrupt(), 130),
    ],
)
def test_an_error_gives_its_exit_code_and_json(
    verb: SimpleNamespace, capsys: Captured, error: BaseException, exit_code: int
) -> None:
    verb.run = raising(error)
    assert _app.run(["shout", "x", "--json"]) == exit_code
    out, err = capsys.readouterr()
    assert json.loads(out)["exit_code"] == exit_code
    assert json.loads(out)["error"] in err
    assert err.count("\n") == 1
    assert err.startswith("error: ") == (exit_code < 128)  # to be stopped is no error


def test_our_own_fault_leaves_a_report_to_send(
    verb: SimpleNamespace, capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    verb.run = raising(ZeroDivisionError("by zero"))
    assert _app.run(["shout", "x"]) == 3
    (report,) = tmp_path.glob("descend-report-*.txt")
    text = report.read_text()
    assert "ZeroDivisionError" in text and "Traceback" in text
    err = capsys.readouterr().err
    assert str(report) in err and "Traceback" not in err and err.count("\n") == 1


def test_each_verb_has_the_shape_of_a_verb() -> None:
    for name in VERBS.names:
        verb: ModuleType = VERBS.load(name)
        assert verb.SUMMARY.endswith(".")
        assert issubclass(verb.Options, Settings)
        assert isinstance(verb.RUN_SETTINGS, bool)
        assert all(isinstance(positional, Positional) for positional in verb.POSITIONALS)
        assert callable(verb.run)
