"""This file holds the contract that every optimizer of the catalog keeps."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from descend.catalog import Catalog
from descend.optim._groups import parameter_groups

OPTIM = Catalog("descend.optim", "optimizer")


def train(name: str, steps: int = 60) -> tuple[nn.Module, list[float]]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    inputs, codes = torch.randn(32, 4), torch.randint(0, 3, (32,))
    entry = OPTIM.load(name)
    groups = parameter_groups(network, weight_decay=1e-4)
    optimizer = entry.build(groups, entry.LEARNING_RATE, entry.Settings())
    losses = []

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(network(inputs), codes)
        loss.backward()
        return loss

    for _ in range(steps):
        losses.append(float(optimizer.step(closure).detach()))
    return network, losses


@pytest.mark.parametrize("name", OPTIM.names)
def test_the_loss_falls_at_the_default_learning_rate(name: str) -> None:
    losses = train(name)[1]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", OPTIM.names)
def test_the_same_seed_gives_the_same_weights(name: str) -> None:
    first, second = train(name)[0], train(name)[0]
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", OPTIM.names)
def test_its_state_restored_it_goes_on_as_if_never_stopped(name: str) -> None:
    entry = OPTIM.load(name)

    def fresh() -> tuple[nn.Linear, torch.optim.Optimizer]:
        torch.manual_seed(0)
        layer = nn.Linear(4, 2)
        return layer, entry.build(parameter_groups(layer, 0.01), 0.01, entry.Settings())

    def step(layer: nn.Linear, optimizer: torch.optim.Optimizer, seed: int) -> None:
        optimizer.zero_grad()
        inputs = torch.randn(8, 4, generator=torch.Generator().manual_seed(seed))
        layer(inputs).square().mean().backward()
        optimizer.step()

    layer, optimizer = fresh()
    step(layer, optimizer, 1)
    again, restored = fresh()
    again.load_state_dict(layer.state_dict())
    restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    step(layer, optimizer, 2)
    step(again, restored, 2)
    assert torch.equal(layer.weight, again.weight)


@pytest.mark.parametrize("name", OPTIM.names)
def test_each_group_remembers_its_learning_rate(name: str) -> None:
    entry = OPTIM.load(name)
    layer = nn.Linear(4, 2)
    groups = [{"params": [layer.weight]}, {"params": [layer.bias], "lr": 0.125}]
    optimizer = entry.build(groups, 0.5, entry.Settings())
    assert [group["initial_lr"] for group in optimizer.param_groups] == [0.5, 0.125]


class Quick(nn.Linear):
    adaptive_factor = 10.0


@pytest.mark.parametrize("name", OPTIM.names)
def test_a_module_that_asks_for_longer_steps_gets_them_where_steps_are_normalized(
    name: str,
) -> None:
    entry = OPTIM.load(name)
    network = nn.Sequential(nn.Linear(4, 3), Quick(3, 2))
    optimizer = entry.build(parameter_groups(network, 0.0), 0.01, entry.Settings())
    rates = {id(p): g["initial_lr"] for g in optimizer.param_groups for p in g["params"]}
    assert rates[id(network[0].weight)] == 0.01
    assert rates[id(network[1].weight)] == pytest.approx(0.01 if name == "sgd" else 0.1)


def test_a_weight_that_two_layers_share_is_moved_once() -> None:
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    second.weight = first.weight
    groups = parameter_groups(nn.Sequential(first, second), 0.1)
    assert sum(len(g["params"]) for g in groups) == 3


def test_weight_decay_spares_biases_norms_and_embeddings() -> None:
    network = nn.ModuleDict(
        {"layer": nn.Linear(4, 4), "norm": nn.BatchNorm1d(4), "codes": nn.Embedding(5, 4)}
    )
    groups = parameter_groups(network, weight_decay=0.1)
    decayed = [id(p) for g in groups if g["weight_decay"] for p in g["params"]]
    assert decayed == [id(network["layer"].weight)]
    assert sum(len(g["params"]) for g in groups) == len(list(network.parameters()))
