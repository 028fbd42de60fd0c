"""This file is the squared error, for numbers."""

from torch import Tensor

from descend.settings import NoSettings

TARGETS = frozenset({"number"})
Settings = NoSettings


def per_example(outputs: Tensor, targets: Tensor, settings: NoSettings) -> Tensor:
    """(batch, outputs) both, scaled alike -> (batch,), the mean over the outputs."""
    return (outputs - targets).square().mean(dim=1)


def explain(outputs: Tensor, target: Tensor, settings: NoSettings) -> list[tuple[str, str]]:
    """One sample's loss, step by step: (outputs,) values and targets, both as they are given."""
    differences = outputs.detach().double().cpu() - target.detach().double().cpu()
    pairs = zip(outputs.tolist(), target.tolist(), differences.tolist(), strict=True)
    steps = [
        (f"output {i}", f"({said:.4g} − {true:.4g})² = {gap:.4g}² = {gap**2:.4g}")
        for i, (said, true, gap) in enumerate(pairs, start=1)
    ]
    mean = differences.square().mean()
    return [*steps, ("loss", f"mean of {len(differences)} = {mean:.4g}")]
