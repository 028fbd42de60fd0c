"""This file is the linear network: scores Wx + b, the simplest thing that learns.

On images each row of W has the image's shape and can be drawn; on tables each category column
adds one learned number per value and output.
"""

from torch import Tensor, nn

from descend.forms import Form, ImageForm
from descend.models._columns import LinearColumns
from descend.settings import NoSettings

INPUTS = frozenset({"images", "tables"})
SMALLEST = 1  # pixels
Settings = NoSettings


def build(settings: NoSettings, form: Form, outputs: int) -> nn.Module:
    if isinstance(form, ImageForm):
        return LinearImage(form.channels * form.height * form.width, outputs)
    return LinearColumns(len(form.number_names), form.cardinalities, outputs)


class LinearImage(nn.Module):
    def __init__(self, pixels: int, outputs: int) -> None:
        super().__init__()
        self.scores = nn.Linear(pixels, outputs)

    def forward(self, image: Tensor) -> Tensor:
        scores: Tensor = self.scores(image.flatten(1))
        return scores
