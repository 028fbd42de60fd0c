"""This file is the verb `demo`: the main job on embedded data, without a network."""

from descend.show import Show
from descend.workflow.train import train
from descend.workflow.trained import Run


def demo(*, runs: str = "runs", show: Show | None = None) -> Run:
    """Train on scikit-learn's 1,797 handwritten digits."""
    return train("digits", show=show, runs=runs)
