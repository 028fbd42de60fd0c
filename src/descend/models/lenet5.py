"""LeNet-5 (LeCun et al. 1998, figure 2), with ReLU and max pooling as it is used today.

28x28 images are padded to the paper's 32x32, which gives its 61,706 parameters for ten classes.
"""

from torch import nn

from descend.errors import SettingError
from descend.forms import Form
from descend.settings import NoSettings

INPUTS = frozenset({"images"})
SMALLEST = 12  # pixels: two 5x5 convolutions and two poolings leave one
PAPER_SIZE = 32  # pixels; smaller images are padded by 2 on each side
Settings = NoSettings


def build(settings: NoSettings, form: Form, outputs: int) -> nn.Module:
    assert form.kind == "images"
    padding = 2 if min(form.height, form.width) < PAPER_SIZE else 0
    height, width = _left(form.height, padding), _left(form.width, padding)
    if height < 1 or width < 1:
        raise SettingError(
            f"lenet5 needs images of at least {SMALLEST}x{SMALLEST}, got "
            f"{form.height}x{form.width}; choose --model cnn or a larger --image-size"
        )
    return nn.Sequential(
        nn.Conv2d(form.channels, 6, 5, padding=padding),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * height * width, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, outputs),
    )


def _left(size: int, padding: int) -> int:
    """Pixels that remain before the first fully connected layer."""
    return ((size + 2 * padding - 4) // 2 - 4) // 2
