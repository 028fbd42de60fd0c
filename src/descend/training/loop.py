"""This file is the loop, and the only one that calls `backward`.

`updates` is a generator: it yields after each update of a player, gradients still in place.
Logging, evaluation, checkpoints, early stopping and probes are ordinary code in a `for` around it.

Every update is `optimizer.step(closure)`. The closure zeroes the gradients, runs all micro-batches
forward and backward, adds over ranks, divides by the count, measures and clips. SGD calls it once,
L-BFGS as often as it needs; each call draws the same random numbers, so the objective of a step is
one function. A batch's loss is its sum over its count, over all micro-batches and ranks.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from descend.forms import Clock
from descend.seeds import seed_for
from descend.tasks._task import Batch, Player, Task


class Ranks(Protocol):
    """The processes that train together."""

    @property
    def rank(self) -> int: ...

    @property
    def size(self) -> int: ...

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over the ranks, in place."""
        ...


@dataclass(frozen=True)
class OneRank:
    """A run in a single process."""

    rank: int = 0
    size: int = 1

    def add(self, tensors: Sequence[Tensor]) -> None:
        """The sum over one rank is already there."""


@dataclass
class Conditions:
    """What the loop needs to know beside the task; `micro_batch` shrinks when memory runs out."""

    seed: int
    steps: int  # batches planned
    micro_batch: int  # examples in one forward pass
    on_cuda: bool = False
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext
    ranks: Ranks = field(default_factory=OneRank)
    measures_norm: Callable[[int], bool] = lambda step: False  # is this step's norm recorded?
    say: Callable[[str], None] = lambda text: None
    validation_losses: list[float] = field(default_factory=list)  # the session appends


@dataclass(frozen=True)
class Update:
    """One optimizer step that has just been made; gradients are still in place."""

    step: int  # batches used so far, this one included
    epoch: int  # epoch of this batch, from 0
    player: Player
    loss: Tensor  # mean of the batch, on the device, detached
    learning_rate: float  # of the first parameter group
    gradient_norm: Tensor | None  # L2 before clipping, when it was measured
    items: int  # examples of this rank's share of the batch
    ends_step: bool  # no further player updates on this batch


def updates(task: Task, conditions: Conditions, step: int = 0) -> Iterator[Update]:
    """Train from `step` batches on until the planned number."""
    while step < conditions.steps:
        epoch, index = task.source.epoch, task.source.step
        batch = task.source.next()
        due = [player for player in task.players if step % player.every == 0]
        for player in due:
            rate = _set_learning_rate(player, step, conditions, task.source.steps_per_epoch)
            seed = seed_for(conditions.seed, f"model {player.name}", epoch, index)
            loss, norm = _update(task, player, batch, conditions, seed, step + 1)
            yield Update(step + 1, epoch, player, loss, rate, norm, len(batch), player is due[-1])
        step += 1


def _update(
    task: Task, player: Player, batch: Batch, conditions: Conditions, seed: int, step: int
) -> tuple[Tensor, Tensor | None]:
    norms: list[Tensor] = []

    def closure() -> Tensor:
        _reseed(seed + conditions.ranks.rank, conditions.on_cuda)
        loss = _gradients(task, player, batch, conditions)
        if player.clip_norm is not None or (not norms and conditions.measures_norm(step)):
            norms.append(_norm_and_clip(player))
        return loss

    # torch annotates the closure's result as float; it passes a tensor through untouched
    loss: Tensor = player.optimizer.step(closure)  # type: ignore[arg-type, assignment]
    return loss.detach(), norms[0] if norms else None


def _gradients(task: Task, player: Player, batch: Batch, conditions: Conditions) -> Tensor:
    """Fill the gradients of the mean loss; on a full device, halve the micro-batch and repeat."""
    while True:
        try:
            return _accumulate(task, player, batch, conditions)
        except RuntimeError as error:
            if not _is_out_of_memory(error) or conditions.micro_batch <= 1:
                raise
        conditions.micro_batch = (min(conditions.micro_batch, len(batch)) + 1) // 2
        if conditions.on_cuda:
            torch.cuda.empty_cache()
        conditions.say(f"out of memory: repeating the batch in parts of {conditions.micro_batch}")


def _accumulate(task: Task, player: Player, batch: Batch, conditions: Conditions) -> Tensor:
    player.optimizer.zero_grad(set_to_none=True)
    parameters = player.parameters()
    # With several players, a player's loss must leave the others' gradients alone.
    inputs = parameters if len(task.players) > 1 else None
    parts = batch.parts(conditions.micro_batch)
    alone = len(parts) == 1 and conditions.ranks.size == 1
    total: Tensor | None = None
    count: Tensor | int = 0
    for part in parts:
        with conditions.autocast():
            part_sum, part_count = task.loss(player, part)
        target = part_sum / part_count if alone else part_sum
        target.backward(inputs=inputs)  # type: ignore[no-untyped-call]
        total = part_sum.detach() if total is None else total + part_sum.detach()
        count = count + part_count
    assert total is not None, "a batch has at least one example"
    return total / count if alone else _divide(parameters, total, count, conditions.ranks)


def _divide(
    parameters: Sequence[Tensor], total: Tensor, count: Tensor | int, ranks: Ranks
) -> Tensor:
    """Add gradients, loss and count over the ranks, then divide by the count."""
    if ranks.size > 1:
        for parameter in parameters:  # every rank must add the same list of tensors
            if parameter.grad is None and parameter.requires_grad:
                parameter.grad = torch.zeros_like(parameter)
    gradients = [p.grad for p in parameters if p.grad is not None]
    counted = torch.as_tensor(count, device=total.device).to(torch.float64, copy=True)
    total = total.to(torch.float64, copy=True)
    ranks.add([*gradients, total, counted])
    torch._foreach_div_(gradients, counted.to(gradients[0].dtype))
    return (total / counted).float()


def _norm_and_clip(player: Player) -> Tensor:
    parameters = player.parameters()
    norm = get_total_norm([p.grad for p in parameters if p.grad is not None])
    if player.clip_norm is not None:
        clip_grads_with_norm_(parameters, player.clip_norm, norm)
    return norm


def _set_learning_rate(
    player: Player, step: int, conditions: Conditions, steps_per_epoch: int
) -> float:
    clock = Clock(
        step=step // player.every,
        steps=math.ceil(conditions.steps / player.every),
        steps_per_epoch=max(1, steps_per_epoch // player.every),
        validation_losses=tuple(conditions.validation_losses),
    )
    factor = player.schedule(clock)
    for group in player.optimizer.param_groups:
        group["lr"] = group["initial_lr"] * factor
    return float(player.optimizer.param_groups[0]["lr"])


def _reseed(seed: int, on_cuda: bool) -> None:
    torch.default_generator.manual_seed(seed)
    if on_cuda:
        torch.cuda.manual_seed(seed)


def _is_out_of_memory(error: RuntimeError) -> bool:
    # The CPU allocator has no exception type of its own.
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
