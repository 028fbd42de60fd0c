"""This file chooses how a run uses the machine, by timing real steps.

A plan is chosen once, before step 1, and stored in the recipe: resume and `--recipe` repeat it, so
that a resumed run is bit-equal. Nothing here changes what is computed, except bf16, which must
first match fp32's loss.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from descend.errors import SettingError
from descend.tasks._task import Task
from descend.training.loop import Conditions, updates
from descend.training.precision import Precision, autocast

# bf16 keeps 8 bits of mantissa, a relative step of 0.4 %; a mean loss over a batch that differs
# by more than this is a network that bf16 harms.
BF16_TOLERANCE = 0.02
WARM_UP_STEPS = 2  # the first steps allocate and let the libraries choose their kernels
TIMED_STEPS, TIMED_SECONDS = 5, 0.5  # per candidate, both at least …
MOST_SECONDS = 4.0  # … unless a single step is this slow
GAIN_NEEDED = 1.05  # a candidate must win by more than the clock's noise


@dataclass(frozen=True)
class Plan:
    """How the machine is used; part of the recipe."""

    device: str = "cpu"
    precision: Precision = "fp32"
    channels_last: bool = False
    threads: int = 1

    def __str__(self) -> str:
        layout = "channels last" if self.channels_last else "channels first"
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        return f"{self.device}, {self.precision}, {layout}, {threads}"

    @property
    def torch_device(self) -> torch.device:
        return torch.device(self.device)

    @property
    def memory_format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format


@dataclass(frozen=True)
class Candidate:
    """One plan and what timing it gave."""

    plan: Plan
    seconds_per_step: float | None  # None when it was refused
    remark: str = ""


Build = Callable[[Plan], Task]


THREADS_PER_CORE = 4  # more only wait for each other, and very many crash the process


def base_plan(device: str | None, threads: int | None) -> Plan:
    """The plan before anything is timed. SettingError when the device is not there."""
    most = THREADS_PER_CORE * cores()
    if threads is not None and threads > most:
        raise SettingError(f"setting 'threads': {threads}; expected at most {most} on this machine")
    return Plan(device=find_device(device), threads=threads or cores())


def cores() -> int:
    """Processors that this process may use."""
    if sys.platform == "linux":  # a container may be given fewer than the machine has
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def find_device(wanted: str | None) -> str:
    there = ["cpu"]
    if torch.backends.mps.is_available():
        there.insert(0, "mps")
    if torch.cuda.is_available():
        there.insert(0, "cuda")
    if wanted is None:
        return there[0]
    if wanted.partition(":")[0] not in there:
        raise SettingError(f"setting 'device': got {wanted!r}, this machine has {', '.join(there)}")
    return wanted


def apply(plan: Plan) -> None:
    """Set the process-wide part of a plan."""
    torch.set_num_threads(plan.threads)


def candidates(base: Plan, precision: Precision | None) -> list[Plan]:
    """What is worth timing for images on this device, the base first."""
    plans = [base, replace(base, channels_last=True)]
    if precision is None:
        plans.append(replace(base, channels_last=True, precision="bf16"))
    return plans


def choose(
    build: Build, plans: Sequence[Plan], conditions: Conditions, thread_counts: Sequence[int]
) -> tuple[Plan, list[Candidate]]:
    """Time the plans, then the thread counts for the fastest; gives it and every timing."""
    timed: list[Candidate] = []
    for plan in plans:
        timed.append(_try(build, plan, conditions))
    best = _fastest(timed)
    for count in thread_counts:
        if count != best.threads:
            timed.append(_try(build, replace(best, threads=count), conditions))
    best = _fastest(timed)
    apply(best)
    return best, timed


def _fastest(timed: Sequence[Candidate]) -> Plan:
    """The fastest candidate; the first one stays unless it is beaten by more than noise."""
    first, best = timed[0], timed[0]
    for candidate in timed[1:]:
        seconds = candidate.seconds_per_step
        if seconds is None or first.seconds_per_step is None or best.seconds_per_step is None:
            continue
        beats_first = seconds * GAIN_NEEDED < first.seconds_per_step
        if beats_first and seconds < best.seconds_per_step:
            best = candidate
    return best.plan


def _try(build: Build, plan: Plan, conditions: Conditions) -> Candidate:
    apply(plan)
    if plan.precision == "bf16":
        exact = first_loss(build(replace(plan, precision="fp32")), plan, conditions, "fp32")
        rounded = first_loss(build(plan), plan, conditions, "bf16")
        if not abs(rounded - exact) <= BF16_TOLERANCE * max(abs(exact), 1e-6):
            remark = f"refused: bf16 gives the loss {rounded:.4g} where fp32 gives {exact:.4g}"
            return Candidate(plan, None, remark)
    return Candidate(plan, seconds_per_step(build(plan), plan, conditions))


def first_loss(task: Task, plan: Plan, conditions: Conditions, precision: Precision) -> float:
    """The loss of the first update, before the weights have moved."""
    return float(next(updates(task, _trial(conditions, plan, precision))).loss)


def seconds_per_step(task: Task, plan: Plan, conditions: Conditions) -> float:
    """The median wall time of a step of this task, which is used up by it."""
    task.train_mode(True)
    trial = _trial(conditions, plan, plan.precision)
    times: list[float] = []
    began = last = time.perf_counter()
    for update in updates(task, trial):
        if not update.ends_step:
            continue
        _wait(plan)
        now = time.perf_counter()
        times.append(now - last)
        last = now
        count, elapsed = len(times) - WARM_UP_STEPS, now - began
        if (count >= TIMED_STEPS and elapsed > TIMED_SECONDS) or (
            count >= 1 and elapsed > MOST_SECONDS
        ):
            break
    return statistics.median(times[WARM_UP_STEPS:] or times)


def _trial(conditions: Conditions, plan: Plan, precision: Precision) -> Conditions:
    return replace(
        conditions,
        steps=max(conditions.steps, 1000),  # the schedule must not end within the trial
        autocast=autocast(plan.torch_device, precision),
        say=lambda text: None,
        validation_losses=[],
    )


def _wait(plan: Plan) -> None:
    if plan.torch_device.type == "cuda":
        torch.cuda.synchronize()
