"""This file starts the command, kills it where it is wanted, and compares what two runs left."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from descend.training import checkpoint

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0  # seconds until a child that does not get there is a failure
ATTEMPTS = 5
OFTEN = "0.0003"  # minutes between checkpoints
ALWAYS = "0.00001"  # after each step
NEVER = "1000"
ONE_THREAD = {
    f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "RAYON")
} | {"POLARS_MAX_THREADS": "1"}


@dataclass
class Child:
    """A process of the command."""

    parent: "WarmParent"
    pid: int
    output: Path
    code: int | None = None  # exit code, negative for a signal

    @property
    def ended(self) -> bool:
        if self.code is None:
            self.code = self.parent.ask({"ended": self.pid, "wait": False})["code"]
        return self.code is not None

    def wait(self) -> int:
        if self.code is None:
            self.code = self.parent.ask({"ended": self.pid, "wait": True})["code"]
        assert self.code is not None
        return self.code

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        """A real SIGKILL, of a process that was still at work."""
        assert not self.ended, self.said
        self.send(signal.SIGKILL)
        assert self.wait() == -signal.SIGKILL

    @property
    def said(self) -> str:
        return self.output.read_text()


class WarmParent:
    """The process that has imported everything and forks children."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started = 0
        self.wholes: dict[tuple[object, ...], Path] = {}  # runs, by what was trained
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.warm_parent"],
            cwd=ROOT, env=os.environ | ONE_THREAD, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert "ready" in self._answer()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def start(
        self, *arguments: object, cwd: Path | None = None, pause: dict[str, Any] | None = None,
        file_limit: int | None = None,
    ) -> Child:  # fmt: skip
        self.started += 1
        output = self.folder / f"output-{self.started}.txt"
        request = {
            "arguments": [str(word) for word in arguments], "output": str(output),
            "cwd": str(cwd or self.folder), "pause": pause, "file_limit": file_limit,
        }  # fmt: skip
        return Child(self, self.ask({"start": request})["pid"], output)

    def run(self, *arguments: object, cwd: Path | None = None) -> str:
        """Run the command to its end; what it said."""
        child = self.start(*arguments, cwd=cwd)
        assert child.wait() == 0, child.said
        return child.said

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@dataclass
class Case:
    """One training, whole and killed, side by side."""

    parent: WarmParent
    folder: Path
    words: tuple[object, ...]  # data and settings
    ends: tuple[object, ...]  # --stop-after N, or nothing: to the report
    kills: list[int] = field(default_factory=list)  # the step each kill hit

    def train_whole(self) -> Path:
        """The run that nobody kills; equal cases share one, which is only read."""
        key = (*self.words, *self.ends)
        if key not in self.parent.wholes:
            runs = self.parent.folder / f"whole-{len(self.parent.wholes)}"
            self.parent.run("train", *key, "--runs", runs, "--quiet")
            self.parent.wholes[key] = only_run(runs)
        return self.parent.wholes[key]

    @property
    def killed(self) -> Path:
        return only_run(self.folder / "killed")

    def start(self, **how: Any) -> Child:
        """Begin the same training once more."""
        runs = self.folder / "killed"
        return self.parent.start("train", *self.words, *self.ends, "--runs", runs, "--quiet", **how)

    def resume(self, **how: Any) -> Child:
        return self.parent.start("resume", self.killed, *self.ends, **how)

    def kill_at(self, step: int, resume: bool = False) -> None:
        """Kill when the evidence has come to this step. A process that was over before is as if it
        had never been, and the next one is killed earlier."""
        killed, kept = self.folder / "killed", self.folder / "kept"
        reached = step_of(killed) if resume else 0
        for _ in range(ATTEMPTS):
            if resume:
                shutil.copytree(killed, kept)
            if self._hits(self.resume() if resume else self.start(), max(step, reached + 1)):
                shutil.rmtree(kept, ignore_errors=True)
                self.kills.append(step_of(killed))
                return
            shutil.rmtree(killed)
            if resume:
                kept.rename(killed)
            step = (reached + step) // 2
        raise AssertionError(f"{ATTEMPTS} processes were over before step {step} was seen")

    def _hits(self, child: Child, step: int) -> bool:
        deadline = time.monotonic() + PATIENCE
        while step_of(self.folder / "killed") < step and not child.ended:
            assert time.monotonic() < deadline, child.said
            time.sleep(0.001)
        if not child.ended:
            child.send(signal.SIGKILL)
        assert child.wait() in (0, -signal.SIGKILL), child.said
        return child.code == -signal.SIGKILL

    def pausing_at(self, place: str, **how: Any) -> dict[str, Any]:
        return {"place": place, "marker": str(self.folder / "marker"), **how}

    def await_pause(self, child: Child) -> None:
        deadline = time.monotonic() + PATIENCE
        while not (self.folder / "marker").exists():
            assert not child.ended and time.monotonic() < deadline, child.said
            time.sleep(0.001)

    def go_on(self) -> None:
        (self.folder / "marker").unlink()

    def kill_at_pause(self, child: Child) -> None:
        self.await_pause(child)
        child.kill()
        self.go_on()
        self.kills.append(step_of(self.folder / "killed"))

    def resume_refused(self, **how: Any) -> str:
        """The one line that it says instead."""
        return refused(self.resume(**how))

    def resume_to_the_end(self) -> str:
        child = self.resume()
        assert child.wait() == 0, child.said
        return child.said


