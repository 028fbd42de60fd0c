"""This file makes small data of every kind and trains a few steps on them, once per session."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from descend.workflow.train import train
from descend.workflow.trained import Run

FEW: dict[str, Any] = {
    "budget": "20 steps", "plan": "off", "threads": 1, "baseline": False, "augment": "none",
    "batch_size": 16,
}  # fmt: skip
HEIGHT, WIDTH = 12, 16  # not square, so that a swap would show


class Heard:
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def say(self, text: str) -> None:
        self.lines.append(text)

    def table(self, title: str, columns: Any, rows: Any) -> None:
        self.lines.append(f"{title}: {columns} {rows}")

    def begin(self, total_steps: int, unit: str) -> None:
        pass

    def advance(self, step: int, epoch: int, *values: Any, **more: Any) -> None:
        pass

    def end(self) -> None:
        pass


def quick(folder: Path, data: Path, name: str, **settings: Any) -> Run:
    return train(data, runs=str(folder / "runs"), name=name, **{**FEW, **settings})


def picture(path: Path, color: str, seed: int) -> Path:
    """Noise with more of one color."""
    pixels = np.random.default_rng(seed).integers(0, 120, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels[:, :, ["red", "green", "blue"].index(color)] += 120
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def picture_folder(folder: Path, each: int = 16) -> Path:
    for color in ("red", "green", "blue"):
        for i in range(each):
            picture(folder / color / f"{i}.png", color, hash_of(color, i))
    return folder


def hash_of(color: str, i: int) -> int:
    return 1000 * len(color) + i


def table(path: Path, rows: int, columns: dict[str, Any]) -> Path:
    """A CSV whose cells are made by functions of the row's random generator."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        for row in range(rows):
            random = np.random.default_rng(row)
            writer.writerow([make(random) for make in columns.values()])
    return path


def mail(path: Path, rows: int = 120) -> Path:
    """Numbers with gaps, a category, and classes with a space in a name."""
    return table(
        path, rows,
        {
            "length": lambda r: "" if r.random() < 0.1 else round(r.normal(), 3),
            "sender": lambda r: r.choice(["friend", "shop", "bank"]),
            "links": lambda r: int(r.integers(0, 9)),
            "kind": lambda r: r.choice(["spam", "real mail"], p=[0.3, 0.7]),
        },
    )  # fmt: skip


def plants(path: Path, rows: int = 120) -> Path:
    """Two targets of different scales."""
    return table(
        path, rows,
        {
            "water": lambda r: round(r.normal(), 3),
            "height": lambda r: round(100 + 10 * r.normal(), 3),
            "leaves": lambda r: round(2 + r.normal(), 3),
        },
    )  # fmt: skip


def films(path: Path, rows: int = 160) -> Path:
    """Three labels, any of which holds."""
    return table(
        path, rows,
        {
            "minutes": lambda r: round(90 + 20 * r.normal(), 1),
            "cast": lambda r: r.choice(["few", "many"]),
            "funny": lambda r: int(r.random() < 0.5),
            "sad": lambda r: int(r.random() < 0.4),
            "long": lambda r: int(r.random() < 0.3),
        },
    )  # fmt: skip


def visits(path: Path, days: int = 200) -> Path:
    """A series of days with a weekly wave."""
    dates = np.datetime64("2024-01-01") + np.arange(days)
    random = np.random.default_rng(0)
    values = 10 + np.sin(np.arange(days) * 2 * np.pi / 7) + 0.1 * random.normal(size=days)
    lines = [f"{date},{value:.4f}" for date, value in zip(dates, values, strict=True)]
    path.write_text("\n".join(["day,visits", *lines]) + "\n")
    return path
