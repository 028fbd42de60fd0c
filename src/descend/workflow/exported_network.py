"""This file is what an export holds: from pixels, or a table's prepared inputs, to answers.

Nothing is left to be done by whoever loads it but to read images at the right size, or to prepare
a table's columns as preprocessing.json says.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from descend.data.image_preprocessing import ImagePreprocessing
from descend.workflow.model_folder import Model


class ImageExport(nn.Module):
    """uint8 pixels (batch, channels, height, width), 0 to 255, to probabilities or numbers."""

    factor: Tensor
    mean: Tensor

    def __init__(
        self,
        network: nn.Module,
        preprocessing: ImagePreprocessing,
        readable: Callable[[Tensor], Tensor],
    ) -> None:
        super().__init__()
        self.network = network
        self.readable = readable
        mean, std = torch.tensor(preprocessing.mean), torch.tensor(preprocessing.std)
        self.register_buffer("mean", mean.view(1, -1, 1, 1))
        self.register_buffer("factor", (1 / std).view(1, -1, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        shares = pixels.float() / 255
        return self.readable(self.network((shares - self.mean) * self.factor))


class NumbersExport(nn.Module):
    """A table of numbers alone."""

    def __init__(self, network: nn.Module, readable: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network
        self.readable = readable

    def forward(self, numbers: Tensor) -> Tensor:
        none = torch.zeros((numbers.shape[0], 0), dtype=torch.int64)
        return self.readable(self.network(numbers, none))


class CategoriesExport(nn.Module):
    """A table of categories alone."""

    def __init__(self, network: nn.Module, readable: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network
        self.readable = readable

    def forward(self, categories: Tensor) -> Tensor:
        none = torch.zeros((categories.shape[0], 0))
        return self.readable(self.network(none, categories))


class TableExport(nn.Module):
    """Standardized numbers (batch, k) and category codes (batch, m)."""

    def __init__(self, network: nn.Module, readable: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network
        self.readable = readable

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        return self.readable(self.network(numbers, categories))


def exported_network(model: Model) -> tuple[nn.Module, tuple[str, ...]]:
    """The network with everything around it, in single precision, and its inputs' names."""
    network, readable = model.network.float().eval(), model.scorer.readable
    network = network.to(memory_format=torch.contiguous_format)
    if isinstance(model.preprocessing, ImagePreprocessing):
        return ImageExport(network, model.preprocessing, readable).eval(), ("pixels",)
    form = model.preprocessing.form
    if not form.category_names:
        return NumbersExport(network, readable).eval(), ("numbers",)
    if not form.number_names:
        return CategoriesExport(network, readable).eval(), ("categories",)
    return TableExport(network, readable).eval(), ("numbers", "categories")


def taken(inputs: tuple[Tensor, ...], names: tuple[str, ...]) -> tuple[Tensor, ...]:
    """Of prepared inputs those that the exported network takes."""
    if names == ("categories",):
        return inputs[1:]
    return inputs[: len(names)]


def described_inputs(model: Model, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Name, type, shape and meaning of each input."""
    form = model.form
    if form.kind == "images":
        shape = ["batch", form.channels, form.height, form.width]
        meaning = (
            f"{'RGB' if form.channels == 3 else 'gray'} images, 0 to 255, upright, the largest "
            f"centered part of the aspect resized to {form.width}x{form.height}"
        )
        return [{"name": "pixels", "type": "uint8", "shape": shape, "meaning": meaning}]
    known: dict[str, dict[str, Any]] = {
        "numbers": {
            "type": "float32", "shape": ["batch", len(form.number_names)],
            "columns": list(form.number_names),
            "meaning": "(value - center) / scale of each column, as preprocessing.json says",
        },
        "categories": {
            "type": "int64", "shape": ["batch", len(form.category_names)],
            "columns": list(form.category_names),
            "meaning": "place in the column's values counted from 1, 0 for any other value",
        },
    }  # fmt: skip
    return [{"name": name, **known[name]} for name in names]
