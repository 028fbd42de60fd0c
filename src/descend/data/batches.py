"""This file gives out batches of resident examples, augmented and normalized on the device.

The order is stateless: the permutation of an epoch is f(seed, epoch), and all that is random in a
step is drawn for the global batch from f(seed, "augment", epoch, step) and then sliced by rank. So
the position is two numbers, and a batch does not depend on what was given out before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from descend.data.augment._step import Parameters, Step, apply_all, draw_all
from descend.data.examples import Split
from descend.forms import ImageForm
from descend.seeds import seed_for


@dataclass(frozen=True)
class TensorBatch:
    """Examples on the device, ready for a network."""

    inputs: tuple[Tensor, ...]
    targets: Tensor  # int64 (n,), float32 (n, outputs), or float32 (n, classes) after mixing

    def __len__(self) -> int:
        return len(self.targets)

    def parts(self, size: int) -> "list[TensorBatch]":
        """Cut into micro-batches of at most `size` examples, none smaller than need be."""
        if len(self) <= size:
            return [self]
        count = -(-len(self) // size)  # near-equal parts: batch norm fails on a part of one
        inputs = [t.tensor_split(count) for t in self.inputs]
        targets = self.targets.tensor_split(count)
        return [TensorBatch(tuple(i[k] for i in inputs), targets[k]) for k in range(count)]


@dataclass(frozen=True)
class Normalization:
    """Turns uint8 pixels into what a network for images takes."""

    mean: tuple[float, ...]  # per channel, pixels as shares 0..1
    std: tuple[float, ...]
    memory_format: torch.memory_format = torch.contiguous_format

    def __call__(self, shares: Tensor) -> Tensor:
        """Standardize images float (n, channels, height, width) in 0..1."""
        mean, factor = _constants(self.mean, self.std, shares.device)
        normalized = (shares - mean).mul_(factor)
        return normalized.contiguous(memory_format=self.memory_format)


@lru_cache(maxsize=32)
def _constants(
    mean: tuple[float, ...], std: tuple[float, ...], device: torch.device
) -> tuple[Tensor, Tensor]:
    """On the device once, because each copy to a GPU makes the step wait."""
    with torch.inference_mode(False):
        factor = 1 / torch.tensor(std).view(1, -1, 1, 1)
        return torch.tensor(mean).view(1, -1, 1, 1).to(device), factor.to(device)


def to_shares(pixels: Tensor) -> Tensor:
    """uint8 pixels as float32 in 0..1."""
    return pixels.float().div_(255)


class ResidentBatches:
    """Batches of a split that stays on the device; a Source of the training loop.

    `classes` is needed where mixing makes soft targets of class codes. The last batch of an epoch
    holds what is left; a single left example joins the batch before, because batch norm fails on
    one. `epoch` and `step` tell the position of the batch that `next` gives out.
    """

    def __init__(
        self,
        split: Split,
        *,
        batch_size: int,
        seed: int,
        unit: str,
        device: torch.device | str = "cpu",
        augmentations: Sequence[Step] = (),
        normalization: Normalization | None = None,
        classes: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        assert len(split) > 0 and batch_size > 0 and 0 <= rank < ranks
        self.unit = unit
        self.epoch = 0
        self.step = 0
        self._inputs = tuple(tensor.to(device) for tensor in split.inputs)
        self._targets = split.targets.to(device)
        self._batch_size = batch_size
        self._seed = seed
        self._steps = augmentations
        self._normalization = normalization
        self._classes = classes
        self._rank, self._ranks = rank, ranks
        self._order = (-1, self._targets)  # epoch, its permutation
        self.steps_per_epoch = _count_batches(len(split), batch_size)

    def state(self) -> dict[str, int]:
        return {"epoch": self.epoch, "step": self.step}

    def restore(self, state: dict[str, int]) -> None:
        self.epoch, self.step = state["epoch"], state["step"]

    def next(self) -> TensorBatch:
        """This rank's share of the batch at the position, which moves on."""
        members = self._members()
        share = slice(*(len(members) * r // self._ranks for r in (self._rank, self._rank + 1)))
        if self._normalization is None:
            mine = members[share]
            batch = TensorBatch(tuple(t[mine] for t in self._inputs), self._targets[mine])
        else:
            batch = self._images(members, share, self._normalization)
        self._advance()
        return batch

    def _advance(self) -> None:
        self.step += 1
        if self.step >= self.steps_per_epoch:
            self.epoch, self.step = self.epoch + 1, 0

    def _members(self) -> Tensor:
        """Indices of the global batch at the position, on the device."""
        if self._order[0] != self.epoch:
            generator = torch.Generator().manual_seed(seed_for(self._seed, "order", self.epoch, 0))
            order = torch.randperm(len(self._targets), generator=generator)
            self._order = (self.epoch, order.to(self._targets.device))
        start = self.step * self._batch_size
        last = self.step == self.steps_per_epoch - 1
        return self._order[1][start : None if last else start + self._batch_size]

    def _images(self, members: Tensor, share: slice, normalization: Normalization) -> TensorBatch:
        pixels = self._inputs[0]
        if not self._steps:
            mine = members[share]
            return TensorBatch((normalization(to_shares(pixels[mine])),), self._targets[mine])
        drawn = self._draw(len(members), ImageForm(*pixels.shape[1:]))
        everyone = torch.arange(len(members), device=members.device)
        images = self._augmented(members, everyone[share], drawn)
        targets = self._targets[members[share]]
        step, parameters = drawn[-1]
        if step.stage == "mix":
            own = {name: tensor[share] for name, tensor in parameters.items()}
            # With one rank the partners are in the batch already; another rank's are made here too.
            partner = own["partner"]
            whole = self._ranks == 1
            partners = images[partner] if whole else self._augmented(members, partner, drawn)
            images = step.entry.mix(images, partners, own, step.settings)
            others = self._targets[members[partner]]
            targets = _mixed(targets, others, own["weight"], self._classes)
        return TensorBatch((normalization(images),), targets)

    def _draw(self, count: int, form: ImageForm) -> list[tuple[Step, Parameters]]:
        seed = seed_for(self._seed, "augment", self.epoch, self.step)
        drawn = draw_all(self._steps, count, form, torch.Generator().manual_seed(seed))
        device = self._targets.device
        return [(step, {k: t.to(device) for k, t in tensors.items()}) for step, tensors in drawn]

    def _augmented(
        self, members: Tensor, places: Tensor, drawn: Sequence[tuple[Step, Parameters]]
    ) -> Tensor:
        """The images at these places of the global batch, changed as drawn for those places."""
        images = to_shares(self._inputs[0][members[places]])
        own = [(step, {k: t[places] for k, t in tensors.items()}) for step, tensors in drawn]
        return apply_all(images, own)


def _count_batches(examples: int, batch_size: int) -> int:
    full, left = divmod(examples, batch_size)
    joins_the_last = left == 1 and full > 0 and batch_size > 1
    return full if left == 0 or joins_the_last else full + 1


def _mixed(own: Tensor, other: Tensor, weight: Tensor, classes: int) -> Tensor:
    """Targets as shares of both; class codes become rows of shares."""
    if not own.is_floating_point():
        own = F.one_hot(own, classes).float()
        other = F.one_hot(other, classes).float()
    return torch.lerp(other, own, weight.view(-1, *[1] * (own.dim() - 1)).to(own.dtype))


def batches_for_scoring(
    split: Split,
    batch_size: int,
    device: torch.device | str = "cpu",
    normalization: Normalization | None = None,
) -> Iterator[TensorBatch]:
    """Every example once, in order, without augmentation."""
    for start in range(0, len(split), batch_size):
        inputs = tuple(t[start : start + batch_size].to(device) for t in split.inputs)
        if normalization is not None:
            inputs = (normalization(to_shares(inputs[0])),)
        yield TensorBatch(inputs, split.targets[start : start + batch_size].to(device))
