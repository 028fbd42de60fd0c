"""This file is the verb `verify-resume`: it proves on the user's own run that resuming is exact.

A short stretch of the run is repeated from its recipe in a temporary folder: once without
interruption, once by processes that are really killed (SIGKILL) at random steps and resumed. Then
everything that the two left is compared bit by bit.
"""

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from descend import evidence
from descend.errors import RunError, SettingError
from descend.run import RunFolder, open_run
from descend.show import Show, Silent
from descend.training import checkpoint
from descend.workflow.differences import compare_runs

STRETCH_SECONDS = 20.0  # of training in the stretch, where the run tells how long a step takes
LEAST_STEPS, MOST_STEPS = 20, 300
UNKNOWN_STEPS = 100  # of a run that has no checkpoint to tell the time of a step
POLL_SECONDS = 0.0005
ATTEMPTS = 5  # to hit a process that may be over before it is killed
NEVER = 1e6  # minutes


@dataclass(frozen=True)
class VerifyResult:
    """What came out."""

    kills: int
    steps: int
    equal: bool
    compared: dict[str, int] = field(default_factory=dict)  # how many of what
    first_difference: str = ""
    killed_at: tuple[int, ...] = ()  # steps the evidence had come to
    inexact: str = ""  # why equality is not promised here

    def __str__(self) -> str:
        times = f"{self.kills} kill{'s' if self.kills > 1 else ''}"
        where = f"at step{'s' if self.kills > 1 else ''} {', '.join(map(str, self.killed_at))}"
        counted = ", ".join(f"{count:,} {name}" for name, count in self.compared.items())
        if self.equal:
            return f"bit-equal after {self.steps} steps with {times} ({where}): {counted}"
        because = f"; {self.inexact}" if self.inexact else ""
        return f"NOT equal after {times} ({where}): {self.first_difference}{because}"


def verify_resume(
    run: str | Path,
    *,
    kills: int = 3,
    steps: int | None = None,
    data: str | Path | None = None,
    show: Show | None = None,
) -> VerifyResult:
    """Repeat `steps` of this run with and without `kills`, and compare at zero tolerance.

    `data` says where its data are now, if they moved. Nothing in the run folder is touched.
    """
    show = show or Silent()
    folder = open_run(run)
    stretch = _stretch(folder, kills, steps)
    inexact = _why_inexact(folder)
    if inexact:
        show.say(f"inexact: {inexact}")
    with tempfile.TemporaryDirectory(prefix="descend-verify-") as place:
        whole = _copy(folder, Path(place) / "whole", NEVER)
        show.say(f"training {stretch} steps without a kill")
        _finish(_start(whole, stretch, data))
        seconds = _seconds(whole)
        # several checkpoints between two kills, however fast the steps are
        minutes = max(seconds, 1e-3) / (4 * kills) / 60
        copies = (_copy(folder, Path(place) / f"killed-{n}", minutes) for n in range(ATTEMPTS))
        killed, hits = _kill_and_resume(copies, stretch, kills, data, show)
        found = compare_runs(whole, killed)
    result = VerifyResult(
        kills, stretch, found.first == "", found.counts, found.first, tuple(hits), inexact
    )
    show.say(str(result))
    return result


def _stretch(folder: RunFolder, kills: int, steps: int | None) -> int:
    """How many steps to repeat; always fewer than the run has, so that it does not come to its end
    and its report."""
    if kills < 1:
        raise SettingError(f"setting 'kills': got {kills}, expected at least 1")
    horizon = folder.recipe().get("horizon", {})
    total = horizon.get("steps")
    if not isinstance(total, int):
        raise RunError(f"{folder.recipe_file} is not complete: it records no number of steps")
    if steps is None:
        steps = min(max(_steps_within(folder), LEAST_STEPS), MOST_STEPS)
    steps = min(steps, total - 1)
    if steps <= kills:
        raise SettingError(
            f"{kills} kills need a stretch of more than {steps} steps; take fewer with --kills, "
            f"or a longer stretch with --steps (this run has {total})"
        )
    return steps


