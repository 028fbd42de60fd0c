"""Cross-entropy of softmax probabilities, from logits."""

import torch.nn.functional as F
from torch import Tensor

from descend import settings as s

TARGETS = frozenset({"single-label"})


class Settings(s.Settings):
    label_smoothing: float = s.setting(
        0.0,
        "share of a target's certainty spread over all classes (Szegedy et al., arXiv 1512.00567)",
        unit="share", at_least=0, below=1, search=(0.0, 0.2, "linear"),
    )  # fmt: skip


def per_example(outputs: Tensor, targets: Tensor, settings: Settings) -> Tensor:
    """Losses (batch,) in nats of logits (batch, classes) and class codes or shares of classes."""
    return F.cross_entropy(
        outputs, targets, reduction="none", label_smoothing=settings.label_smoothing
    )


def explain(outputs: Tensor, target: Tensor, settings: Settings) -> list[tuple[str, str]]:
    """The loss of one sample term by term: (what is done, the numbers)."""
    powers = (outputs - outputs.max()).exp()
    shares = powers / powers.sum()
    chosen = int(target)
    rows = [
        ("logits", _list(outputs)),
        (f"subtract the largest, {outputs.max():.4g}, then exp", _list(powers)),
        (f"normalize: divide by their sum {powers.sum():.4g}", _list(shares)),
        (f"−log of class {chosen}'s share {shares[chosen]:.4g}", f"{-shares[chosen].log():.4g}"),
    ]
    if settings.label_smoothing:
        share = settings.label_smoothing
        rows.append((f"(1 − {share:g}) of this + {share:g} of the mean −log over all classes",
                     f"{per_example(outputs[None], target[None], settings)[0]:.4g}"))  # fmt: skip
    return rows


def _list(values: Tensor) -> str:
    shown = values.flatten()[:12].tolist()
    return ", ".join(f"{v:.4g}" for v in shown) + (", …" if values.numel() > 12 else "")
