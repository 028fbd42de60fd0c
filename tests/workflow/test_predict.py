"""What a trained model says of new things, and what it answers to things it cannot take."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from descend.errors import DataError, RunError, SettingError
from descend.workflow import model_folder
from descend.workflow.evaluate import evaluate
from descend.workflow.predict import predict, predict_all
from descend.workflow.trained import Run
from tests.workflow import trained_runs as made
from tests.workflow.trained_runs import Heard


def rows(frame: pl.DataFrame) -> list[list[object]]:
    return [list(row) for row in frame.rows()]


def test_a_folder_of_images_is_predicted_in_order_with_a_probability_per_class(
    image_run: Run, ground: Path
) -> None:
    frame = image_run.predict(ground / "colors")
    assert frame.columns == [
        "name", "predicted", "probability blue", "probability green", "probability red"
    ]  # fmt: skip
    assert len(frame) == 48 and frame["name"].is_sorted()
    assert np.allclose(frame.select(pl.nth(2, 3, 4)).sum_horizontal(), 1, atol=1e-5)


def test_predictions_are_those_written_by_the_training(image_run: Run, ground: Path) -> None:
    kept = pl.read_parquet(image_run.folder.predictions_file)
    now = image_run.predict([ground / "colors" / name for name in kept["name"]])
    assert now["predicted"].to_list() == kept["predicted"].to_list()
    for name in ("blue", "green", "red"):
        column = f"probability {name}"
        assert np.allclose(now[column], kept[column], atol=1e-5)


def test_images_in_small_pieces_are_predicted_alike(
    image_run: Run, ground: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = image_run.predict(ground / "colors")
    monkeypatch.setattr("descend.workflow.predicting_inputs.PIECE_IMAGES", 5)
    parts = image_run.predict(ground / "colors")
    assert parts["name"].to_list() == whole["name"].to_list()
    assert np.allclose(parts["probability red"], whole["probability red"], atol=1e-5)


def test_what_is_no_image_is_named_and_the_rest_is_predicted(
    image_run: Run, tmp_path: Path
) -> None:
    made.picture(tmp_path / "a.png", "red", 1)
    made.picture(tmp_path / "deep" / "b.png", "blue", 2)
    (tmp_path / "torn.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    (tmp_path / "notes.txt").write_text("not an image\n")
    heard = Heard()
    found = predict_all(image_run.path, tmp_path, show=heard)
    assert found.frame["name"].to_list() == [f"{tmp_path}/a.png", f"{tmp_path}/deep/b.png"]
    assert {Path(issue.where).name for issue in found.unreadable} == {"torn.png", "notes.txt"}
    assert "torn.png" in heard.text and "left out: 2; predicted: 2 images" in heard.text


def test_a_zip_of_unlabeled_images_is_predicted(image_run: Run, tmp_path: Path) -> None:
    image = made.picture(tmp_path / "a.png", "red", 1)
    with zipfile.ZipFile(tmp_path / "flat.zip", "w") as archive:
        for name in ("x.png", "y.png"):
            archive.write(image, name)
        archive.writestr("readme.md", "words")
    found = predict_all(image_run.path, tmp_path / "flat.zip")
    names = [f"{tmp_path}/flat.zip/x.png", f"{tmp_path}/flat.zip/y.png"]
    assert found.frame["name"].to_list() == names
    assert [issue.where for issue in found.unreadable] == [f"{tmp_path}/flat.zip/readme.md"]


def test_arrays_of_images_are_predicted(image_run: Run, tmp_path: Path) -> None:
    pixels = np.zeros((4, made.HEIGHT, made.WIDTH, 3), np.uint8)
    np.savez(tmp_path / "a.npz", images=pixels, labels=np.array([0, 1, 0, 1]))
    assert len(image_run.predict(tmp_path / "a.npz")) == 4


def test_the_bytes_of_an_image_come_from_standard_input(image_run: Run, tmp_path: Path) -> None:
    image = made.picture(tmp_path / "a.png", "green", 3)
    piped = predict_all(image_run.path, "-", read_stdin=image.read_bytes).frame
    assert rows(piped.drop("name")) == rows(image_run.predict(image).drop("name"))


@pytest.mark.parametrize("content", [b"", b"  \n"])
def test_empty_standard_input_is_one_clear_line(
    image_run: Run, class_run: Run, content: bytes
) -> None:
    for run in (image_run, class_run):
        with pytest.raises(DataError, match="standard input is empty"):
            predict_all(run.path, "-", read_stdin=lambda: content)


def test_nothing_readable_is_an_error_that_names_the_first(image_run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nxx")
    (tmp_path / "b.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"nothing could be predicted: .*a\.png: .*1 more"):
        predict(image_run.path, tmp_path)


def test_a_folder_without_images_and_a_missing_file_are_named(
    image_run: Run, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="no images in it"):
        predict(image_run.path, tmp_path)
    for name in ("gone.png", "gone"):
        with pytest.raises(DataError, match=rf"{name}: no such file"):
            predict(image_run.path, tmp_path / name)


def test_a_pickle_is_refused_and_not_loaded(image_run: Run, tmp_path: Path) -> None:
    (tmp_path / "model.pt").write_bytes(b"\x80\x04\x95 evil.")
    with pytest.raises(DataError, match=r"model\.pt.*could run code"):
        predict(image_run.path, tmp_path / "model.pt")


def test_a_table_for_an_image_run_and_an_image_for_a_table_run(
    image_run: Run, class_run: Run, ground: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="is a table; this run was trained on images"):
        predict(image_run.path, ground / "mail.csv")
    image = made.picture(tmp_path / "a.png", "red", 1)
    with pytest.raises(DataError, match=r"is an image; .* a table with length, sender, links"):
        predict(class_run.path, image)
    with pytest.raises(DataError, match="no table in it"):
        predict(class_run.path, tmp_path)


def test_rows_keep_their_order_and_count(class_run: Run, ground: Path) -> None:
    frame = class_run.predict(ground / "mail.csv")
    assert frame["name"].to_list() == [f"mail.csv row {i}" for i in range(1, 121)]
    assert frame.columns == ["name", "predicted", "probability real mail", "probability spam"]


def test_a_row_that_does_not_fit_keeps_its_place_without_a_prediction(
    class_run: Run, ground: Path, tmp_path: Path
) -> None:
    lines = (ground / "mail.csv").read_text().splitlines()
    lines[3] += ",more,cells"
    (tmp_path / "mail.csv").write_text("\n".join(lines) + "\n")
    heard = Heard()
    frame = predict(class_run.path, tmp_path / "mail.csv", show=heard)
    assert len(frame) == 120
    assert frame["predicted"].null_count() == 1 and frame["predicted"][2] is None
    assert frame["name"][2] == "mail.csv row 3" and "row 3" in heard.text


def test_every_form_of_a_table_gives_the_same(class_run: Run, ground: Path, tmp_path: Path) -> None:
    expected = rows(class_run.predict(ground / "mail.csv").drop("name"))
    frame = pl.read_csv(ground / "mail.csv").drop("kind")
    frame.write_parquet(tmp_path / "mail.parquet")
    frame.write_ndjson(tmp_path / "mail.jsonl")
    frame.write_csv(tmp_path / "mail.tsv", separator="\t")
    with zipfile.ZipFile(tmp_path / "mail.zip", "w") as archive:
        archive.write(tmp_path / "mail.tsv", "mail.tsv")
    for suffix in ("parquet", "jsonl", "tsv", "zip"):
        found = class_run.predict(tmp_path / f"mail.{suffix}")
        assert rows(found.drop("name")) == expected, suffix
    text = (ground / "mail.csv").read_bytes()
    piped = predict_all(class_run.path, "-", read_stdin=lambda: text).frame
    assert rows(piped.drop("name")) == expected
    both = class_run.predict([tmp_path / "mail.tsv", tmp_path / "mail.jsonl"])
    assert rows(both.drop("name")) == expected + expected


def test_one_row_of_json_is_enough(class_run: Run) -> None:
    row = json.dumps({"sender": "bank", "length": None, "links": 3}).encode()
    assert len(predict_all(class_run.path, "-", read_stdin=lambda: row).frame) == 1


def test_a_missing_column_and_text_among_numbers_are_named(class_run: Run, tmp_path: Path) -> None:
    (tmp_path / "short.csv").write_text("length,sender\n1,bank\n")
    with pytest.raises(DataError, match="column 'links' is missing"):
        predict(class_run.path, tmp_path / "short.csv")
    (tmp_path / "words.csv").write_text("length,sender,links\n1,bank,many\n2,shop,few\n")
    with pytest.raises(DataError, match="column 'links' holds 'many'"):
        predict(class_run.path, tmp_path / "words.csv")
    (tmp_path / "none.csv").write_text("length,sender,links\n")
    with pytest.raises(DataError, match="no rows"):
        predict(class_run.path, tmp_path / "none.csv")


def test_a_category_never_seen_is_said_once_with_its_count(class_run: Run, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("length,sender,links\n1,alien,2\n2,alien,3\n3,bank,4\n")
    heard = Heard()
    assert len(predict(class_run.path, tmp_path / "new.csv", show=heard)) == 3
    assert [line for line in heard.lines if "sender (2)" in line]


def test_several_numbers_and_several_labels_have_a_column_each(
    number_run: Run, label_run: Run, ground: Path
) -> None:
    numbers = number_run.predict(ground / "plants.csv")
    assert numbers.columns == ["name", "predicted height", "predicted leaves"]
    assert 80 < numbers["predicted height"].mean() < 120  # type: ignore[operator]
    labels = label_run.predict(ground / "films.csv")
    assert labels.columns == [
        "name", "predicted funny", "probability funny", "predicted sad", "probability sad",
        "predicted long", "probability long",
    ]  # fmt: skip
    assert labels["predicted sad"].dtype == pl.Boolean


def test_days_after_the_end_of_a_series_are_forecast_from_its_kept_history(
    series_run: Run, tmp_path: Path
) -> None:
    (tmp_path / "next.csv").write_text("day\n2024-07-19\n2024-07-20\n")
    heard = Heard()
    frame = predict(series_run.path, tmp_path / "next.csv", show=heard)
    assert frame.columns == ["name", "predicted"]
    assert all(8 < value < 12 for value in frame["predicted"])
    assert "1 of 2 rows have no value of visits 1 step before" in heard.text


def test_a_series_without_any_past_is_refused(series_run: Run, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("day\n1999-07-19\n1999-07-20\n")
    with pytest.raises(DataError, match="nothing is known of visits before these rows"):
        series_run.predict(tmp_path / "old.csv")


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_predictions_are_written_whole_in_the_form_asked_for(
    class_run: Run, ground: Path, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"said.{suffix}"
    frame = class_run.predict(ground / "mail.csv", output=path)
    readers = {"csv": pl.read_csv, "jsonl": pl.read_ndjson, "parquet": pl.read_parquet}
    back = readers[suffix](path)
    assert back.columns == frame.columns and len(back) == len(frame)
    assert back["predicted"].to_list() == frame["predicted"].to_list()
    assert np.allclose(back["probability spam"], frame["probability spam"], atol=1e-6)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_wrong_output_is_refused_before_any_work(
    class_run: Run, ground: Path, tmp_path: Path
) -> None:
    mail = ground / "mail.csv"
    before = mail.read_bytes()
    for output, message in (
        (tmp_path / "said.xlsx", r"expected \.csv, \.jsonl or \.parquet"),
        (tmp_path / "gone" / "said.csv", "no folder"),
        (tmp_path, "says no format"),
        (mail, "would be overwritten"),
    ):
        with pytest.raises((SettingError, RunError), match=message):
            predict(class_run.path, mail, output=output)
    with pytest.raises(SettingError, match="'xml'; expected csv or jsonl or parquet"):
        predict(class_run.path, mail, format="xml")
    assert mail.read_bytes() == before


def test_thresholds_move_the_decision_and_not_the_probabilities(
    class_run: Run, ground: Path
) -> None:
    mail = ground / "mail.csv"
    usual = class_run.predict(mail)
    eager = class_run.predict(mail, thresholds="spam=0.01")
    assert eager["probability spam"].to_list() == usual["probability spam"].to_list()
    assert (eager["predicted"] == "spam").all()
    shy = class_run.predict(mail, thresholds={"spam": 0.99, "real mail": 0.01})
    assert (shy["predicted"] == "real mail").all()
    limit = float(usual["probability spam"].median())  # type: ignore[arg-type]
    middle = class_run.predict(mail, thresholds=f"spam={limit}")
    assert ((middle["predicted"] == "spam") == (middle["probability spam"] >= limit)).all()
    assert len(class_run.predict(mail, thresholds="auto")) == 120


def test_a_label_that_is_not_named_keeps_its_threshold(label_run: Run, ground: Path) -> None:
    films = ground / "films.csv"
    usual = label_run.predict(films)
    moved = label_run.predict(films, thresholds="sad=0.001")
    assert moved["predicted sad"].all()
    assert moved["predicted funny"].to_list() == usual["predicted funny"].to_list()


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        ("spma=0.3", "unknown class 'spma'; did you mean 'spam'"),
        ("spam=1.5", "expected a probability between 0 and 1"),
        ("spam=high", "'high' is no number"),
        ("spam", "is not NAME=PROBABILITY"),
        ("", "is empty"),
    ],
)
def test_a_wrong_threshold_is_named(
    class_run: Run, ground: Path, thresholds: str, message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        predict(class_run.path, ground / "mail.csv", thresholds=thresholds)


def test_numbers_have_no_thresholds(number_run: Run, ground: Path) -> None:
    with pytest.raises(SettingError, match="this run predicts numbers"):
        predict(number_run.path, ground / "plants.csv", thresholds="height=0.3")


def test_a_moved_run_folder_predicts_the_same(class_run: Run, ground: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(class_run.path, tmp_path / "elsewhere")
    mail = ground / "mail.csv"
    assert rows(predict(moved, mail)) == rows(class_run.predict(mail))


def test_a_run_without_a_model_says_what_to_do(
    class_run: Run, ground: Path, tmp_path: Path
) -> None:
    mail = ground / "mail.csv"
    bare = Path(shutil.copytree(class_run.path, tmp_path / "bare"))
    (bare / "result.json").unlink()
    heard = Heard()
    predict(bare, mail, show=heard)
    assert "not finished" in heard.text and f"descend resume {bare}" in heard.text
    (bare / "model" / "weights.safetensors").unlink()
    with pytest.raises(RunError, match=f"go on with: descend resume {bare}"):
        predict(bare, mail)
    shutil.rmtree(bare / "model")
    with pytest.raises(RunError, match="has no model"):
        predict(bare, mail)
    with pytest.raises(RunError, match="no such run folder"):
        predict(tmp_path / "nothing", mail)


def test_damaged_weights_are_named(class_run: Run, ground: Path, tmp_path: Path) -> None:
    bad = Path(shutil.copytree(class_run.path, tmp_path / "bad"))
    file = bad / "model" / "weights.safetensors"
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    for damaged in (bytes(content), bytes(content[:-50]), b""):
        file.write_bytes(damaged)
        with pytest.raises(RunError, match=r"weights\.safetensors"):
            predict(bad, ground / "mail.csv")


def test_weights_of_another_network_are_one_clear_line(
    class_run: Run, ground: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(class_run.path, tmp_path / "other"))
    card = json.loads((other / "model" / "model.json").read_text())
    card["model_settings"]["width"] = 7
    del card[model_folder.SEAL]
    seal = {model_folder.SEAL: model_folder._seal(card)}
    (other / "model" / "model.json").write_text(json.dumps(card | seal))
    with pytest.raises(RunError, match=r"weights do not fit the network 'mlp'.*size mismatch"):
        predict(other, ground / "mail.csv")
    (other / "model" / "model.json").write_text("{}")
    with pytest.raises(RunError, match=r"model\.json was edited or damaged"):
        predict(other, ground / "mail.csv")


def test_text_of_a_table_in_another_encoding_is_read_from_standard_input(class_run: Run) -> None:
    text = "length,sender,links\n1,bank,2\n".encode("utf-8-sig")
    found = predict_all(class_run.path, "-", read_stdin=io.BytesIO(text).read)
    assert len(found.frame) == 1


@pytest.mark.parametrize("settings", [{}, {"target": "-1"}])
def test_arrays_of_rows_are_predicted_and_scored_like_the_training_rows(
    settings: dict[str, str], tmp_path: Path
) -> None:
    values = np.random.default_rng(0).random((60, 4))
    arrays = {"x": values} if settings else {"x": values, "y": np.array(["u", "v"] * 30)}
    np.savez(tmp_path / "a.npz", **arrays)
    run = made.quick(tmp_path, tmp_path / "a.npz", "rows", **settings)
    frame = run.predict(tmp_path / "a.npz")
    assert len(frame) == 60 and frame["predicted"].null_count() == 0
    assert evaluate(run.path, tmp_path / "a.npz")["count"] == {"test": 60}
    np.savez(tmp_path / "b.npz", x=values[:, :3] if settings else values)
    assert rows(run.predict(tmp_path / "b.npz").drop("name")) == rows(frame.drop("name"))


def test_wide_arrays_are_predicted_in_the_range_of_the_training(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 4000, (60, 8, 8)).astype(np.uint16)
    np.savez(tmp_path / "a.npz", x=values, y=np.array([0, 1] * 30))
    run = made.quick(tmp_path, tmp_path / "a.npz", "wide")
    dark = np.argsort(values.max((1, 2)))[:1]
    np.savez(tmp_path / "b.npz", x=np.minimum(values[dark], 250))
    np.savez(tmp_path / "c.npz", x=np.concatenate([np.minimum(values[dark], 250), values]))
    alone, among = (run.predict(tmp_path / f"{name}.npz")["probability 1"][0] for name in "bc")
    assert alone == pytest.approx(among, abs=1e-4)
