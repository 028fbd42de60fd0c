"""This file is ResNet-18 (He, Zhang, Ren, Sun 2015, arXiv 1512.03385) as torchvision builds it.

Its first layers shrink the image four times, which suits photos of 64 pixels and more; for small
images see resnet18-cifar.
"""

from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet

from descend.forms import Form
from descend.models._smallest import require_images
from descend.settings import NoSettings

INPUTS = frozenset({"images"})
SMALLEST = 8  # pixels: below, every kernel after the first blocks sees padding alone
Settings = NoSettings


def build(settings: NoSettings, form: Form, outputs: int) -> nn.Module:
    image = require_images(form, "resnet18", SMALLEST)
    network: nn.Module = ResNet(BasicBlock, [2, 2, 2, 2], num_classes=outputs)
    if image.channels != 3:  # torchvision's is for color
        stem = nn.Conv2d(image.channels, 64, 7, stride=2, padding=3, bias=False)
        nn.init.kaiming_normal_(stem.weight, mode="fan_out", nonlinearity="relu")
        network.conv1 = stem
    return network
