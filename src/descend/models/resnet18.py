"""ResNet-18 (He et al. 2015, arXiv 1512.03385), torchvision's."""

from torch import nn
from torchvision.models import resnet18

from descend.forms import Form
from descend.settings import NoSettings

INPUTS = frozenset({"images"})
Settings = NoSettings


def build(settings: NoSettings, form: Form, outputs: int) -> nn.Module:
    assert form.kind == "images"
    network: nn.Module = resnet18(num_classes=outputs)
    if form.channels != 3:
        network.conv1 = nn.Conv2d(form.channels, 64, 7, stride=2, padding=3, bias=False)
    return network
