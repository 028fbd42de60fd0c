"""This file is the cross-entropy of a sigmoid per label: any number of labels, from logits."""

from torch import Tensor
from torch.nn import functional

from descend.settings import Settings as SettingsBase
from descend.settings import setting

TARGETS = frozenset({"multi-label"})


class Settings(SettingsBase):
    label_smoothing: float = setting(
        0.0, "share by which each target is drawn to one half", unit="share", at_least=0, below=1,
        search=(0, 0.3, "linear"),
    )  # fmt: skip


def per_example(outputs: Tensor, targets: Tensor, settings: Settings) -> Tensor:
    """(batch, labels) logits and 0..1 targets -> (batch,) nats, the mean over the labels."""
    wanted = _smoothed(targets, settings)
    losses = functional.binary_cross_entropy_with_logits(outputs, wanted, reduction="none")
    return losses.mean(dim=1)


def explain(outputs: Tensor, target: Tensor, settings: Settings) -> list[tuple[str, str]]:
    """One sample's loss, step by step: (labels,) logits and 0..1 targets."""
    scores = outputs.detach().double().cpu()
    wanted = _smoothed(target.detach().double().cpu(), settings)
    steps = []
    losses = functional.binary_cross_entropy_with_logits(scores, wanted, reduction="none")
    for i, (score, goal, loss) in enumerate(
        zip(scores.tolist(), wanted.tolist(), losses.tolist(), strict=True), start=1
    ):
        share = scores[i - 1].sigmoid().item()
        terms = {1.0: f"−log({share:.4g})", 0.0: f"−log(1 − {share:.4g})"}.get(
            goal, f"−{goal:.4g}·log({share:.4g}) − {1 - goal:.4g}·log(1 − {share:.4g})"
        )
        sigmoid = f"1/(1 + exp({-score:.4g})) = {share:.4g}"
        steps.append((f"label {i}", f"{sigmoid}; {terms} = {loss:.4g}"))
    return [*steps, ("loss in nats", f"mean of {len(losses)} = {losses.mean():.4g}")]


def _smoothed(targets: Tensor, settings: Settings) -> Tensor:
    return targets * (1 - settings.label_smoothing) + settings.label_smoothing / 2
