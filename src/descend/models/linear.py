"""Scores Wx + b: the simplest network, and a baseline for every other."""

from torch import Tensor, nn

from descend.forms import Form
from descend.settings import NoSettings

INPUTS = frozenset({"images", "tables"})
Settings = NoSettings


def build(settings: NoSettings, form: Form, outputs: int) -> nn.Module:
    if form.kind == "images":
        features = form.channels * form.height * form.width
        return nn.Sequential(nn.Flatten(), nn.Linear(features, outputs))
    return LinearTable(len(form.number_names), form.cardinalities, outputs)


class LinearTable(nn.Module):
    """Wx + b over numbers, plus one score vector for each category."""

    def __init__(self, numbers: int, cardinalities: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.numbers = nn.Linear(numbers, outputs)
        self.categories = nn.ModuleList(nn.Embedding(size, outputs) for size in cardinalities)
        for embedding in self.categories:
            nn.init.zeros_(embedding.weight)  # type: ignore[arg-type]  # a category starts neutral

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        scores: Tensor = self.numbers(numbers)
        for column, embedding in zip(categories.unbind(1), self.categories, strict=True):
            scores = scores + embedding(column)
        return scores
