"""This file makes small images and folders of them."""

from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
from PIL import Image

SaveImage = Callable[..., Path]


def noise(seed: int, height: int = 12, width: int = 12, mode: str = "RGB") -> Image.Image:
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    values = numpy.random.default_rng(seed).integers(0, 256, shape, numpy.uint8)
    return Image.fromarray(values)


@pytest.fixture
def save_image(tmp_path: Path) -> SaveImage:
    """save_image("cats/1.png", height=…, width=…, mode=…): a noise image below tmp_path."""
    made = iter(range(1, 10_000))

    def save(name: str, height: int = 12, width: int = 12, mode: str = "RGB") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise(next(made), height, width, mode).save(path)
        return path

    return save


@pytest.fixture
def cats_and_dogs(save_image: SaveImage, tmp_path: Path) -> Path:
    for animal in ("cats", "dogs"):
        for number in range(6):
            save_image(f"pets/{animal}/{number}.png")
    return tmp_path / "pets"
