"""This file holds the contract that every network of the catalog keeps."""

import pytest
import torch
from safetensors.torch import load, save
from torch import nn
from torch.nn import functional

from descend.catalog import Catalog
from descend.errors import SettingError
from descend.forms import Form, ImageForm, TableForm

MODELS = Catalog("descend.models", "network")
OUTPUTS = 5
TABLE = TableForm(
    number_names=("age", "rooms", "flag"),
    category_names=("color", "town"),
    cardinalities=(4, 6),
    edges=((-2.0, -0.5, 0.0, 0.5, 2.0), (-1.0, 0.0, 1.0), (0.0, 1.0)),
)
CASES = [(name, kind) for name in MODELS.names for kind in sorted(MODELS.load(name).INPUTS)]


def form_for(name: str, kind: str, smallest: bool = False) -> Form:
    if kind == "tables":
        return TABLE
    side = MODELS.load(name).SMALLEST if smallest else max(16, MODELS.load(name).SMALLEST)
    return ImageForm(channels=3, height=side, width=side)


def build(name: str, form: Form, seed: int = 0) -> nn.Module:
    entry = MODELS.load(name)
    torch.manual_seed(seed)
    network: nn.Module = entry.build(entry.Settings(), form, OUTPUTS)
    return network


def examples(form: Form, count: int = 8) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(1)
    if isinstance(form, ImageForm):
        shape = (count, form.channels, form.height, form.width)
        return (torch.randn(shape, generator=generator),)
    numbers = torch.randn(count, len(form.number_names), generator=generator)
    codes = [torch.randint(0, c, (count,), generator=generator) for c in form.cardinalities]
    return numbers, torch.stack(codes, dim=1)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_it_gives_one_row_of_outputs_per_example(name: str, kind: str) -> None:
    for smallest in (False, True):
        form = form_for(name, kind, smallest)
        outputs = build(name, form).eval()(*examples(form))
        assert outputs.shape == (8, OUTPUTS)
        assert outputs.isfinite().all()


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_every_parameter_gets_a_gradient(name: str, kind: str) -> None:
    form = form_for(name, kind)
    network = build(name, form)
    network(*examples(form)).square().sum().backward()
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_the_same_seed_gives_the_same_weights_and_result(name: str, kind: str) -> None:
    form = form_for(name, kind)
    first, second, other = build(name, form), build(name, form), build(name, form, seed=1)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    given = examples(form)
    assert torch.equal(first.eval()(*given), second.eval()(*given))
    assert not torch.equal(first.eval()(*given), other.eval()(*given))


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_saved_and_loaded_it_gives_the_same_outputs(name: str, kind: str) -> None:
    form = form_for(name, kind)
    network = build(name, form)
    network(*examples(form))  # moves the running statistics of batch norm
    again = build(name, form, seed=1)
    again.load_state_dict(load(save(dict(network.state_dict()))))
    assert torch.equal(network.eval()(*examples(form)), again.eval()(*examples(form)))


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_it_learns_one_batch_by_heart(name: str, kind: str) -> None:
    form = form_for(name, kind)
    network = build(name, form)
    given, codes = examples(form), torch.arange(8) % OUTPUTS
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(600):
        optimizer.zero_grad()
        loss = functional.cross_entropy(network(*given), codes)
        loss.backward()
        optimizer.step()
        if loss < 0.05:
            break
    assert loss < 0.05


@pytest.mark.parametrize("name", [name for name, kind in CASES if kind == "images"])
def test_it_works_in_channels_last(name: str) -> None:
    form = form_for(name, "images")
    network, given = build(name, form).eval(), examples(form)[0]
    expected = network(given)
    # torch's .to() has no overload for memory_format alone
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    found = network(given.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", [name for name, kind in CASES if kind == "images"])
def test_gray_and_oblong_images_are_taken(name: str) -> None:
    side = max(16, MODELS.load(name).SMALLEST)
    form = ImageForm(channels=1, height=side, width=2 * side + 1)
    assert build(name, form)(*examples(form)).shape == (8, OUTPUTS)


@pytest.mark.parametrize("name", [name for name, kind in CASES if kind == "images"])
def test_an_image_too_small_is_refused_with_the_smallest_size(name: str) -> None:
    smallest = MODELS.load(name).SMALLEST
    if smallest == 1:
        return
    form = ImageForm(channels=1, height=smallest - 1, width=64)
    with pytest.raises(SettingError, match=f"at least {smallest}x{smallest}"):
        build(name, form)


@pytest.mark.parametrize("name", [n for n in MODELS.names if "tables" not in MODELS.load(n).INPUTS])
def test_a_table_given_to_a_network_for_images_is_one_clear_line(name: str) -> None:
    with pytest.raises(SettingError, match="takes images"):
        build(name, TABLE)


@pytest.mark.parametrize("name", [n for n in MODELS.names if "tables" in MODELS.load(n).INPUTS])
@pytest.mark.parametrize("missing", ["numbers", "categories"])
def test_a_table_of_one_sort_of_column_is_taken(name: str, missing: str) -> None:
    if missing == "numbers":
        form = TableForm((), ("color",), (4,), ())
    else:
        form = TableForm(("age", "size"), (), (), ())
    numbers = torch.randn(8, len(form.number_names))
    categories = torch.zeros(8, len(form.cardinalities), dtype=torch.int64)
    assert build(name, form)(numbers, categories).shape == (8, OUTPUTS)


def count(name: str, form: Form, outputs: int = 10) -> int:
    entry = MODELS.load(name)
    return sum(p.numel() for p in entry.build(entry.Settings(), form, outputs).parameters())


@pytest.mark.parametrize("side", [28, 32])
def test_lenet5_has_the_parameters_of_the_paper(side: int) -> None:
    assert count("lenet5", ImageForm(1, side, side)) == 61_706


def test_the_residual_networks_have_their_known_parameters() -> None:
    assert count("resnet18", ImageForm(3, 224, 224), 1000) == 11_689_512
    assert count("resnet18-cifar", ImageForm(3, 32, 32)) == 11_173_962
