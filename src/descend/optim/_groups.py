"""This file sorts a network's parameters into groups and remembers their learning rates."""

from typing import Any

from torch import nn
from torch.optim import Optimizer


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Two groups: what weight decay pulls to zero, and biases, norms and embeddings, spared.

    A bias or the scale of a norm has one dimension; decaying it only limits what the network can
    say (Goyal et al. 2017, arXiv 1706.02677, section 5.3; He et al. 2018, arXiv 1812.01187).
    """
    embeddings = {id(m.weight) for m in network.modules() if isinstance(m, nn.Embedding)}
    decayed: list[nn.Parameter] = []
    spared: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        is_bias = parameter.ndim < 2 or name.rpartition(".")[2] == "bias"
        (spared if is_bias or id(parameter) in embeddings else decayed).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def ready(optimizer: Optimizer) -> Optimizer:
    """Write down each group's own learning rate, which a schedule's factor multiplies."""
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
    return optimizer
