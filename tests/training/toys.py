"""Four small trainings of unlike kinds, to prove that one loop carries them all."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from descend.seeds import seed_for
from descend.tasks._task import Batch, Player, Scores, Task


@dataclass(frozen=True)
class Rows:
    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.inputs)

    def parts(self, size: int) -> list[Batch]:
        pairs = zip(self.inputs.split(size), self.targets.split(size), strict=True)
        return [Rows(*pair) for pair in pairs]


class RowSource:
    """Shuffled batches of resident rows, sliced by rank."""

    unit = "rows"

    def __init__(
        self, inputs: Tensor, targets: Tensor, size: int, rank: int = 0, ranks: int = 1
    ) -> None:
        self.inputs, self.targets, self.size = inputs, targets, size
        self.rank, self.ranks = rank, ranks
        self.epoch = self.step = 0
        self.steps_per_epoch = len(inputs) // size

    def next(self) -> Rows:
        generator = torch.Generator().manual_seed(seed_for(0, "order", self.epoch, 0))
        order = torch.randperm(len(self.inputs), generator=generator)
        members = order[self.step * self.size :][: self.size][self.rank :: self.ranks]
        self.step += 1
        if self.step == self.steps_per_epoch:
            self.epoch, self.step = self.epoch + 1, 0
        return Rows(self.inputs[members], self.targets[members])

    def state(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "step": self.step}

    def restore(self, state: dict[str, Any]) -> None:
        self.epoch, self.step = state["epoch"], state["step"]


def constant(clock: object) -> float:
    return 1.0


def player(name: str, optimizer: torch.optim.Optimizer, **more: Any) -> Player:
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
    return Player(name, optimizer, more.pop("schedule", constant), **more)


def two_moons(count: int = 64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(count, 4, generator=generator)
    return inputs, (inputs[:, 0] * inputs[:, 1] > 0).long()


class Classifier(Task):
    headline = "accuracy"
    higher_is_better = True

    def __init__(self, rank: int = 0, ranks: int = 1, dropout: float = 0.1) -> None:
        torch.manual_seed(0)
        self.network = nn.Sequential(
            nn.Linear(4, 16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 2)
        )
        self.modules = {"network": self.network}
        self.players = (player("network", torch.optim.Adam(self.network.parameters(), 0.01)),)
        self.source = RowSource(*two_moons(), 16, rank, ranks)

    def loss(self, player: Player, batch: Rows) -> tuple[Tensor, int]:
        return F.cross_entropy(self.network(batch.inputs), batch.targets, reduction="sum"), len(
            batch
        )

    def evaluate(self, split: str) -> Scores:
        with torch.inference_mode():
            logits = self.network(self.source.inputs)
        correct = (logits.argmax(1) == self.source.targets).float().mean()
        loss = F.cross_entropy(logits, self.source.targets)
        return Scores({"accuracy": float(correct), "loss": float(loss)})


class Gan(Task):
    """Two players on points around a circle; the generator moves every second batch."""

    headline = "distance"
    higher_is_better = False

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.generator = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
        self.critic = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
        self.modules = {"generator": self.generator, "critic": self.critic}
        self.players = (
            player("critic", torch.optim.RMSprop(self.critic.parameters(), 1e-3)),
            player("generator", torch.optim.Adam(self.generator.parameters(), 1e-3), every=2),
        )
        angle = torch.linspace(0, 6.28, 64)
        points = torch.stack([angle.cos(), angle.sin()], 1)
        self.source = RowSource(points, torch.zeros(64), 16)

    def kept(self) -> dict[str, nn.Module]:
        return {"generator": self.generator}

    def loss(self, player: Player, batch: Rows) -> tuple[Tensor, int]:
        fake = self.generator(torch.randn(len(batch), 2))
        if player.name == "generator":
            return F.softplus(-self.critic(fake)).sum(), len(batch)
        real = F.softplus(-self.critic(batch.inputs)).sum()
        return real + F.softplus(self.critic(fake.detach())).sum(), len(batch)

    def evaluate(self, split: str) -> Scores:
        noise = torch.randn(64, 2, generator=torch.Generator().manual_seed(2))
        with torch.no_grad():
            radius = self.generator(noise).norm(dim=1)
        return Scores({"distance": float((radius - 1).abs().mean())})


class LeastSquares(Task):
    """A full-batch fit that L-BFGS ends in a few steps of several closure calls each."""

    headline = "loss"
    higher_is_better = False

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = nn.Linear(4, 1)
        self.modules = {"network": self.network}
        optimizer = torch.optim.LBFGS(self.network.parameters(), max_iter=4)
        self.players = (player("network", optimizer),)
        inputs, _ = two_moons()
        self.source = RowSource(inputs, inputs @ torch.tensor([[1.0], [2.0], [3.0], [4.0]]), 64)
        self.closure_calls = 0

    def loss(self, player: Player, batch: Rows) -> tuple[Tensor, int]:
        self.closure_calls += 1
        return (self.network(batch.inputs) - batch.targets).square().sum(), len(batch)

    def evaluate(self, split: str) -> Scores:
        with torch.no_grad():
            loss = (self.network(self.source.inputs) - self.source.targets).square().mean()
        return Scores({"loss": float(loss)})


class Corridor:
    """An agent's own data: walk right along five cells to be paid; batches come from memory."""

    unit = "steps"
    steps_per_epoch = 20

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.epoch = self.step = self.cell = 0
        self.memory: list[list[float]] = []  # cell, action, reward, next cell

    def next(self) -> Rows:
        generator = torch.Generator().manual_seed(seed_for(0, "explore", self.epoch, self.step))
        with torch.no_grad():
            greedy = int(self.network(F.one_hot(torch.tensor(self.cell), 5).float()).argmax())
        explores = float(torch.rand((), generator=generator)) < 0.3
        action = int(torch.randint(2, (), generator=generator)) if explores else greedy
        after = min(4, max(0, self.cell + (1 if action else -1)))
        self.memory.append([self.cell, action, float(after == 4), after])
        self.cell = 0 if after == 4 else after
        chosen = torch.randint(len(self.memory), (8,), generator=generator)
        rows = torch.tensor(self.memory)[chosen]
        self.step += 1
        if self.step == self.steps_per_epoch:
            self.epoch, self.step = self.epoch + 1, 0
        return Rows(rows, rows[:, 2])

    def state(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "step": self.step, "cell": self.cell, "memory": self.memory}

    def restore(self, state: dict[str, Any]) -> None:
        self.epoch, self.step, self.cell = state["epoch"], state["step"], state["cell"]
        self.memory = state["memory"]


class QLearner(Task):
    headline = "mean_return"
    higher_is_better = True

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network, self.target = nn.Linear(5, 2), nn.Linear(5, 2)
        self.target.load_state_dict(self.network.state_dict())
        self.modules = {"network": self.network, "target": self.target}
        self.players = (player("network", torch.optim.Adam(self.network.parameters(), 0.05)),)
        self.source = Corridor(self.network)

    def loss(self, player: Player, batch: Rows) -> tuple[Tensor, int]:
        cell, action, reward, after = batch.inputs.unbind(1)
        with torch.no_grad():
            future = self.target(F.one_hot(after.long(), 5).float()).amax(1)
        wanted = reward + 0.9 * future * (after != 4)
        value = self.network(F.one_hot(cell.long(), 5).float())
        chosen = value.gather(1, action.long()[:, None]).squeeze(1)
        return (chosen - wanted).square().sum(), len(batch)

    def updated(self, player: Player, step: int) -> None:
        if step % 10 == 0:
            self.target.load_state_dict(self.network.state_dict())

    def evaluate(self, split: str) -> Scores:
        with torch.no_grad():
            right = self.network(torch.eye(5)).argmax(1)[:4].float().mean()
        return Scores({"mean_return": float(right)})
