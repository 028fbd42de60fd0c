"""ResNet-18 for small images: a 3x3 stem that keeps the size (He et al. 2015, section 4.2)."""

from torch import nn
from torchvision.models.resnet import BasicBlock, ResNet

from descend import settings as s
from descend.forms import Form

INPUTS = frozenset({"images"})


class Settings(s.Settings):
    channels: int = s.setting(
        64, "channels of the first stage; doubled by each", unit="channels", at_least=1,
        search=(16, 128, "log"),
    )  # fmt: skip


def build(settings: Settings, form: Form, outputs: int) -> nn.Module:
    assert form.kind == "images"
    base = settings.channels
    network: nn.Module = ResNet(BasicBlock, [2, 2, 2, 2], num_classes=outputs)
    network.inplanes = base
    network.conv1 = nn.Conv2d(form.channels, base, 3, padding=1, bias=False)
    network.bn1 = nn.BatchNorm2d(base)
    network.maxpool = nn.Identity()
    for index in range(4):
        layer = network._make_layer(BasicBlock, base * 2**index, 2, stride=1 if index == 0 else 2)
        setattr(network, f"layer{index + 1}", layer)
    network.fc = nn.Linear(base * 8, outputs)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network
