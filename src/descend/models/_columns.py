"""This file turns the columns of a table into what the layers of a network multiply."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class CategoryEmbedding(nn.Module):
    """One vector per value of each category column, all columns in one table."""

    offsets: Tensor

    def __init__(self, cardinalities: Sequence[int], size: int) -> None:
        super().__init__()
        starts = [sum(cardinalities[:i]) for i in range(len(cardinalities))]
        self.register_buffer("offsets", torch.tensor(starts, dtype=torch.int64), persistent=False)
        self.table = nn.Embedding(sum(cardinalities), size)

    def forward(self, categories: Tensor) -> Tensor:
        """(batch, columns) codes -> (batch, columns, size)."""
        vectors: Tensor = self.table(categories + self.offsets)
        return vectors


class LinearColumns(nn.Module):
    """Scores Wx + b over numbers and one-hot categories; it starts from zero for categories.

    Columns that say nearly the same need large weights of opposite sign. With Adam at the rate of
    the other layers these are not reached within a run; ten times as fast, the fit equals least
    squares (benchmarks/LOG.md, 2026-11-21).
    """

    adaptive_factor = 10.0

    def __init__(self, numbers: int, cardinalities: Sequence[int], outputs: int) -> None:
        super().__init__()
        self.numbers = nn.Linear(numbers, outputs) if numbers else None
        self.categories = CategoryEmbedding(cardinalities, outputs) if cardinalities else None
        if self.categories is not None:
            nn.init.zeros_(self.categories.table.weight)

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        """(batch, numbers), (batch, columns) -> (batch, outputs)."""
        parts = []
        if self.numbers is not None:
            parts.append(self.numbers(numbers))
        if self.categories is not None:
            parts.append(self.categories(categories).sum(dim=1))
        return torch.stack(parts).sum(dim=0) if len(parts) > 1 else parts[0]


class PiecewiseLinearEmbedding(nn.Module):
    """A vector per number column: a line plus a piecewise-linear curve that bends at its edges.

    Gorishniy, Rubachev, Babenko 2022 (arXiv 2203.05556, section 3.1); the line with the curve
    starting from zero is the form of Gorishniy et al. 2024 (arXiv 2410.24210, appendix). Outside
    the edges the curve is flat, so that a value never seen in training cannot explode.
    """

    left: Tensor
    scale: Tensor

    def __init__(self, edges: Sequence[Sequence[float]], size: int) -> None:
        super().__init__()
        columns, bins = len(edges), max((len(e) - 1 for e in edges), default=1)
        left, scale = torch.zeros(columns, max(bins, 1)), torch.zeros(columns, max(bins, 1))
        for column, found in enumerate(edges):
            for b, (low, high) in enumerate(pairwise(found)):
                left[column, b] = low
                scale[column, b] = 1 / (high - low) if high > low else 0.0
        self.register_buffer("left", left, persistent=False)  # (columns, bins)
        self.register_buffer("scale", scale, persistent=False)  # 0 where a column has fewer bins
        limit = 1 / columns**0.5
        self.slope = nn.Parameter(torch.empty(columns, size).uniform_(-limit, limit))
        self.bias = nn.Parameter(torch.empty(columns, size).uniform_(-limit, limit))
        self.curve = nn.Parameter(torch.zeros(columns, max(bins, 1), size))

    def forward(self, numbers: Tensor) -> Tensor:
        """(batch, columns) -> (batch, columns, size)."""
        x = numbers.unsqueeze(-1)
        filled = ((x - self.left) * self.scale).clamp(0, 1)  # (batch, columns, bins)
        bend = torch.einsum("ncb,cbs->ncs", filled, self.curve)
        return bend + x * self.slope + self.bias
