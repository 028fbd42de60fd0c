"""Event files hold what the evidence holds, also after a kill."""

from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from descend.evidence import Evaluation, Note, Record, Samples, Timing, Update
from descend.reports.tensorboard import EventSink
from descend.run import RunFolder
from descend.tasks._samples import thumbnail


def updates(steps: range) -> list[Record]:
    return [Update(step, 0, "network", 1.0 / step, 0.1, 2.0) for step in steps]


def read(folder: RunFolder) -> EventAccumulator:
    return EventAccumulator(str(folder.tensorboard)).Reload()


def steps_of(folder: RunFolder, tag: str) -> list[int]:
    return [event.step for event in read(folder).Scalars(tag)]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path)


def test_every_kind_of_record_arrives(folder: RunFolder) -> None:
    sink = EventSink(folder.tensorboard)
    picture = {"png": thumbnail(torch.zeros(1, 8, 8, dtype=torch.uint8))}
    for record in (
        *updates(range(1, 4)),
        Evaluation(3, "validation", {"accuracy": 0.5, "loss": float("nan")}, epoch=0),
        Timing(3, 0, 30, "images", 1.0, 30.0),
        Note(3, "Halved."),
        Samples(3, "validation", "Worst", [picture, {"name": "a row"}]),
    ):
        sink(record)
    sink.close()
    tags = read(folder).Tags()
    assert set(tags["scalars"]) == {
        "loss/network", "learning_rate", "gradient_norm/network", "accuracy/validation",
        "images_per_second",
    }  # fmt: skip
    assert tags["images"] == ["Worst/1"]
    assert "notes/text_summary" in tags["tensors"]


def test_a_resumed_run_has_each_step_once_and_none_that_was_undone(folder: RunFolder) -> None:
    killed = EventSink(folder.tensorboard)
    for record in updates(range(1, 9)):
        killed(record)
    assert steps_of(folder, "loss/network")[-1] == 8  # written though it was never closed
    resumed = EventSink(folder.tensorboard, 4)
    for record in updates(range(5, 7)):
        resumed(record)
    resumed.close()
    assert steps_of(folder, "loss/network") == [1, 2, 3, 4, 5, 6]
    killed.close()


def test_other_files_in_the_folder_are_left_alone(folder: RunFolder) -> None:
    folder.tensorboard.mkdir()
    kept = folder.tensorboard / "notes.txt"
    kept.write_text("mine")
    EventSink(folder.tensorboard).close()
    assert kept.read_text() == "mine"
