"""Examples worth looking at, and the score when inputs get worse."""

import base64
import io
import json

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

from descend.data.examples import Split
from descend.data.image_preprocessing import ImagePreprocessing
from descend.data.table_preprocessing import TablePreprocessing, fit
from descend.evidence import encode
from descend.forms import ImageForm
from descend.metrics._predictions import Predictions
from descend.tasks._robustness import IMAGE_CHANGES, Change, change_images, curves
from descend.tasks._samples import fields_of, thumbnail, worst_samples
from descend.tasks._worse_tables import table_changes

FITTED = ImagePreprocessing(ImageForm(1, 16, 16), (0.5,), (0.5,), 1000)


def images(count: int = 12, channels: int = 1, height: int = 16, width: int = 16) -> Split:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, channels, height, width), generator=generator)
    names = [f"{i}.png" for i in range(count)]
    return Split((pixels.to(torch.uint8),), torch.arange(count) % 3, names)


def test_the_worst_samples_come_first_with_a_picture_that_opens() -> None:
    split = images()
    outputs = np.full((12, 3), 1 / 3)
    p = Predictions("single-label", split.targets.numpy(), outputs, ("a", "b", "c"))
    losses = np.arange(12.0)
    losses[3] = np.nan
    found = worst_samples(split, p, losses, name="test", step=5, count=4)
    assert [row["name"] for row in found.rows] == ["3.png", "11.png", "10.png", "9.png"]
    assert found.rows[1]["target"] == "c"
    assert found.rows[1]["predicted"] == "a"
    picture = Image.open(io.BytesIO(base64.b64decode(found.rows[0]["png"])))
    assert picture.size == (16, 16)
    json.loads(encode(found))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_large_picture_is_brought_to_thumbnail_size(channels: int) -> None:
    text = thumbnail(torch.zeros(channels, 300, 100, dtype=torch.uint8))
    assert Image.open(io.BytesIO(base64.b64decode(text))).size == (21, 64)


def test_rows_of_a_table_carry_the_fields_they_are_given() -> None:
    split = Split((torch.zeros(3, 2), torch.zeros(3, 0)), torch.zeros(3, 1), ["r1", "r2", "r3"])
    p = Predictions("number", np.zeros((3, 1)), np.array([[1.0], [20000.5], [0.5]]), ("price",))
    found = worst_samples(
        split, p, np.array([1.0, 9.0, 2.0]), name="test", step=0, fields=lambda i: {"age": str(i)}
    )
    assert found.rows[0] == {
        "name": "r2", "target": "0.000", "predicted": "20,000", "loss": 9.0, "fields": {"age": "1"},
    }  # fmt: skip


def test_labels_read_as_their_names() -> None:
    split = Split((torch.zeros(1, 2),), torch.zeros(1, 2), ["r1"])
    p = Predictions("multi-label", np.array([[0, 0]]), np.array([[0.9, 0.8]]), ("cat", "dog"))
    row = worst_samples(split, p, np.zeros(1), name="test", step=0).rows[0]
    assert (row["target"], row["predicted"]) == ("none", "cat, dog")


