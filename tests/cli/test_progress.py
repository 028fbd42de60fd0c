"""This file tests what a person sees of a training, on a terminal and in a log."""

import io

import pytest

from descend.cli import _progress
from descend.cli._progress import Bars, Lines, make_show


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_now_and_then_with_the_time_left(clock: list[float]) -> None:
    out, err = io.StringIO(), io.StringIO()
    show = make_show(out, err)
    assert isinstance(show, Lines)
    show.begin(1000, "images")
    for step in range(1, 31):
        show.advance(step, 0, loss=1 / step, items_per_second=1234.5)
        clock[0] += 1
    lines = err.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[0] == "step 11/1000, epoch 1: loss 0.0909, 1,234 images/s, 16:29 left"
    assert out.getvalue() == ""


def test_a_resumed_run_reckons_from_where_it_goes_on(clock: list[float]) -> None:
    err = io.StringIO()
    show = Lines(io.StringIO(), err)
    show.begin(1000, "rows")
    show.advance(900, 3)
    clock[0] += 10
    show.advance(910, 3, metric=("accuracy", 0.5))
    assert err.getvalue() == "step 910/1000, epoch 4: accuracy 0.5000, 1:30 left\n"


def test_a_terminal_gets_a_bar_and_sentences_stay_on_stdout(clock: list[float]) -> None:
    out, err = io.StringIO(), Terminal()
    show = make_show(out, err)
    assert isinstance(show, Bars)
    show.say("10 classes [a, b]")
    show.begin(100, "images")
    for step in (1, 2, 3):
        show.advance(step, 0, loss=0.5)
        clock[0] += 1
    show.say("stopped early")
    show.end()
    assert out.getvalue() == "10 classes [a, b]\nstopped early\n"
    assert "3/100" in err.getvalue() and "loss 0.5000" in err.getvalue()


def test_a_long_sentence_is_not_cut_into_lines() -> None:
    out = io.StringIO()
    Bars(out, Terminal()).say("word " * 100)
    assert out.getvalue().count("\n") == 1


def test_a_table_keeps_names_as_they_are() -> None:
    out = io.StringIO()
    Lines(out, io.StringIO()).table("found", ["class", "rmse"], [["[red]", 49_900.12], ["b", 0.25]])
    assert out.getvalue().splitlines()[1:] == [
        "class      rmse",
        "[red]  49,900.1",
        "b          0.25",
    ]
