"""A multilayer perceptron for tables, with embeddings and a linear path beside.

Numbers pass through piecewise-linear encodings over their training quantiles (Gorishniy, Rubachev &
Babenko 2022, arXiv 2203.05556, section 3.2), categories through embeddings. The linear path lets
the network be no worse than least squares where least squares is right. Images are flattened.
"""

import torch
from torch import Tensor, nn

from descend import settings as s
from descend.forms import Form, TableForm
from descend.models.linear import LinearTable

INPUTS = frozenset({"images", "tables"})


class Settings(s.Settings):
    width: int = s.setting(
        256, "units of each hidden layer", unit="units", at_least=1, search=(32, 1024, "log")
    )
    depth: int = s.setting(
        2, "hidden layers", unit="layers", at_least=1, at_most=16, search=(1, 4, "linear")
    )
    dropout: float = s.setting(
        0.1, "share of units left out at random while training", unit="share", at_least=0, below=1,
        search=(0.0, 0.5, "linear"),
    )  # fmt: skip
    number_embedding: int = s.setting(
        16, "values each number becomes; 0 leaves it one number", unit="units", at_least=0
    )


def build(settings: Settings, form: Form, outputs: int) -> nn.Module:
    if form.kind == "images":
        features = form.channels * form.height * form.width
        return nn.Sequential(nn.Flatten(), *_layers(features, settings, outputs))
    return TableMlp(settings, form, outputs)


class TableMlp(nn.Module):
    """forward(numbers (n, k), categories (n, m)) -> (n, outputs)."""

    def __init__(self, settings: Settings, form: TableForm, outputs: int) -> None:
        super().__init__()
        numbers = len(form.number_names)
        self.linear = LinearTable(numbers, form.cardinalities, outputs)
        nn.init.zeros_(self.linear.numbers.weight)
        size = settings.number_embedding if form.edges else 0
        self.encoding = PiecewiseLinear(form.edges, size) if size and numbers else None
        # Guo & Berkhahn 2016 (arXiv 1604.06737) size embeddings by the number of categories.
        sizes = [min(32, (c + 1) // 2) for c in form.cardinalities]
        self.embeddings = nn.ModuleList(
            nn.Embedding(c, size) for c, size in zip(form.cardinalities, sizes, strict=True)
        )
        features = numbers * max(1, size) + sum(sizes)
        self.hidden = nn.Sequential(*_layers(max(1, features), settings, outputs))

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        encoded = numbers if self.encoding is None else self.encoding(numbers)
        parts = [encoded.flatten(1)]
        for column, embedding in zip(categories.unbind(1), self.embeddings, strict=True):
            parts.append(embedding(column))
        features = torch.cat(parts, 1)
        scores: Tensor = self.hidden(features) + self.linear(numbers, categories)
        return scores


class PiecewiseLinear(nn.Module):
    """Each number becomes `size` values: a linear map of its place among the bins, then ReLU.

    edges[k] holds the increasing bin edges of number k; a bin's code runs from 0 at its lower edge
    to 1 at its upper; the first and last bins go on beyond.
    """

    lower: Tensor
    spread: Tensor
    floor: Tensor
    ceiling: Tensor

    def __init__(self, edges: tuple[tuple[float, ...], ...], size: int) -> None:
        super().__init__()
        bins = max(1, max(len(e) for e in edges) - 1)
        lower = torch.zeros(len(edges), bins)
        spread = torch.ones(len(edges), bins)
        used = torch.zeros(len(edges), bins, dtype=torch.bool)
        for k, edge in enumerate(edges):
            points = torch.tensor(edge if len(edge) > 1 else (0.0, 1.0))
            count = len(points) - 1
            lower[k, :count] = points[:-1]
            spread[k, :count] = (points[1:] - points[:-1]).clamp_min(1e-6)
            used[k, :count] = True
        first = torch.zeros_like(used)
        first[:, 0] = True
        last = used & ~torch.cat([used[:, 1:], torch.zeros(len(edges), 1, dtype=torch.bool)], 1)
        self.register_buffer("lower", lower)
        self.register_buffer("spread", spread)
        low = torch.where(first, -torch.inf, 0.0)
        high = torch.where(last, torch.inf, torch.where(used, 1.0, 0.0))
        self.register_buffer("floor", low)
        self.register_buffer("ceiling", high)
        self.weight = nn.Parameter(torch.randn(len(edges), bins, size) / bins**0.5)
        self.bias = nn.Parameter(torch.zeros(len(edges), size))

    def forward(self, numbers: Tensor) -> Tensor:
        """(n, k) -> (n, k, size)."""
        place = (numbers[:, :, None] - self.lower) / self.spread
        codes = torch.maximum(torch.minimum(place, self.ceiling), self.floor)
        return torch.relu(torch.einsum("nkb,kbs->nks", codes, self.weight) + self.bias)


def _layers(features: int, settings: Settings, outputs: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for _ in range(settings.depth):
        layers += [nn.Linear(features, settings.width), nn.ReLU(), nn.Dropout(settings.dropout)]
        features = settings.width
    return [*layers, nn.Linear(features, outputs)]
