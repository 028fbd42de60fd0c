"""This file is the default network for images: blocks of convolution, batch norm and ReLU.

The number of stages follows from the image's size. One block of a quarter of the width sees it
whole, where work is dearest; stages of two blocks then halve it and double the channels until a
side of 4 to 7 pixels is left, whose largest responses are scored. Large images are first shrunk by
strided convolutions, so that the work per image stays within a few times that of a 32x32 image.
Pooling between a block's convolution and its norm, and the maximum as the last pooling, follow
Jordan 2024 (arXiv 2404.00498).
"""

from torch import Tensor, nn

from descend.forms import Form
from descend.models._smallest import require_images
from descend.settings import Settings as SettingsBase
from descend.settings import setting

INPUTS = frozenset({"images"})
SMALLEST = 4  # pixels
LARGEST_INSIDE = 40  # pixels: a longer shorter side is first shrunk by strided convolutions
POOLED_AT_ONCE = 16  # pixels: from here the first block halves, where its work would dominate
MOST_STAGES = 3  # a side of at most 40 is at most 5 after them


class Settings(SettingsBase):
    width: int = setting(
        64, "channels of the first stage; each later stage doubles them", unit="channels",
        at_least=4, search=(16, 256, "log"),
    )  # fmt: skip
    dropout: float = setting(
        0.0, "share of the last features switched off in training", unit="share", at_least=0,
        below=1, search=(0, 0.5, "linear"),
    )  # fmt: skip


def build(settings: Settings, form: Form, outputs: int) -> nn.Module:
    image = require_images(form, "cnn", SMALLEST)
    return ConvolutionalNetwork(image.channels, min(image.height, image.width), outputs, settings)


class ConvolutionalNetwork(nn.Module):
    def __init__(self, channels: int, side: int, outputs: int, settings: Settings) -> None:
        super().__init__()
        blocks, width = [], max(1, settings.width // 4)
        while side > LARGEST_INSIDE:
            blocks.append(_block(channels, width, stride=2))
            channels, width, side = width, min(2 * width, settings.width), (side + 1) // 2
        pooled = side >= POOLED_AT_ONCE
        blocks.append(_block(channels, width, pool=2 if pooled else 1))
        side //= 2 if pooled else 1
        for stage in range(MOST_STAGES):
            pool = 1 if pooled and stage == 0 else 2
            wider = settings.width * 2**stage
            blocks += [_block(width, wider, pool=pool), _block(wider, wider)]
            width, side = wider, side // pool
            if side < 8:
                break
        self.features = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(settings.dropout)
        self.scores = nn.Linear(width, outputs)

    def forward(self, image: Tensor) -> Tensor:
        strongest = self.features(image).amax(dim=(2, 3))  # (batch, channels)
        scores: Tensor = self.scores(self.dropout(strongest))
        return scores


def _block(inputs: int, outputs: int, stride: int = 1, pool: int = 1) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)]
    if pool > 1:
        layers.append(nn.MaxPool2d(pool))
    return nn.Sequential(*layers, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