def refused(child: Child) -> str:
    """Exit code 2, and one line beginning with "error:"."""
    assert child.wait() == 2, child.said
    said = [line for line in child.said.splitlines() if line.startswith("error: ")]
    assert len(said) == 1 and "Traceback" not in child.said, child.said
    return said[0]


def only_run(runs: Path) -> Path:
    found = [path for path in runs.iterdir() if not path.name.startswith(".")]
    assert len(found) == 1, found
    return found[0]


def step_of(runs: Path) -> int:
    """The last step that the evidence of the only run tells of; 0 before the first."""
    files = list(runs.glob("[!.]*/evidence.jsonl"))
    lines = files[0].read_bytes().split(b"\n")[:-1] if files else []
    for line in reversed(lines[-3:]):
        with suppress(ValueError):
            return int(json.loads(line)["step"])
    return 0


# --- what two runs left ---

WALL_CLOCK = ("seconds", "items_per_second")


def assert_equal_runs(one: Path, other: Path) -> None:
    """Bit-equal in everything but wall-clock readings."""
    assert_equal_checkpoints(one, other)
    assert evidence_of(one) == evidence_of(other)
    first, second = ((run / "model" / "weights.safetensors").read_bytes() for run in (one, other))
    assert first == second
    assert (one / "result.json").exists() == (other / "result.json").exists()
    if (one / "result.json").exists():
        results = [json.loads((run / "result.json").read_text()) for run in (one, other)]
        assert results[0]["metrics"] == results[1]["metrics"]
        assert results[0]["finished"] == results[1]["finished"]
        tables = [pl.read_parquet(run / "predictions.parquet") for run in (one, other)]
        assert tables[0].equals(tables[1], null_equal=True)
        assert (other / "report.html").stat().st_size > 1000
    assert_no_step_twice(other)


def checkpoints_are_whole(run: Path) -> bool:
    """Every one of them, and nothing half-written beside."""
    folder = run / "checkpoints"
    for step in checkpoint.steps(folder):
        checkpoint.load(folder / f"step-{step:09d}")
    return not folder.is_dir() or len(list(folder.iterdir())) == len(checkpoint.steps(folder))


def assert_equal_checkpoints(one: Path, other: Path) -> None:
    first, second = (checkpoint.load_latest(run / "checkpoints", fail) for run in (one, other))
    assert first is not None and second is not None
    assert first.step == second.step
    assert {name: sorted(group) for name, group in first.tensors.items()} == {
        name: sorted(group) for name, group in second.tensors.items()
    }
    for name, group in first.tensors.items():
        for key, tensor in group.items():
            bits = [
                np.ascontiguousarray(t.detach().numpy()).tobytes()
                for t in (tensor, second.tensors[name][key])
            ]
            assert bits[0] == bits[1], f"{name} {key}"
    assert without_clock(first.state) == without_clock(second.state)


def without_clock(state: dict[str, Any]) -> dict[str, Any]:
    """`evidence_bytes` counts the digits of wall-clock readings."""
    hidden = {"seconds", "evidence_bytes"}
    return {
        name: {k: v for k, v in value.items() if k not in hidden}
        if isinstance(value, dict)
        else value
        for name, value in state.items()
    }


def evidence_of(run: Path) -> list[dict[str, Any]]:
    lines = (run / "evidence.jsonl").read_bytes().splitlines()
    records = [json.loads(line) for line in lines]
    assert all("step" in record for record in records)
    # the table "plan" holds what timing the candidates gave
    return [
        {k: v for k, v in record.items() if k not in WALL_CLOCK}
        for record in records
        if record.get("name") != "plan"
    ]


def assert_no_step_twice(run: Path) -> None:
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    tags = events.Tags()["scalars"]
    assert "learning_rate" in tags
    for tag in tags:
        steps = [event.step for event in events.Scalars(tag)]
        assert len(steps) == len(set(steps)), f"{tag}: {steps}"
        assert steps == sorted(steps)
    recorded = [r["step"] for r in evidence_of(run) if r["kind"] == "update"]
    assert [event.step for event in events.Scalars("learning_rate")] == recorded


def fail(text: str) -> None:
    raise AssertionError(text)
