"""Binary cross-entropy of sigmoid probabilities, from logits; a label's losses are averaged."""

import torch.nn.functional as F
from torch import Tensor

from descend.settings import NoSettings

TARGETS = frozenset({"multi-label"})
Settings = NoSettings


def per_example(outputs: Tensor, targets: Tensor, settings: NoSettings) -> Tensor:
    """Losses (batch,) in nats, the mean over labels, of logits and targets (batch, labels)."""
    return F.binary_cross_entropy_with_logits(outputs, targets, reduction="none").mean(1)


def explain(outputs: Tensor, target: Tensor, settings: NoSettings) -> list[tuple[str, str]]:
    """The loss of one sample term by term: (what is done, the numbers)."""
    shares = outputs.sigmoid()
    rows = [
        (
            f"label {i}: sigmoid({outputs[i]:.4g}) = {shares[i]:.4g}",
            f"−log({shares[i] if target[i] > 0.5 else 1 - shares[i]:.4g})",
        )
        for i in range(len(outputs))
    ]
    loss = per_example(outputs[None], target[None], settings)[0]
    return [*rows, ("mean over the labels", f"{loss:.4g}")]
