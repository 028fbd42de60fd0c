"""This file splits a network's parameters into those that decay and those that are spared."""

from typing import Any

from torch import nn

_SPARED = (nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm, nn.Embedding)


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Biases, norms and embeddings are spared: they have few values and no scale to shrink.

    He et al. 2019 (arXiv 1812.01187), section 3.1.
    """
    spared = {
        id(parameter)
        for module in network.modules()
        for name, parameter in module.named_parameters(recurse=False)
        if isinstance(module, _SPARED) or parameter.ndim < 2 or name == "bias"
    }
    trained = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if id(p) not in spared], "weight_decay": weight_decay},
        {"params": [p for p in trained if id(p) in spared], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
