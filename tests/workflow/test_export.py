"""Exports: what they answer, what they hold, and what stops one."""

import builtins
import io
import json
import pickletools
import shutil
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from descend.errors import RunError, SettingError
from descend.workflow import export as exporting
from descend.workflow.export import export, pickled_members
from descend.workflow.trained import Run
from tests.workflow import trained_runs as made
from tests.workflow.trained_runs import Heard


def exported(run: Run, folder: Path, **wanted: Any) -> tuple[dict[str, Any], Heard]:
    heard = Heard()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return run.export(folder=folder, show=heard, **wanted), heard


def onnx_answers(folder: Path, **inputs: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    answers: np.ndarray = session.run(None, inputs)[0]
    return answers


@pytest.fixture(scope="module")
def image_export(
    image_run: Run, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any], Heard]:
    folder = tmp_path_factory.mktemp("export")
    return folder, *exported(image_run, folder)


def test_an_image_export_answers_pixels_as_predict_does(
    image_run: Run, image_export: tuple[Path, dict[str, Any], Heard], ground: Path
) -> None:
    folder, found, heard = image_export
    assert set(found["largest_difference"]) == {"onnx", "pt2"}
    assert max(found["largest_difference"].values()) < found["tolerance"]
    assert found["checked_on"] == "32 images of the run's data"
    assert heard.text.count("largest difference") == 2
    said = image_run.predict(ground / "colors").head(5)
    images = [np.asarray(Image.open(name)) for name in said["name"]]
    pixels = np.stack(images).transpose(0, 3, 1, 2)
    card = json.loads((folder / "card.json").read_text())
    assert card["inputs"][0]["shape"] == ["batch", 3, made.HEIGHT, made.WIDTH]
    names = [f"probability {name}" for name in card["targets"]["names"]]
    expected = said.select(names).to_numpy()
    assert np.allclose(onnx_answers(folder, pixels=pixels), expected, atol=1e-5)
    module = torch.export.load(folder / "model.pt2").module()
    assert np.allclose(module(torch.tensor(pixels)).detach(), expected, atol=1e-5)
    assert onnx_answers(folder, pixels=pixels[:1]).shape == (1, 3)


def test_a_pt2_holds_no_pickle(image_export: tuple[Path, dict[str, Any], Heard]) -> None:
    with zipfile.ZipFile(image_export[0] / "model.pt2") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    assert members["archive/data/sample_inputs/model.pt"] == b"" or not any(
        "sample_inputs" in name for name in members
    )
    for name, content in members.items():
        if name.endswith("_config.json"):
            entries = json.loads(content)["config"].values()
            assert not any(entry["use_pickle"] for entry in entries)
        assert not zipfile.is_zipfile(io.BytesIO(content)), name
        assert not is_pickle(content), name


def is_pickle(content: bytes) -> bool:
    try:
        operations = [code.name for code, _, _ in pickletools.genops(content)]
    except ValueError:
        return False
    return operations[0] == "PROTO"


def test_example_inputs_in_a_pt2_would_be_noticed() -> None:
    program = torch.export.export(torch.nn.Linear(2, 1), (torch.ones(3, 2),))
    stream = io.BytesIO()
    torch.export.save(program, stream)
    assert pickled_members(stream.getvalue()) == ["archive/data/sample_inputs/model.pt"]


@pytest.mark.parametrize("name", ["class_run", "number_run", "label_run", "series_run"])
def test_a_table_export_answers_prepared_rows_as_predict_does(
    name: str, request: pytest.FixtureRequest, ground: Path, tmp_path: Path
) -> None:
    run: Run = request.getfixturevalue(name)
    exported(run, tmp_path, formats=("pt2",))
    card = json.loads((tmp_path / "card.json").read_text())
    preprocessing = exporting.open_model(run.path, "cpu", Heard()).model.preprocessing
    assert json.loads((tmp_path / "preprocessing.json").read_text()) == json.loads(
        json.dumps(preprocessing.to_json())
    )
    source = {"class_run": "mail", "number_run": "plants", "label_run": "films"}
    table = ground / f"{source.get(name, 'visits')}.csv"
    inputs, _, _ = preprocessing.read_files([table])
    given = dict(zip(("numbers", "categories"), inputs, strict=True))
    module = torch.export.load(tmp_path / "model.pt2").module()
    answers = module(*(given[item["name"]] for item in card["inputs"])).detach().numpy()
    said = run.predict(table)
    columns = [c for c in said.columns if c.startswith("probability") or name in NUMBERS]
    expected = said.select([c for c in columns if c != "name"]).to_numpy()
    assert np.allclose(answers, expected, atol=1e-4, rtol=1e-4)


NUMBERS = ("number_run", "series_run")


def test_a_table_with_categories_is_answered_by_onnx(class_run: Run, tmp_path: Path) -> None:
    found, _ = exported(class_run, tmp_path, formats="onnx")
    assert found["files"] == ["model.onnx", "card.json", "README.md", "preprocessing.json"]
    answers = onnx_answers(
        tmp_path, numbers=np.zeros((3, 3), np.float32), categories=np.ones((3, 1), np.int64)
    )
    assert np.allclose(answers.sum(1), 1, atol=1e-5)


def test_without_the_data_random_inputs_are_compared_and_it_is_said(
    class_run: Run, tmp_path: Path
) -> None:
    mail = made.mail(tmp_path / "mail.csv", 60)
    run = made.quick(tmp_path, mail, "mail", target="kind")
    mail.unlink()
    found, heard = exported(run, tmp_path / "out", formats=("pt2",))
    assert found["checked_on"] == "32 random inputs"
    assert "random inputs, because" in heard.text and "no longer at" in heard.text


def test_a_run_trained_in_bf16_is_exported_in_single_precision(tmp_path: Path) -> None:
    mail = made.mail(tmp_path / "mail.csv", 60)
    run = made.quick(tmp_path, mail, "mail", target="kind", precision="bf16")
    found, _ = exported(run, tmp_path / "out", formats=("pt2",))
    assert found["largest_difference"]["pt2"] < 1e-6


def test_an_export_that_answers_otherwise_is_not_written(
    class_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = exporting._pt2_answers
    wrong = {"pt2": lambda *given: right(*given) + 0.01}
    monkeypatch.setattr(exporting, "_READERS", wrong)
    with pytest.raises(RunError, match=r"answers otherwise .* 0\.01, expected at most 0\.0001"):
        class_run.export(folder=tmp_path, formats=("pt2",))
    assert not list(tmp_path.iterdir())


def test_onnx_that_is_not_installed_is_said_before_any_work(
    class_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name == "onnx":
            raise ImportError("no onnx", name="onnx")
        return known(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingError, match=r"onnx is not installed.*pip install 'descend\[export"):
        class_run.export(formats="onnx", folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    found = class_run.export(folder=tmp_path / "out")  # nobody asked for ONNX by name
    assert set(found["largest_difference"]) == {"pt2"}


def test_a_wrong_format_and_an_unwritable_folder_are_named(class_run: Run, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="'tflite'; expected onnx or pt2"):
        class_run.export(formats="onnx,tflite")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunError, match="cannot make"):
        class_run.export(folder=tmp_path / "file" / "out", formats="pt2")


def test_a_moved_run_folder_is_exported_into_itself(class_run: Run, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(class_run.path, tmp_path / "elsewhere"))
    found = export(moved, formats="pt2")
    assert Path(found["folder"]) == moved / "export"
    assert (moved / "export" / "model.pt2").is_file()
