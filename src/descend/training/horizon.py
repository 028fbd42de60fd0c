"""This file turns a budget into steps, once, and says what they will cost before step 1."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from descend.settings import Duration
from descend.tasks._task import Task
from descend.training.loop import Conditions, updates

EVALUATIONS = 100  # at most, over a run: more would cost more than they tell
PROBE_EXAMPLES = 8  # activations are measured on this many and scaled


@dataclass(frozen=True)
class Horizon:
    """How long a run is, in steps; part of the recipe."""

    steps: int
    steps_per_epoch: int
    evaluate_every: int  # steps


@dataclass(frozen=True)
class Forecast:
    """What a run is expected to take."""

    seconds: float
    memory_bytes: int  # beside what the process holds already
    disk_bytes: int


def horizon(
    budget: Duration,
    steps_per_epoch: int,
    seconds_per_step: float,
    seconds_per_evaluation: float,
    at_most_seconds: float | None = None,
) -> Horizon:
    """Steps for a budget; `at_most_seconds` shortens one that nobody asked for."""
    cost = seconds_per_step + seconds_per_evaluation / steps_per_epoch
    if budget.unit == "minutes":
        steps = max(1, int(budget.amount * 60 / cost))
    elif budget.unit == "steps":
        steps = int(budget.amount)
    else:
        steps = max(1, round(budget.amount * steps_per_epoch))
    if at_most_seconds is not None:
        steps = max(1, min(steps, int(at_most_seconds / cost)))
    epochs = max(1, steps // steps_per_epoch)
    return Horizon(steps, steps_per_epoch, steps_per_epoch * -(-epochs // EVALUATIONS))


def seconds_per_evaluation(task: Task) -> float:
    """One pass over the validation split."""
    task.train_mode(False)
    task.evaluate("validation")  # the first one also loads and chooses kernels
    began = time.perf_counter()
    task.evaluate("validation")
    task.train_mode(True)
    return time.perf_counter() - began


def forecast(
    task: Task, conditions: Conditions, length: Horizon, step: float, evaluation: float, ema: bool
) -> Forecast:
    """From measured times and from tensors counted in one real step; the task is used up."""
    evaluations = length.steps / length.evaluate_every
    update = next(updates(task, conditions))
    weights = sum(_bytes(m.state_dict().values()) for m in task.modules.values())
    gradients = sum(_bytes([p for p in u.parameters() if p.requires_grad]) for u in task.players)
    state = sum(_optimizer_bytes(player.optimizer) for player in task.players)
    activations = _activation_bytes(task, conditions) * min(conditions.micro_batch, update.items)
    checkpoint = weights * (2 if ema else 1) + state
    return Forecast(
        seconds=length.steps * step + evaluations * evaluation,
        memory_bytes=weights * (3 if ema else 2) + gradients + state + int(activations),
        disk_bytes=3 * checkpoint + 2 * weights,  # two kept and one being written; the model
    )


def _activation_bytes(task: Task, conditions: Conditions) -> float:
    """Bytes per example that the forward pass keeps for the backward pass, plus its largest use."""
    batch = task.source.next().parts(PROBE_EXAMPLES)[0]
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    own = {p.untyped_storage().data_ptr() for player in task.players for p in player.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t), conditions.autocast():
        task.loss(task.players[0], batch)
    held = [size for pointer, size in kept.items() if pointer not in own]
    # the gradient of the largest activation stands beside all of them on the way back
    return (sum(held) + max(held, default=0)) / len(batch)


def _optimizer_bytes(optimizer: torch.optim.Optimizer) -> int:
    return sum(
        _bytes([v for v in state.values() if isinstance(v, Tensor)])
        for state in optimizer.state.values()
    )


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(t.numel() * t.element_size() for t in tensors)
