"""Squared error of standardized numbers; several outputs are averaged."""

from torch import Tensor

from descend.settings import NoSettings

TARGETS = frozenset({"number"})
Settings = NoSettings


def per_example(outputs: Tensor, targets: Tensor, settings: NoSettings) -> Tensor:
    """Losses (batch,), the mean over outputs, of values and targets (batch, outputs)."""
    return (outputs - targets).square().mean(1)


def explain(outputs: Tensor, target: Tensor, settings: NoSettings) -> list[tuple[str, str]]:
    """The loss of one sample term by term: (what is done, the numbers)."""
    rows = [
        (f"output {i}: {outputs[i]:.4g} − {target[i]:.4g}, squared",
         f"{(outputs[i] - target[i]).square():.4g}")
        for i in range(len(outputs))
    ]  # fmt: skip
    loss = per_example(outputs[None], target[None], settings)[0]
    return [*rows, ("mean over the outputs", f"{loss:.4g}")]
