"""A plain convolutional network sized from the image: the default for small images.

Stages of two 3x3 convolutions with batch norm and ReLU; each stage halves the image and doubles the
channels until about 4x4 is left, then the average over places and one linear layer (the shape of
VGG, Simonyan & Zisserman 2014, with the head of Lin et al. 2013).
"""

from torch import nn

from descend import settings as s
from descend.forms import Form

INPUTS = frozenset({"images"})
FINAL_SIZE = 4  # pixels; below this a stage would see mostly padding


class Settings(s.Settings):
    channels: int = s.setting(
        32, "channels of the first stage; doubled by each", unit="channels", at_least=1,
        search=(8, 128, "log"),
    )  # fmt: skip
    dropout: float = s.setting(
        0.0, "share of features left out at random before the last layer", unit="share",
        at_least=0, below=1, search=(0.0, 0.5, "linear"),
    )  # fmt: skip


def build(settings: Settings, form: Form, outputs: int) -> nn.Module:
    assert form.kind == "images"
    layers: list[nn.Module] = []
    channels, after, size = form.channels, settings.channels, min(form.height, form.width)
    while True:
        layers += [*_block(channels, after), *_block(after, after)]
        channels = after
        if size < 2 * FINAL_SIZE or after >= 16 * settings.channels:
            break
        layers.append(nn.MaxPool2d(2))
        size, after = size // 2, 2 * after
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(settings.dropout)]
    return nn.Sequential(*layers, *head, nn.Linear(channels, outputs))


def _block(channels: int, after: int) -> list[nn.Module]:
    # the norm's shift makes a bias of the convolution idle
    return [nn.Conv2d(channels, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
