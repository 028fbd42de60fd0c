"""This file makes prepared steps of augmentation entries and applies them in a fixed order.

An entry is one file with a `Settings` class, its `STAGE`, `OFF` (settings that change nothing) and
functions of batches. Stages run in the order of STAGES:

- "move", "color", "erase": `draw(count, form, generator, settings) -> dict of tensors (count, …)`
  and `apply(images, parameters, settings)`;
- "warp": `draw` and `matrices(parameters, settings) -> (n, 2, 2)`, the linear map from output to
  input coordinates; all warps that are on share one resampling;
- "mix": `draw`, whose result has `partner` (index in the global batch) and `weight` (share of the
  own target), and `mix(images, partners, parameters, settings)`. Where several are on, each step
  uses one of them.

Images are float (n, channels, height, width) in 0..1. Parameters are drawn for the global batch on
the CPU, so a rank's share of them does not depend on how many ranks there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from descend.catalog import Catalog
from descend.forms import ImageForm
from descend.settings import Settings, parse

Parameters = dict[str, Tensor]
Stage = Literal["move", "warp", "color", "erase", "mix"]
STAGES: tuple[Stage, ...] = ("move", "warp", "color", "erase", "mix")
AUGMENTATIONS = Catalog("descend.data.augment", "augmentation")


@dataclass(frozen=True)
class Step:
    """One augmentation with its settings."""

    name: str
    entry: ModuleType
    settings: Settings

    @property
    def stage(self) -> Stage:
        stage: Stage = self.entry.STAGE
        return stage

    def draw(self, count: int, form: ImageForm, generator: torch.Generator) -> Parameters:
        drawn: Parameters = self.entry.draw(count, form, generator, self.settings)
        return drawn


def prepare_steps(names: Sequence[str], values: Mapping[str, object]) -> tuple[Step, ...]:
    """The named entries in the order they run, with their settings taken from `values`.

    `values` may hold settings of other entries too. SettingError names an unknown entry.
    """
    steps = []
    for name in dict.fromkeys(names):
        entry = AUGMENTATIONS.load(name)
        own = {key: values[key] for key in entry.Settings.model_fields if key in values}
        steps.append(Step(name, entry, parse(entry.Settings, own)))
    return tuple(sorted(steps, key=lambda step: STAGES.index(step.stage)))


def draw_all(
    steps: Sequence[Step], count: int, form: ImageForm, generator: torch.Generator
) -> tuple[tuple[Step, Parameters], ...]:
    """Each step of this batch with its parameters; of several mixing steps one is chosen."""
    mixing = [step for step in steps if step.stage == "mix"]
    used = [step for step in steps if step.stage != "mix"]
    if mixing:
        used.append(mixing[int(torch.randint(len(mixing), (), generator=generator))])
    return tuple((step, step.draw(count, form, generator)) for step in used)


def apply_all(images: Tensor, drawn: Sequence[tuple[Step, Parameters]]) -> Tensor:
    """Apply every step but the mixing one, which needs the partners' images."""
    warps: list[tuple[Step, Parameters]] = []
    for step, parameters in drawn:
        if step.stage == "warp":
            warps.append((step, parameters))
            continue
        images, warps = _warp(images, warps), []
        if step.stage != "mix":
            images = step.entry.apply(images, parameters, step.settings)
    return _warp(images, warps)


def _warp(images: Tensor, warps: Sequence[tuple[Step, Parameters]]) -> Tensor:
    if not warps:
        return images
    matrices = [step.entry.matrices(parameters, step.settings) for step, parameters in warps]
    combined = matrices[0]
    for matrix in matrices[1:]:
        combined = combined @ matrix
    return resample(images, combined)


def resample(images: Tensor, matrices: Tensor) -> Tensor:
    """Look up each output pixel at `matrices` (n, 2, 2) times its place, the center being 0."""
    n, channels, height, width = images.shape
    linear = matrices.to(images.device, torch.float32)
    if height != width:
        # Coordinates of grid_sample run over -1..1 on both axes, so pixels of an image that is not
        # square are not square there; without this a rotation would shear.
        aspect = torch.tensor([[1.0, height / width], [width / height, 1.0]])
        linear = linear * aspect.to(images.device)
    affine = torch.cat([linear, linear.new_zeros(n, 2, 1)], dim=2)  # (n, 2, 3)
    grid = F.affine_grid(affine, [n, channels, height, width], align_corners=False)
    # Reflection keeps the statistics of a photo's border and a plain background plain.
    moved = F.grid_sample(images, grid.to(images.dtype), "bilinear", "reflection", False)
    return moved.contiguous(memory_format=layout_of(images))


def layout_of(images: Tensor) -> torch.memory_format:
    last = images.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last and images.shape[1] > 1 else torch.contiguous_format


def each(parameter: Tensor, images: Tensor) -> Tensor:
    """A parameter (n,) shaped to act on images (n, channels, height, width)."""
    return parameter.to(images.dtype).view(-1, 1, 1, 1)


def uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low
