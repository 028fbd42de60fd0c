"""This file changes inputs as the world does, at five strengths, and asks for the score again.

After Hendrycks and Dietterich 2019 ("Benchmarking neural network robustness to common corruptions
and perturbations"), with strengths in units that mean something. The random part of a change is
the same at every strength, so that a curve shows the strength and not the draw.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from descend.data.examples import Preprocessing, Split
from descend.data.table_preprocessing import TablePreprocessing
from descend.evidence import Table
from descend.seeds import seed_for
from descend.tasks._worse_tables import Changed, table_changes

EXAMPLES = 2000  # drawn from a larger split: two digits of a share, at a bounded time
CHUNK = 512  # images changed at once

Score = Callable[[Split], dict[str, float]]


@dataclass(frozen=True)
class Change:
    """One way in which images get worse. `apply(pixels, strength, generator)` takes and gives
    float32 pixels (n, channels, height, width) in 0..1."""

    name: str
    unit: str
    strengths: tuple[float, ...]
    apply: Callable[[Tensor, float, torch.Generator], Tensor]


def curves(
    score: Score,
    split: Split,
    preprocessing: Preprocessing,
    metrics: tuple[str, ...],
    seed: int,
    step: int,
) -> Table:
    """Rows [change, unit, strength, *metrics]; strength 0 is the data as it is."""
    few = _drawn(split, seed)
    clean = score(few)
    changed = (
        table_changes(few, preprocessing, _generator(seed, "table"))
        if isinstance(preprocessing, TablePreprocessing)
        else _images(few, seed)
    )
    rows: list[list[object]] = []
    for name, unit, strength, worse in changed:
        found = clean if worse is None else score(worse)
        rows.append([name, unit, strength, *(found.get(metric) for metric in metrics)])
    share = f" ({len(few)} of {len(split)} examples)" if len(few) < len(split) else ""
    caption = f"The score when inputs get worse{share}; at strength 0 they are as they came."
    return Table(step, "robustness", ["change", "unit", "strength", *metrics], rows, caption)


def _drawn(split: Split, seed: int) -> Split:
    if len(split) <= EXAMPLES:
        return split
    generator = _generator(seed, "examples")
    chosen = torch.randperm(len(split), generator=generator)[:EXAMPLES]
    return split.select(chosen.sort().values)


def _images(split: Split, seed: int) -> Iterator[Changed]:
    for change in IMAGE_CHANGES:
        yield change.name, change.unit, 0.0, None
        for strength in change.strengths:
            pixels = change_images(split.inputs[0], change, strength, seed)
            yield change.name, change.unit, strength, replace(split, inputs=(pixels,))


def change_images(pixels: Tensor, change: Change, strength: float, seed: int) -> Tensor:
    """uint8 in, uint8 out."""
    generator = _generator(seed, change.name)
    parts = [
        change.apply(part.float() / 255, strength, generator).clamp(0, 1).mul(255).round()
        for part in torch.split(pixels.cpu(), CHUNK)
    ]
    return torch.cat(parts).to(torch.uint8)


def _generator(seed: int, purpose: str) -> torch.Generator:
    return torch.Generator().manual_seed(seed_for(seed, f"robustness {purpose}", 0, 0))


def _noise(pixels: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return pixels + strength * torch.randn(pixels.shape, generator=generator)


def _blur(pixels: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    sigma = strength * min(pixels.shape[2:])  # pixels
    radius = min(math.ceil(3 * sigma), min(pixels.shape[2:]) - 1)
    if radius < 1:
        return pixels
    # torchvision's blur would bring in two seconds of imports at the start of every verb
    places = torch.arange(-radius, radius + 1.0)
    weights = torch.softmax(-(places**2) / (2 * sigma**2), 0)  # a Gaussian that adds up to 1
    n, channels, height, width = pixels.shape
    planes = F.pad(pixels.reshape(-1, 1, height, width), [radius] * 4, mode="reflect")
    rows = F.conv2d(planes, weights.view(1, 1, 1, -1))
    return F.conv2d(rows, weights.view(1, 1, -1, 1)).view(n, channels, height, width)


def _darker(pixels: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return pixels * (1 - strength)


def _lighter(pixels: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    return 1 - (1 - pixels) * (1 - strength)


def _occlusion(pixels: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """A gray box of this share of the area, anywhere inside."""
    height, width = pixels.shape[2:]
    side = math.sqrt(strength)
    place = torch.rand(len(pixels), 2, 1, generator=generator) * (1 - side)
    rows = (torch.arange(height) + 0.5) / height
    columns = (torch.arange(width) + 0.5) / width
    inside_rows = (rows >= place[:, 0]) & (rows < place[:, 0] + side)  # (n, height)
    inside_columns = (columns >= place[:, 1]) & (columns < place[:, 1] + side)  # (n, width)
    inside = inside_rows[:, None, :, None] & inside_columns[:, None, None, :]
    return torch.where(inside, 0.5, pixels)


def _shift(pixels: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    angle = 2 * math.pi * torch.rand(len(pixels), generator=generator)
    move = 2 * strength * torch.stack([angle.cos(), angle.sin()], dim=1)  # the grid spans -1..1
    return _warp(pixels, torch.eye(2).expand(len(pixels), 2, 2), move)


def _rotation(pixels: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    angle = _signs(len(pixels), generator) * math.radians(strength)
    cosine, sine = angle.cos(), angle.sin()
    ratio = pixels.shape[2] / pixels.shape[3]  # so that a rectangle turns without shear
    rows = [torch.stack([cosine, -sine * ratio], 1), torch.stack([sine / ratio, cosine], 1)]
    return _warp(pixels, torch.stack(rows, 1), torch.zeros(len(pixels), 2))


def _scale(pixels: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Half of the images grow by this share, half shrink by as much."""
    factor = (1 + strength) ** _signs(len(pixels), generator)
    return _warp(pixels, torch.eye(2) * factor[:, None, None], torch.zeros(len(pixels), 2))


def _signs(count: int, generator: torch.Generator) -> Tensor:
    return torch.randint(0, 2, (count,), generator=generator) * 2.0 - 1


def _warp(pixels: Tensor, matrix: Tensor, move: Tensor) -> Tensor:
    """Output places look up input places: matrix @ place + move; outside the border goes on."""
    theta = torch.cat([matrix, move[:, :, None]], dim=2)
    grid = F.affine_grid(theta, list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)


IMAGE_CHANGES = (
    Change("noise", "deviation, share of the range", (0.05, 0.1, 0.15, 0.2, 0.3), _noise),
    Change("blur", "sigma, share of the side", (0.01, 0.02, 0.04, 0.06, 0.1), _blur),
    Change("darker", "share of the light taken", (0.15, 0.3, 0.45, 0.6, 0.75), _darker),
    Change("lighter", "share of the dark taken", (0.15, 0.3, 0.45, 0.6, 0.75), _lighter),
    Change("occlusion", "share of the area", (0.05, 0.1, 0.2, 0.3, 0.4), _occlusion),
    Change("shift", "share of the side", (0.04, 0.08, 0.12, 0.18, 0.25), _shift),
    Change("rotation", "degrees", (5, 10, 20, 30, 45), _rotation),
    Change("scale", "share grown or shrunk", (0.1, 0.2, 0.3, 0.4, 0.5), _scale),
)
