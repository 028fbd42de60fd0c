"""Every network of the catalog can be exported, for every form of input that it takes."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from descend.catalog import Catalog
from descend.data.image_preprocessing import ImagePreprocessing
from descend.forms import Form, ImageForm, TableForm
from descend.workflow import export
from descend.workflow.exported_network import (
    CategoriesExport,
    ImageExport,
    NumbersExport,
    TableExport,
)

MODELS = Catalog("descend.models", "network")
OUTPUTS = 3
IMAGES = ImageForm(3, 32, 40)


def table(numbers: int, categories: int) -> TableForm:
    return TableForm(
        tuple(f"n{i}" for i in range(numbers)),
        tuple(f"c{i}" for i in range(categories)),
        (4,) * categories,
        ((0.0, 0.5, 1.0),) * numbers,
    )


def cases() -> Iterator[tuple[str, Form]]:
    for name in MODELS.names:
        inputs = MODELS.load(name).INPUTS
        if "images" in inputs:
            yield name, IMAGES
        if "tables" in inputs:
            for numbers, categories in ((3, 2), (3, 0), (0, 2)):
                yield name, table(numbers, categories)


def wrapped(network: nn.Module, form: Form) -> tuple[nn.Module, dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    if isinstance(form, ImageForm):
        size = (4, form.channels, form.height, form.width)
        pixels = torch.randint(0, 256, size, generator=generator, dtype=torch.uint8)
        preprocessing = ImagePreprocessing(form, (0.4, 0.5, 0.6), (0.1, 0.2, 0.3), 10**6)
        return ImageExport(network, preprocessing, nn.Softmax(1)), {"pixels": pixels}
    numbers = torch.randn(4, len(form.number_names), generator=generator)
    codes = torch.randint(0, 4, (4, len(form.category_names)), generator=generator)
    if not form.category_names:
        return NumbersExport(network, nn.Softmax(1)), {"numbers": numbers}
    if not form.number_names:
        return CategoriesExport(network, nn.Softmax(1)), {"categories": codes}
    both = {"numbers": numbers, "categories": codes}
    return TableExport(network, nn.Softmax(1)), both


@pytest.mark.slow
@pytest.mark.parametrize("format", export.FORMATS)
@pytest.mark.parametrize(("name", "form"), list(cases()))
def test_an_exported_network_answers_as_the_network_does(
    name: str, form: Form, format: str
) -> None:
    entry = MODELS.load(name)
    torch.manual_seed(0)
    network, inputs = wrapped(entry.build(entry.Settings(), form, OUTPUTS), form)
    network.eval()
    given, names = tuple(inputs.values()), tuple(inputs)
    with torch.inference_mode():
        expected = network(*given).numpy()
    with export._quiet():
        content = export._WRITERS[format](network, given, names, "probabilities")
        answers = export._READERS[format](content, given, names)
    assert np.abs(answers - expected).max() < export.TOLERANCE
