"""Ctrl-C and SIGTERM: the step is finished and saved, and the way on is printed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.crash.killing import (
    NEVER,
    ONE_THREAD,
    ROOT,
    Case,
    WarmParent,
    assert_equal_runs,
    refused,
)
from tests.crash.test_killed import EVALUATION, IMAGES, PLAIN, TABLE, image_case

SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143}


def said_way_on(case: Case, said: str) -> bool:
    return f"descend resume {case.killed}" in said


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_saves_and_the_resumed_run_is_bit_equal(
    number: signal.Signals, parent: WarmParent, place: Path, images: Path
) -> None:
    case = image_case(parent, place, images, "--checkpoint-minutes", NEVER)
    whole = case.train_whole()
    child = case.start(pause=case.pausing_at(EVALUATION, call=4))
    case.await_pause(child)
    child.send(number)
    case.go_on()
    assert child.wait() == SIGNALS[number], child.said
    assert "saved" in child.said and said_way_on(case, child.said)
    assert "going on at step" in case.resume_to_the_end()
    assert_equal_runs(whole, case.killed)


def test_a_second_ctrl_c_ends_at_once(parent: WarmParent, place: Path, images: Path) -> None:
    case = image_case(parent, place, images)
    whole = case.train_whole()
    child = case.start(pause=case.pausing_at(EVALUATION, call=4))
    case.await_pause(child)
    child.send(signal.SIGINT)
    time.sleep(0.1)
    assert not child.ended  # it waits for the step to be finished
    child.send(signal.SIGINT)
    assert child.wait() == 130 and "Traceback" not in child.said
    case.go_on()
    case.resume_to_the_end()
    assert_equal_runs(whole, case.killed)


BEFORE_STEP_1 = {
    "reading": "descend.data.reading:read",
    "planning": "descend.training.plan:seconds_per_step",
}


@pytest.mark.parametrize("when", BEFORE_STEP_1)
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_before_step_1_leaves_no_run_folder(
    number: signal.Signals, when: str, parent: WarmParent, place: Path, images: Path
) -> None:
    case = image_case(parent, place, images)
    child = case.start(pause=case.pausing_at(BEFORE_STEP_1[when]))
    case.await_pause(child)
    child.send(number)
    assert child.wait() == SIGNALS[number]
    assert "Traceback" not in child.said
    assert not (place / "killed").exists()


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_a_signal_during_the_final_evaluation_ends_at_once_and_nothing_is_lost(
    number: signal.Signals, parent: WarmParent, place: Path, table: Path
) -> None:
    case = Case(parent, place, (table, *TABLE, "--budget", "40 steps"), ())
    whole = case.train_whole()
    child = case.start(pause=case.pausing_at("descend.workflow.finish:write_predictions"))
    case.await_pause(child)
    child.send(number)
    assert child.wait() == SIGNALS[number], child.said
    assert "training, which is saved" in child.said and said_way_on(case, child.said)
    case.go_on()
    case.resume_to_the_end()
    assert_equal_runs(whole, case.killed)


def test_two_processes_do_not_train_in_one_run_folder(
    parent: WarmParent, place: Path, images: Path
) -> None:
    case = image_case(parent, place, images)
    whole = case.train_whole()
    child = case.start(pause=case.pausing_at(EVALUATION, call=4))
    case.await_pause(child)
    said = case.resume_refused()
    assert f"process {child.pid} is training in {case.killed}" in said
    case.kill_at_pause(child)
    case.resume_to_the_end()  # a killed process holds nothing
    assert_equal_runs(whole, case.killed)


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
def test_the_installed_command_obeys_signals_too(
    number: signal.Signals, parent: WarmParent, place: Path, images: Path
) -> None:
    words = (*IMAGES, *PLAIN, "--budget", "20000 steps", "--checkpoint-minutes", NEVER)
    case = Case(parent, place, (images, *words), ("--stop-after", "9000"))
    process = subprocess.Popen(
        [sys.executable, "-m", "descend", "train", *map(str, case.words), "--runs", "killed"],
        cwd=place,
        env=os.environ | ONE_THREAD | {"PYTHONPATH": str(ROOT / "src")},
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    while (
        not list(place.glob("killed/*/evidence.jsonl"))
        or "update" not in next(place.glob("killed/*/evidence.jsonl")).read_text()
    ):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == SIGNALS[number]
    assert "go on with: descend resume killed" in said and "Traceback" not in said
    assert "is not a run folder" in refused(parent.start("resume", place))


IMPORTING = """
import os, sys, threading, time
from descend.__main__ import main

def send():
    while {module!r} not in sys.modules:
        time.sleep(0.001)
    os.kill(os.getpid(), {number:d})

threading.Thread(target=send, daemon=True).start()
sys.argv = ["descend", "train", "digits", "--quiet"]
main()
"""


@pytest.mark.parametrize("module", ["click", "torch", "torch.nn"])
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_during_the_imports_ends_at_once(
    number: signal.Signals, module: str, place: Path
) -> None:
    script = IMPORTING.format(module=module, number=number)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=place, env=os.environ | ONE_THREAD | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (SIGNALS[number], "stopped\n")
    assert not list(place.iterdir())