def _steps_within(folder: RunFolder) -> int:
    records = evidence.read(folder.evidence_file)
    timings = evidence.select(records, evidence.Timing)
    seconds = sum(timing.seconds for timing in timings)
    if not timings or not seconds:
        return UNKNOWN_STEPS
    return int(STRETCH_SECONDS * timings[-1].step / seconds)


def _why_inexact(folder: RunFolder) -> str:
    recipe = folder.recipe()
    device = str(recipe.get("plan", {}).get("device", "cpu"))
    if device.startswith("cpu") or recipe.get("training", {}).get("deterministic"):
        return ""
    return (
        f"this run uses {device} without --deterministic, and then a device may add numbers in "
        "another order each time; train with --deterministic for runs that repeat to the bit"
    )


def _copy(folder: RunFolder, place: Path, minutes: float) -> RunFolder:
    """A run folder that has begun nothing yet: a recipe is all that a run needs."""
    place.mkdir()
    recipe = folder.recipe()
    recipe["training"] = {**recipe.get("training", {}), "checkpoint_minutes": minutes}
    copy = RunFolder(place)
    copy.write_recipe(recipe)
    return copy


@dataclass(frozen=True)
class _Child:
    process: subprocess.Popen[bytes]
    output: Path

    @property
    def said(self) -> str:
        lines = self.output.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self.process.returncode}"


def _start(copy: RunFolder, stretch: int, data: str | Path | None) -> _Child:
    moved = () if data is None else ("--data", str(data))
    command: Sequence[str] = (
        sys.executable, "-m", "descend", "resume", str(copy.path),
        "--stop-after", str(stretch), "--quiet", *moved,
    )  # fmt: skip
    output = copy.path.with_suffix(".txt")
    with output.open("ab") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT
        )
    return _Child(process, output)


def _finish(child: _Child) -> None:
    try:
        code = child.process.wait()
    finally:
        _end(child)
    if code != 0:
        raise RunError(f"the stretch could not be trained: {child.said.removeprefix('error: ')}")


def _end(child: _Child) -> None:
    if child.process.poll() is None:
        child.process.kill()
        child.process.wait()


def _seconds(copy: RunFolder) -> float:
    found = checkpoint.load_latest(copy.checkpoints, lambda text: None)
    return float(found.state["standing"]["seconds"]) if found else 0.0


def _kill_and_resume(
    copies: Iterator[RunFolder], stretch: int, kills: int, data: str | Path | None, show: Show
) -> tuple[RunFolder, list[int]]:
    """A copy that was killed as often as wanted and came to the end, and where it was killed."""
    for copy in copies:
        targets = sorted(random.sample(range(1, stretch), kills))
        show.say(f"training them again, killed at about step {', '.join(map(str, targets))}")
        hits: list[int] = []
        for target in targets:
            hit = _kill_at(_start(copy, stretch, data), copy, target)
            if hit is None:
                break  # it was over before: the targets lie too late for processes this fast
            hits.append(hit)
        else:
            _finish(_start(copy, stretch, data))
            return copy, hits
    raise RunError(
        f"{stretch} steps are over before they can be killed {kills} times; "
        "give a longer stretch with --steps"
    )


def _kill_at(child: _Child, copy: RunFolder, target: int) -> int | None:
    """Kill at the first sign that this step is done; the step, or None when it ended before."""
    try:
        while child.process.poll() is None:
            if _step_of(copy) >= target:
                child.process.kill()
                if child.process.wait() == -signal.SIGKILL:
                    return _step_of(copy)
            time.sleep(POLL_SECONDS)
    finally:
        _end(child)
    if child.process.returncode != 0:
        raise RunError(f"the stretch could not be trained: {child.said.removeprefix('error: ')}")
    return None


def _step_of(copy: RunFolder) -> int:
    """The last step that the evidence tells of."""
    with suppress(OSError, ValueError, IndexError):  # not there yet, or a line still being written
        return int(json.loads(copy.evidence_file.read_bytes().split(b"\n")[-2])["step"])
    return 0
