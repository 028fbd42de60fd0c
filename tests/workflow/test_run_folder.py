"""What a run folder is called, and what is said when its files were changed by hand or damaged."""

from pathlib import Path

import pytest

from descend import run
from descend.errors import RunError
from descend.workflow.resume import resume
from tests.workflow import trained_runs as made


def test_a_given_name_is_taken_exactly_when_it_is_free(tmp_path: Path) -> None:
    given = [run.create(tmp_path, "cal", exact=True).name for _ in range(3)]
    derived = [run.create(tmp_path, "rows-mlp").name for _ in range(2)]
    assert given == ["cal", "cal-2", "cal-3"] and derived == ["rows-mlp-1", "rows-mlp-2"]


def test_a_diverged_training_says_so_and_its_resume_says_the_same(tmp_path: Path) -> None:
    data = made.mail(tmp_path / "mail.csv")
    said = r"the loss became .* by step .*--learning-rate"
    with pytest.raises(RunError, match=said):
        made.quick(tmp_path, data, "far", target="kind", learning_rate=1e30)
    for _ in range(2):
        with pytest.raises(RunError, match=said):
            resume(tmp_path / "runs" / "far")
