"""A pickle is a program: none is loaded, whatever it is given as and however it is called."""

import gzip
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from tests.crash.killing import Case, WarmParent, only_run, refused
from tests.crash.test_killed import IMAGES, PLAIN


class Payload:
    """Touches a file when it is loaded."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.victim,)


def write_torch(path: Path, payload: Payload) -> None:
    torch.save({"model": payload}, path)


def write_old_torch(path: Path, payload: Payload) -> None:
    torch.save({"model": payload}, path, _use_new_zipfile_serialization=False)


def write_pickle(path: Path, payload: Payload) -> None:
    path.write_bytes(pickle.dumps(payload))


def write_text_pickle(path: Path, payload: Payload) -> None:
    path.write_bytes(pickle.dumps(payload, protocol=0))


def write_packed_pickle(path: Path, payload: Payload) -> None:
    path.write_bytes(gzip.compress(pickle.dumps(payload)))


def write_npy(path: Path, payload: Payload) -> None:
    with path.open("wb") as stream:
        np.save(stream, np.array([payload], dtype=object), allow_pickle=True)


def write_npz(path: Path, payload: Payload) -> None:
    images = np.array([payload], dtype=object)
    with path.open("wb") as stream:
        np.savez(stream, images=images, labels=np.zeros(1, dtype=np.int64))


def write_zip(path: Path, payload: Payload) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a/1.png", "b/1.png", "archive/data.pkl"):
            archive.writestr(name, pickle.dumps(payload))


HOSTILE: dict[str, Callable[[Path, Payload], None]] = {
    "model.pt": write_torch, "model.pth": write_old_torch, "model.ckpt": write_torch,
    "data.pkl": write_pickle, "data.pickle": write_text_pickle, "data.pkl.gz": write_packed_pickle,
    "data.npy": write_npy, "data.npz": write_npz, "photos.zip": write_zip,
    "table.csv": write_pickle, "rows.parquet": write_text_pickle, "rows.jsonl": write_pickle,
    "data.safetensors": write_pickle, "train-images-idx3-ubyte": write_pickle,
    "recipe.toml": write_text_pickle, "model.pt2": write_torch, "data_batch_1.bin": write_pickle,
}  # fmt: skip


class Trap(NamedTuple):
    """A hostile file, and the file it would touch."""

    file: Path
    victim: Path


BY_DEFAULT = ("model.pt", "data.pkl", "data.npz", "photos.zip", "recipe.toml")


@pytest.fixture(
    params=[
        pytest.param(name, marks=() if name in BY_DEFAULT else pytest.mark.slow) for name in HOSTILE
    ]
)
def trap(request: pytest.FixtureRequest, tmp_path: Path) -> Trap:
    found = Trap(tmp_path / request.param, tmp_path / "touched")
    HOSTILE[request.param](found.file, Payload(found.victim))
    return found


def test_each_trap_would_work(tmp_path: Path) -> None:
    victim = tmp_path / "touched"
    pickle.loads(pickle.dumps(Payload(victim)))  # noqa: S301 the very thing that must not happen
    assert victim.exists()


@pytest.fixture(scope="module")
def run(parent: WarmParent, images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    case = Case(parent, runs, (images, *IMAGES, *PLAIN), ("--budget", "9 steps"))
    return case.train_whole()


def test_a_pickle_given_as_data_is_refused_and_not_loaded(
    parent: WarmParent, trap: Trap, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    said = refused(parent.start("train", trap.file, "--target", "a", "--runs", runs))
    assert trap.file.name in said
    assert not trap.victim.exists() and not runs.exists()


def test_a_pickle_given_as_a_recipe_or_run_is_refused_and_not_loaded(
    parent: WarmParent, trap: Trap, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    refused(parent.start("train", "--recipe", trap.file, "--runs", runs))
    for verb in ("resume", "predict", "evaluate", "export", "verify-resume"):
        words = (trap.file,) if verb == "predict" else ()
        refused(parent.start(verb, trap.file, *words))
    assert not trap.victim.exists() and not runs.exists()


def test_a_pickle_given_to_a_trained_model_is_refused_and_not_loaded(
    parent: WarmParent, trap: Trap, run: Path, tmp_path: Path
) -> None:
    for words in (("predict", run, trap.file), ("evaluate", run, trap.file)):
        child = parent.start(*words)
        child.wait()
        assert "Traceback" not in child.said and trap.file.name in child.said, child.said
    assert not trap.victim.exists()


INSIDE = (
    "recipe.toml", "model/model.json", "model/weights.safetensors", "evidence.jsonl",
    "result.json", "predictions.parquet",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "writer"),
    [
        pytest.param(
            name,
            writer,
            marks=() if "weights" in name and writer == write_torch else pytest.mark.slow,
        )
        for name in INSIDE
        for writer in (write_torch, write_pickle, write_text_pickle)
    ],
)
def test_a_pickle_inside_a_run_folder_is_never_loaded(
    name: str, writer: Callable[[Path, Payload], None], parent: WarmParent, run: Path,
    images: Path, tmp_path: Path,
) -> None:  # fmt: skip
    copy, victim = tmp_path / "run", tmp_path / "touched"
    shutil.copytree(run, copy)
    writer(copy / name, Payload(victim))
    picture = next(images.glob("*/*.png"))
    for words in (
        ("predict", copy, picture), ("evaluate", copy), ("runs", "list", tmp_path),
        ("runs", "compare", copy, run), ("export", copy),
    ):  # fmt: skip
        child = parent.start(*words)
        assert child.wait() in (0, 2) and "Traceback" not in child.said, child.said
    assert not victim.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["modules.safetensors", "optimizers.safetensors", "state.json", "checksums.json"]
)
def test_a_pickle_inside_a_checkpoint_is_never_loaded(
    name: str, parent: WarmParent, run: Path, tmp_path: Path
) -> None:
    copy, victim = tmp_path / "run", tmp_path / "touched"
    shutil.copytree(run, copy)
    (copy / "result.json").unlink()
    for folder in (copy / "checkpoints").iterdir():
        write_torch(folder / name, Payload(victim))
    said = parent.run("resume", copy)
    assert name in said and "starting again from the recipe" in said
    assert not victim.exists()
    assert only_run(tmp_path).name == "run"
