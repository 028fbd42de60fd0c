"""This file is the cross-entropy of a softmax: one class out of several, from logits."""

import torch
from torch import Tensor
from torch.nn import functional

from descend.settings import Settings as SettingsBase
from descend.settings import setting

TARGETS = frozenset({"single-label"})


class Settings(SettingsBase):
    label_smoothing: float = setting(
        0.0, "share of the target spread evenly over all classes", unit="share", at_least=0,
        below=1, search=(0, 0.3, "linear"),
    )  # fmt: skip


def per_example(outputs: Tensor, targets: Tensor, settings: Settings) -> Tensor:
    """(batch, classes) logits; (batch,) codes or (batch, classes) shares -> (batch,) nats."""
    return functional.cross_entropy(
        outputs, targets, reduction="none", label_smoothing=settings.label_smoothing
    )


def explain(outputs: Tensor, target: Tensor, settings: Settings) -> list[tuple[str, str]]:
    """One sample's loss, step by step: (classes,) logits and its code, or shares of classes."""
    scores = outputs.detach().double().cpu()
    wanted = _distribution(target, len(scores), settings.label_smoothing)
    powers = scores.exp() if scores.max() < 700 else (scores - scores.max()).exp()
    shares = powers / powers.sum()
    logs = -torch.log_softmax(scores, dim=0)
    steps = [
        ("scores", _row(scores)),
        ("exp of each score" if scores.max() < 700 else "exp(score - largest)", _row(powers)),
        ("their sum", f"{powers.sum():.4g}"),
        ("normalized: exp / sum", _row(shares)),
        ("−log of each", _row(logs)),
    ]
    if wanted.max() < 1:
        steps.append(("target", _row(wanted)))
        chosen = [i for i in range(len(wanted)) if wanted[i] > 0]
        terms = " + ".join(f"{wanted[i]:.4g}·{logs[i]:.4g}" for i in chosen)
        loss = f"{terms} = {(wanted * logs).sum():.4g}"
    else:
        code = int(wanted.argmax())
        loss = f"−log({shares[code]:.4g}) = {logs[code]:.4g}"
    return [*steps, ("loss in nats", loss)]


def _distribution(target: Tensor, classes: int, smoothing: float) -> Tensor:
    if target.ndim == 0:
        target = functional.one_hot(target.cpu().long(), classes)
    return target.cpu().double() * (1 - smoothing) + smoothing / classes


def _row(values: Tensor) -> str:
    return "  ".join(f"{value:.4g}" for value in values.tolist())
