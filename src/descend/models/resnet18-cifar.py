"""This file is ResNet-18 for small images: a 3x3 first layer and no max pooling.

The residual blocks are torchvision's. He et al. 2015 (arXiv 1512.03385, section 4.2) take the
3x3 first layer for CIFAR-10; four stages of width 64 to 512 are how the field writes ResNet-18
for 32x32 images (11,173,962 parameters for three channels and ten classes).
"""

from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

from descend.forms import Form
from descend.models._smallest import require_images
from descend.settings import Settings as SettingsBase
from descend.settings import setting

INPUTS = frozenset({"images"})
SMALLEST = 8  # pixels: three halvings leave 1x1


class Settings(SettingsBase):
    width: int = setting(
        64, "channels of the first stage; each later stage doubles them", unit="channels",
        at_least=1, search=(16, 128, "log"),
    )  # fmt: skip


def build(settings: Settings, form: Form, outputs: int) -> nn.Module:
    image = require_images(form, "resnet18-cifar", SMALLEST)
    return SmallImageResNet(image.channels, settings.width, outputs)


class SmallImageResNet(nn.Module):
    def __init__(self, channels: int, width: int, outputs: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        widths = [width, width, 2 * width, 4 * width, 8 * width]
        self.stages = nn.Sequential(
            *(_stage(widths[i], widths[i + 1], 1 if i == 0 else 2) for i in range(4))
        )
        self.scores = nn.Linear(8 * width, outputs)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # He et al. 2015, arXiv 1502.01852
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Tensor) -> Tensor:
        scores: Tensor = self.scores(self.stages(self.stem(image)).mean(dim=(2, 3)))
        return scores


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    shortcut = None
    if stride != 1 or inputs != outputs:
        shortcut = nn.Sequential(
            nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
        )
    return nn.Sequential(
        BasicBlock(inputs, outputs, stride, shortcut), BasicBlock(outputs, outputs)
    )
