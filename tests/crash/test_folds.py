"""A cross-validation is one run: killed in any fold, it is resumed as a whole."""

import json
import signal
from pathlib import Path

import polars as pl
import pytest

from tests.crash.killing import Case, WarmParent, assert_equal_runs, refused
from tests.crash.test_killed import TABLE

WORDS = (*TABLE, "--folds", "3", "--budget", "30 steps", "--dropout", "0.1")
# The number of the call at which a fold is under way.
PLACES = {
    "the first fold's folder": ("descend.run:RunFolder.write_recipe", 2),
    "the second fold's training": ("descend.training.checkpoint:save", 14),
    "between two folds": ("descend.workflow.train:train_once", 1),
    "the summary": ("descend.workflow.folds:_bring_together", 1),
    "the report": ("descend.workflow.folds:write_report", 1),
}


def assert_equal_folds(whole: Path, other: Path) -> None:
    for number in (1, 2, 3):
        assert_equal_runs(whole / f"fold-{number}", other / f"fold-{number}")
    results = [json.loads((run / "result.json").read_text()) for run in (whole, other)]
    assert results[0]["metrics"] == results[1]["metrics"] and len(results[1]["folds"]) == 3
    tables = [pl.read_parquet(run / "predictions.parquet") for run in (whole, other)]
    assert tables[0].equals(tables[1], null_equal=True)
    assert (other / "report.html").is_file()
    evidence = [(run / "evidence.jsonl").read_text() for run in (whole, other)]
    assert evidence[0] == evidence[1]


@pytest.mark.slow
@pytest.mark.parametrize("what", PLACES)
def test_a_cross_validation_killed_anywhere_is_resumed_as_a_whole(
    what: str, parent: WarmParent, place: Path, table: Path
) -> None:
    case = Case(parent, place, (table, *WORDS), ())
    whole = case.train_whole()
    where, call = PLACES[what]
    case.kill_at_pause(case.start(pause=case.pausing_at(where, call=call)))
    case.resume_to_the_end()
    assert_equal_folds(whole, case.killed)


@pytest.mark.slow
def test_a_cross_validation_that_is_stopped_prints_the_way_on(
    parent: WarmParent, place: Path, table: Path
) -> None:
    case = Case(parent, place, (table, *WORDS), ())
    whole = case.train_whole()
    child = case.start(pause=case.pausing_at("descend.training.checkpoint:save", call=14))
    case.await_pause(child)
    child.send(signal.SIGINT)
    case.go_on()
    assert child.wait() == 130
    assert f"saved; go on with: descend resume {case.killed}\n" in child.said
    case.resume_to_the_end()
    assert_equal_folds(whole, case.killed)


def test_a_cross_validation_of_wrong_data_leaves_no_run_folder(
    parent: WarmParent, place: Path
) -> None:
    rows = place / "rows.csv"
    rows.write_text("a,b\n" + "1,x\n" * 50)
    words = ("train", rows, "--target", "b", "--folds", "3", "--runs", place / "runs")
    refused(parent.start(*words))
    assert not list((place / "runs").iterdir())
