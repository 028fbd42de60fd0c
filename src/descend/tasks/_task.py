"""This file says what a task is: data form, network, loss, metrics and display of one problem.

The loop asks a task for its players and their losses, the session for its modules (what is state)
and its evaluation. A classifier has one player, a GAN two; a picture being restyled is its own
parameter; an agent's source makes its data with the network it trains.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor, nn
from torch.optim import Optimizer

from descend.forms import Clock


class Batch(Protocol):
    """One rank's share of a global batch, already augmented, on the device."""

    def __len__(self) -> int: ...

    def parts(self, size: int) -> Sequence["Batch"]:
        """Cut into micro-batches of at most `size` examples."""
        ...


@dataclass
class Player:
    """Parameters that one optimizer moves against one loss."""

    name: str
    optimizer: Optimizer
    schedule: Callable[[Clock], float]  # factor on each group's `initial_lr`
    clip_norm: float | None = None  # L2 over all parameters
    every: int = 1  # updates once per this many batches

    def parameters(self) -> list[nn.Parameter]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]


class Source(Protocol):
    """Where batches come from; its state is enough to continue as if never stopped."""

    unit: str  # "images", "rows", "tokens", "steps"
    steps_per_epoch: int

    @property
    def epoch(self) -> int: ...

    @property
    def step(self) -> int:
        """Batches given out in this epoch."""
        ...

    def next(self) -> Batch: ...

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


@dataclass
class Scores:
    """The result of evaluating one split."""

    metrics: dict[str, float]
    details: dict[str, Any] = field(default_factory=dict)


class Task(ABC):
    """One problem being trained. Subclasses are final and live in one file each."""

    modules: dict[str, nn.Module]  # all weights and buffers that are state, by name
    players: tuple[Player, ...]
    source: Source
    headline: str  # the validation metric that chooses the kept model
    higher_is_better: bool

    @abstractmethod
    def loss(self, player: Player, batch: Any) -> tuple[Tensor, Tensor | int]:
        """The summed loss of a (micro-)batch and the count to divide it by."""

    @abstractmethod
    def evaluate(self, split: str) -> Scores:
        """Score "train", "validation" or "test" with the modules as they are now."""

    def kept(self) -> dict[str, nn.Module]:
        """The modules whose best weights are the model; by default all."""
        return self.modules

    def updated(self, player: Player, step: int) -> None:  # noqa: B027 (optional)
        """Called after each update of a player: a target network follows its network."""

    def state(self) -> dict[str, Any]:
        """State beyond modules, optimizers and source, as plain JSON values."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:  # noqa: B027 (optional)
        """Take back what `state` gave."""

    def train_mode(self, training: bool) -> None:
        for module in self.modules.values():
            module.train(training)
