"""This file makes the data and the parent of the processes that the tests kill."""

import csv
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.crash.killing import WarmParent

# Runs are made in memory where that is offered: a kill asks nothing of the disk, and fsync is slow.
SHARED_MEMORY = Path("/dev/shm")
ROOM = 2 << 30  # bytes; a container may have little of it
MEMORY = (
    SHARED_MEMORY
    if os.access(SHARED_MEMORY, os.W_OK) and shutil.disk_usage(SHARED_MEMORY).free > ROOM
    else None
)


@pytest.fixture(scope="session")
def parent() -> Iterator[WarmParent]:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        started = WarmParent(Path(folder))
        yield started
        started.close()


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for runs."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of bright blobs that take some learning, as files in folders."""
    folder = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    for kind, (row, column) in enumerate([(3, 3), (8, 3), (5, 8)]):
        (folder / f"kind-{kind}").mkdir()
        for number in range(40):
            pixels = random.integers(0, 160, (12, 12), dtype=np.uint8)
            pixels[row : row + 3, column : column + 3] += 60
            Image.fromarray(pixels).save(folder / f"kind-{kind}" / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows with a word, a gap and a number to predict."""
    path = tmp_path_factory.mktemp("table") / "rows.csv"
    random = np.random.default_rng(1)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["size", "color", "weight", "price"])
        for _ in range(240):
            size, weight = random.normal(size=2)
            color = random.choice(["red", "green", "blue"])
            price = 3 * size + weight * (2 if color == "red" else -1) + random.normal() * 0.3
            gap = "" if random.random() < 0.05 else f"{weight:.4f}"
            writer.writerow([f"{size:.4f}", color, gap, f"{price:.4f}"])
    return path
