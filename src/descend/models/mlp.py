"""This file is the multilayer perceptron, the default network for tables.

Numbers pass through piecewise-linear embeddings, categories through embedding vectors, then
through fully connected layers. A linear path beside them is added to the result, so that what is
linear in the data is learned at once and the layers learn the rest. Images are flattened.
"""

import torch
from torch import Tensor, nn

from descend.forms import Form, ImageForm, TableForm
from descend.models._columns import CategoryEmbedding, LinearColumns, PiecewiseLinearEmbedding
from descend.settings import Settings as SettingsBase
from descend.settings import setting

INPUTS = frozenset({"images", "tables"})
SMALLEST = 1  # pixels


class Settings(SettingsBase):
    width: int = setting(
        256, "units of each hidden layer", unit="units", at_least=1, search=(32, 1024, "log")
    )
    depth: int = setting(2, "hidden layers", unit="layers", at_least=1, search=(1, 5, "linear"))
    dropout: float = setting(
        0.15, "share of hidden units switched off in training", unit="share", at_least=0, below=1,
        search=(0, 0.6, "linear"),
    )  # fmt: skip
    embedding_size: int | None = setting(
        None, "numbers that stand for one column's value", unit="numbers", at_least=1,
        search=(4, 64, "log"), derived="the number of columns",
    )  # fmt: skip


def build(settings: Settings, form: Form, outputs: int) -> nn.Module:
    if isinstance(form, ImageForm):
        pixels = form.channels * form.height * form.width
        return nn.Sequential(nn.Flatten(), *_layers(pixels, outputs, settings))
    return TableNetwork(form, outputs, settings)


class TableNetwork(nn.Module):
    def __init__(self, form: TableForm, outputs: int, settings: Settings) -> None:
        super().__init__()
        numbers, columns = len(form.number_names), len(form.number_names) + len(form.cardinalities)
        size = settings.embedding_size or _embedding_size(columns)
        edges = form.edges or ((),) * numbers
        self.linear = LinearColumns(numbers, form.cardinalities, outputs)
        self.numbers = PiecewiseLinearEmbedding(edges, size) if numbers else None
        self.categories = (
            CategoryEmbedding(form.cardinalities, size) if form.cardinalities else None
        )
        self.layers = nn.Sequential(*_layers(columns * size, outputs, settings))

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        parts = []
        if self.numbers is not None:
            parts.append(self.numbers(numbers).flatten(1))
        if self.categories is not None:
            parts.append(self.categories(categories).flatten(1))
        result: Tensor = self.layers(torch.cat(parts, dim=1)) + self.linear(numbers, categories)
        return result


def _layers(inputs: int, outputs: int, settings: Settings) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for _ in range(settings.depth):
        layers += [nn.Linear(inputs, settings.width), nn.ReLU(), nn.Dropout(settings.dropout)]
        inputs = settings.width
    return [*layers, nn.Linear(inputs, outputs)]


def _embedding_size(columns: int) -> int:
    # As wide as the first layer can afford: about 768 inputs to it, 2 to 16 for each column
    # (16: Gorishniy et al. 2024 tune 8 to 32).
    return min(16, max(2, 768 // columns))
