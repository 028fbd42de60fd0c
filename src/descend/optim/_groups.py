"""This file sorts a network's parameters into groups and remembers their learning rates."""

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from torch import nn
from torch.optim import Optimizer

FACTOR = "adaptive_factor"


@runtime_checkable
class Paced(Protocol):
    """A module whose own parameters ask adaptive optimizers for longer steps.

    Adam and its kin move every weight by about the learning rate, whatever the gradient's size; a
    few weights that must go far would need many more steps than the rest. Plain gradient descent
    takes longer steps there by itself and is left alone.
    """

    adaptive_factor: float


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Groups by weight decay and pace; biases, norms and embeddings are spared the decay.

    A bias or the scale of a norm has one dimension; decaying it only limits what the network can
    say (Goyal et al. 2017, arXiv 1706.02677, section 5.3; He et al. 2018, arXiv 1812.01187).
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter, spared, factor in _parameters(network, 1.0):
        key = (factor, 0.0 if spared else weight_decay)
        members = groups.setdefault(key, [])
        if all(parameter is not member for member in members):  # shared weights occur twice
            members.append(parameter)
    return [
        {"params": members, "weight_decay": decay, FACTOR: factor}
        for (factor, decay), members in sorted(groups.items(), key=lambda item: item[0][0])
    ]


def _parameters(module: nn.Module, factor: float) -> Iterator[tuple[nn.Parameter, bool, float]]:
    if isinstance(module, Paced):
        factor = module.adaptive_factor
    for name, parameter in module.named_parameters(recurse=False):
        spared = parameter.ndim < 2 or name == "bias" or isinstance(module, nn.Embedding)
        yield parameter, spared, factor
    for child in module.children():
        yield from _parameters(child, factor)


def ready(optimizer: Optimizer, adaptive: bool = True) -> Optimizer:
    """Write down each group's own learning rate, which a schedule's factor multiplies."""
    for group in optimizer.param_groups:
        group["lr"] *= group.get(FACTOR, 1.0) if adaptive else 1.0
        group["initial_lr"] = group["lr"]
    return optimizer