@pytest.mark.parametrize("change", IMAGE_CHANGES, ids=lambda change: change.name)
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 20, 12)])
def test_a_stronger_change_moves_pixels_further(change: Change, shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(1)
    smooth = torch.nn.functional.interpolate(
        torch.rand(40, shape[0], 4, 4, generator=generator), shape[1:], mode="bilinear"
    )
    pixels = (smooth * 255).to(torch.uint8)
    first, second = (
        (change_images(pixels, change, s, 0).float() - pixels.float()).abs().mean()
        for s in (change.strengths[1], change.strengths[-1])
    )
    assert first < second
    assert len(change.strengths) == 5
    torch.testing.assert_close(
        change_images(pixels, change, 0.1, 7), change_images(pixels, change, 0.1, 7)
    )


def test_a_shift_moves_by_what_it_says() -> None:
    pixels = torch.zeros(1, 1, 40, 40, dtype=torch.uint8)
    pixels[0, 0, 18:22, 18:22] = 255
    shift = next(c for c in IMAGE_CHANGES if c.name == "shift")
    moved = change_images(pixels, shift, 0.25, 0)[0, 0].float()
    rows = (moved.sum(1) * torch.arange(40)).sum() / moved.sum() - 19.5
    columns = (moved.sum(0) * torch.arange(40)).sum() / moved.sum() - 19.5
    assert torch.hypot(rows, columns).item() == pytest.approx(10, abs=0.3)


def test_a_quarter_turn_of_a_rectangle_keeps_its_shape() -> None:
    pixels = torch.zeros(1, 1, 20, 60, dtype=torch.uint8)
    pixels[0, 0, 5:15, 29:31] = 255  # 10 high, 2 wide
    rotation = next(c for c in IMAGE_CHANGES if c.name == "rotation")
    turned = change_images(pixels, rotation, 90, 0)[0, 0] > 127
    assert int(turned.any(1).sum()) == 2
    assert int(turned.any(0).sum()) == 10


def test_curves_of_images_start_at_the_clean_score() -> None:
    split = images()

    def score(changed: Split) -> dict[str, float]:
        assert changed.inputs[0].dtype == torch.uint8
        return {"accuracy": float(changed.inputs[0].float().mean())}

    table = curves(score, split, FITTED, ("accuracy",), seed=0, step=3)
    assert table.columns == ["change", "unit", "strength", "accuracy"]
    assert len(table.rows) == len(IMAGE_CHANGES) * 6
    clean = {row[3] for row in table.rows if row[2] == 0}
    assert clean == {score(split)["accuracy"]}
    json.loads(encode(table))


def fitted_table() -> tuple[Split, TablePreprocessing]:
    rows = 60
    frame = pl.DataFrame(
        {
            "age": [None if i % 10 == 0 else float(i) for i in range(rows)],
            "fare": [float(i * i) for i in range(rows)],
            "port": [None if i % 20 == 0 else "abc"[i % 3] for i in range(rows)],
        }
    )
    types = {"age": "number", "fare": "number", "port": "text"}
    fitted, _ = fit(frame, {}, types)
    return Split(
        fitted.apply(frame), torch.zeros(rows, 1), [f"row {i}" for i in range(rows)]
    ), fitted


def test_a_missing_column_is_given_as_preprocessing_gives_it() -> None:
    split, fitted = fitted_table()
    given = {}
    for change, _, _, worse in table_changes(split, fitted, torch.Generator().manual_seed(0)):
        if worse is not None:
            given[change] = worse.inputs
    row = split.inputs[0][0], split.inputs[1][0]  # its age and port are missing
    numbers, codes = given["without age"]
    age = [i for i, column in enumerate(fitted.numbers) if column.source == "age"]
    assert len(age) == 2  # the value, and that it is missing
    assert torch.equal(numbers[:, age], row[0][age].expand(60, 2))
    assert torch.equal(codes, split.inputs[1])
    assert torch.equal(given["without port"][1], row[1].expand(60, 1))
    assert torch.equal(given["without port"][0], split.inputs[0])


def test_noise_leaves_alone_whether_a_value_is_missing() -> None:
    split, fitted = fitted_table()
    missing = [i for i, column in enumerate(fitted.numbers) if column.part == "missing"]
    for change, _, _, worse in table_changes(split, fitted, torch.Generator().manual_seed(0)):
        if worse is not None and change.startswith("noise"):
            assert torch.equal(worse.inputs[0][:, missing], split.inputs[0][:, missing])
            assert not torch.equal(worse.inputs[0], split.inputs[0])


def test_curves_of_tables_name_each_column() -> None:
    split, fitted = fitted_table()
    table = curves(lambda s: {"rmse": float(len(s))}, split, fitted, ("rmse",), seed=0, step=0)
    names = {row[0] for row in table.rows}
    assert {"without age", "without fare", "without port", "missing values"} <= names


def test_fields_of_a_row_read_as_in_its_table() -> None:
    split, fitted = fitted_table()
    fields = fields_of(split, fitted)
    assert fields is not None
    assert fields_of(split, FITTED) is None
    assert fields(3) == {"age": "3", "fare": "9", "port": "a"}
    assert fields(0) == {"age": "missing", "fare": "0", "port": "missing"}
    assert fields(59)["fare"] == "3,481"


def test_a_large_split_is_sampled_and_says_so() -> None:
    split = images(2500, height=2, width=2)
    table = curves(lambda s: {"rmse": float(len(s))}, split, FITTED, ("rmse",), 0, 0)
    assert table.rows[0][3] == 2000
    assert "2000 of 2500" in table.caption
