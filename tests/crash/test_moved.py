"""A run folder works from wherever it is moved to, and says so when its data are gone."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.crash.killing import ALWAYS, Case, WarmParent, assert_equal_runs, only_run
from tests.crash.test_killed import IMAGES, PLAIN, TABLE


def test_a_moved_run_with_relative_paths_resumes_evaluates_and_predicts(
    parent: WarmParent, place: Path, table: Path
) -> None:
    home, away = place / "home", place / "away" / "deeper"
    home.mkdir()
    away.mkdir(parents=True)
    shutil.copy(table, home / "rows.csv")
    words = ("train", "rows.csv", *TABLE, "--budget", "60 steps", "--validation", "rows.csv")
    parent.run(*words, "--runs", "whole", cwd=home)
    whole = only_run(home / "whole")
    child = parent.start(*words, "--runs", "mine", "--stop-after", "31", cwd=home)
    assert child.wait() == 0 and "descend resume mine/" in child.said
    name = only_run(home / "mine").name
    shutil.move(home / "mine" / name, away / "renamed")

    said = parent.run("resume", "renamed", "--json", cwd=away)
    result = json.loads(said.splitlines()[-1])
    assert result["run"] == str(away / "renamed")
    assert_equal_runs(whole, away / "renamed")

    shutil.move(away / "renamed", place / "again")
    said = parent.run("evaluate", "again", "--json", cwd=place)
    metrics = json.loads(said.splitlines()[-1])["metrics"]
    assert metrics["test"]["rmse"] == pytest.approx(result["metrics"]["test"]["rmse"], rel=1e-6)
    parent.run("predict", "again", table, "--output", "predicted.csv", cwd=place)
    assert len(pl.read_csv(place / "predicted.csv")) == 240


def test_a_run_whose_data_moved_says_how_to_name_them(
    parent: WarmParent, place: Path, images: Path
) -> None:
    shutil.copytree(images, place / "pictures")
    words = (*IMAGES, *PLAIN, "--checkpoint-minutes", ALWAYS)
    case = Case(parent, place, (place / "pictures", *words), ("--stop-after", "40"))
    whole = case.train_whole()
    case.kill_at(12)
    shutil.move(place / "pictures", place / "elsewhere")
    said = case.resume_refused()
    assert f"no longer at {place / 'pictures'}" in said
    assert f"descend resume {case.killed} --data PATH" in said
    parent.run("resume", case.killed, *case.ends, "--data", place / "elsewhere")
    assert_equal_runs(whole, case.killed)


def test_a_run_whose_data_changed_is_not_resumed_on_them(
    parent: WarmParent, place: Path, images: Path
) -> None:
    shutil.copytree(images, place / "pictures")
    words = (place / "pictures", *IMAGES, *PLAIN)
    case = Case(parent, place, words, ("--stop-after", "4"))
    assert case.start().wait() == 0
    first, second = sorted((place / "pictures" / "kind-1").iterdir())[:2]
    shutil.copy(first, second)
    assert "has changed since this run began" in case.resume_refused()
