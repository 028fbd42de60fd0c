"""This file is the verb `export`: the trained network as ONNX and torch.export, both checked.

A .pt2 is written without example inputs, which torch would pickle, and is read back only here, to
check what was just written.
"""

import contextlib
import io
import json
import logging
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from descend.data.image_preprocessing import ImagePreprocessing
from descend.errors import DataError, RunError, SettingError
from descend.run import RunFolder, write_bytes, write_json, write_text
from descend.show import Show, Silent
from descend.workflow import recipe
from descend.workflow.exported_network import described_inputs, exported_network, taken
from descend.workflow.model_folder import Model
from descend.workflow.own_data import own_data
from descend.workflow.predicting import open_model
from descend.workflow.predicting_inputs import pieces

FORMATS = ("onnx", "pt2")
NEEDED = ("onnx", "onnxscript", "onnxruntime")
INSTALL = "pip install 'descend[export]' (from a clone: pip install '.[export]')"
CHECKED = 32  # examples that each export is run on
# Of a probability, or a share of a number. Runtimes add up in other orders: on networks of
# the catalog up to 2e-6 was seen (onnxruntime 1.31, 2026-11-21).
TOLERANCE = 1e-4
OUTPUT = {"number": "values"}  # else probabilities


def export(
    run: str | Path | RunFolder,
    *,
    formats: str | Sequence[str] | None = None,
    folder: str | Path | None = None,
    show: Show | None = None,
) -> dict[str, Any]:
    """Write `formats` (all possible ones) to `folder` (RUN/export): {"folder", "files", …}.

    The graph takes any batch size, and holds normalization and the step to probabilities. Each is
    run on inputs of the run's own data; RunError where it answers otherwise than the network.
    """
    show = show or Silent()
    wanted = _formats(formats) if formats is not None else _possible(show)
    opened = open_model(run, "cpu", show)
    target = Path(folder) if folder is not None else opened.folder.path / "export"
    model = opened.model
    inputs, which = _real_inputs(opened.folder, model, show)
    network, names = exported_network(model)
    expected = replace(model.scorer, autocast=nullcontext).answers(inputs)
    given = taken(inputs, names)
    output = OUTPUT.get(model.targets.kind, "probabilities")
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot make {target}: {error.strerror}; name another folder") from None
    found: dict[str, float] = {}
    for name in wanted:
        path = target / f"model.{name}"
        with _quiet():
            content = _WRITERS[name](network, given, names, output)
            answers = _READERS[name](content, given, names)
        found[name] = _difference(answers, expected, model)
        if not found[name] <= TOLERANCE:
            raise RunError(
                f"the {name} export answers otherwise than the network: the largest difference "
                f"is {found[name]:.3g}, expected at most {TOLERANCE:g}; nothing was written"
            )
        write_bytes(path, content)
        show.say(f"{path}: largest difference to the network {found[name]:.2g} on {which}")
    files = [f"model.{name}" for name in wanted] + _write_cards(target, model, names, output)
    show.say(f"how to load them: {target / 'README.md'}")
    return {
        "run": str(opened.folder.path), "folder": str(target), "files": files,
        "largest_difference": found, "tolerance": TOLERANCE, "checked_on": which,
    }  # fmt: skip


def _formats(formats: str | Sequence[str]) -> list[str]:
    wanted = formats.replace(",", " ").split() if isinstance(formats, str) else list(formats)
    for name in wanted:
        if name not in FORMATS:
            raise SettingError(f"setting 'formats': {name!r}; expected {' or '.join(FORMATS)}")
    if not wanted:
        raise SettingError(f"setting 'formats': none given; expected {' or '.join(FORMATS)}")
    if "onnx" in wanted:
        _check_onnx()
    return list(dict.fromkeys(wanted))


def _possible(show: Show) -> list[str]:
    """All formats, or those that nothing is missing for."""
    try:
        return _formats(FORMATS)
    except SettingError:
        show.say(f"no ONNX, which needs {', '.join(NEEDED)}: {INSTALL}")
        return ["pt2"]


def _check_onnx() -> None:
    try:
        import onnx
        import onnxruntime
        import onnxscript
    except ImportError as error:
        raise SettingError(
            f"setting 'formats': onnx needs {', '.join(NEEDED)} ({error.name} is not installed): "
            f"{INSTALL}; --formats pt2 needs nothing more"
        ) from None
    assert onnx and onnxruntime and onnxscript


def _real_inputs(folder: RunFolder, model: Model, show: Show) -> tuple[tuple[Tensor, ...], str]:
    """Inputs that the exports are compared on, and what they are in words."""
    try:
        inputs = _first_images(folder, model) or _of_own_data(folder)
    except (DataError, RunError) as error:
        show.say(f"checked on random inputs, because the run's data can't be read: {error}")
        return _random(model), f"{CHECKED} random inputs"
    count = len(inputs[0])
    if count == 1:  # torch.export takes a batch of one for a constant
        inputs = tuple(torch.cat([t, t]) for t in inputs)
    return inputs, f"{count} {model.unit} of the run's data"


def _first_images(folder: RunFolder, model: Model) -> tuple[Tensor, ...]:
    """Of a folder of files only some are decoded; () for other forms."""
    source = Path(str(recipe.read_settings(folder.recipe_file)[0]))
    if not isinstance(model.preprocessing, ImagePreprocessing) or not source.is_dir():
        return ()
    found: list[Tensor] = []
    for piece in islice(pieces(model.preprocessing, [source], bytes), 4):
        found += [t[: CHECKED - sum(map(len, found))] for t in piece.inputs if len(t)]
        if sum(map(len, found)) >= CHECKED:
            break
    return (torch.cat(found),) if found else ()


def _of_own_data(folder: RunFolder) -> tuple[Tensor, ...]:
    splits = own_data(folder).prepared.splits
    split = splits.get("test", splits["validation"])
    every = max(1, len(split) // CHECKED)
    return tuple(t[::every][:CHECKED] for t in split.inputs)


def _random(model: Model) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    form = model.form
    if form.kind == "images":
        shape = (CHECKED, form.channels, form.height, form.width)
        return (torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8),)
    numbers = torch.randn(CHECKED, len(form.number_names), generator=generator)
    codes = [torch.randint(0, n, (CHECKED,), generator=generator) for n in form.cardinalities]
    categories = torch.stack(codes, 1) if codes else torch.zeros((CHECKED, 0), dtype=torch.int64)
    return numbers, categories


def _difference(answers: np.ndarray, expected: np.ndarray, model: Model) -> float:
    """The largest: of a probability; of a number as a share of itself or of the training targets'
    deviation, the larger one (single precision has 7 digits, however small the deviation)."""
    off = np.abs(answers.astype(np.float64) - expected)
    if model.targets.kind == "number":
        off = off / np.maximum(np.array(model.targets.scale), np.abs(expected))
    return float(off.max())


def _exported(network: nn.Module, given: tuple[Tensor, ...]) -> torch.export.ExportedProgram:
    batch = torch.export.Dim("batch")
    shapes = tuple({0: batch} for _ in given)
    return torch.export.export(network, given, dynamic_shapes=shapes)


def _onnx_bytes(
    network: nn.Module, given: tuple[Tensor, ...], names: tuple[str, ...], output: str
) -> bytes:
    batch = torch.export.Dim("batch")
    program = torch.onnx.export(
        network, given, dynamo=True, dynamic_shapes=tuple({0: batch} for _ in given),
        input_names=list(names), output_names=[output], verbose=False,
    )  # fmt: skip
    assert program is not None, "torch.onnx.export gives a program when it writes no file"
    content: bytes = program.model_proto.SerializeToString()
    return content


def _onnx_answers(content: bytes, given: tuple[Tensor, ...], names: tuple[str, ...]) -> np.ndarray:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    feed = {name: tensor.numpy() for name, tensor in zip(names, given, strict=True)}
    answers: np.ndarray = session.run(None, feed)[0]
    one = session.run(None, {name: values[:1] for name, values in feed.items()})[0]
    assert one.shape[0] == 1, "the batch is free"
    return answers


def _pt2_bytes(
    network: nn.Module, given: tuple[Tensor, ...], names: tuple[str, ...], output: str
) -> bytes:
    program = _exported(network, given)
    program.example_inputs = None  # they would be pickled
    stream = io.BytesIO()
    torch.export.save(program, stream)
    pickled = pickled_members(stream.getvalue())
    if pickled:
        raise RunError(
            f"torch would pickle {', '.join(pickled)} into the .pt2; nothing was written, "
            "--formats onnx needs no pickle"
        )
    return stream.getvalue()


def pickled_members(content: bytes) -> list[str]:
    """The members of a .pt2 archive that only unpickling could read."""
    found = []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.namelist():
            data = archive.read(member)
            if "weights/weight_" in member or "constants/tensor_" in member:
                continue  # plain numbers, unless the configuration says otherwise
            if member.endswith("_config.json"):
                config = json.loads(data)["config"]
                found += [name for name, entry in config.items() if entry.get("use_pickle")]
            elif data[:4] == b"PK\x03\x04" or (data[:1] == b"\x80" and data[-1:] == b"."):
                found.append(member)
    return found


def _pt2_answers(content: bytes, given: tuple[Tensor, ...], names: tuple[str, ...]) -> np.ndarray:
    module = torch.export.load(io.BytesIO(content)).module()
    with torch.inference_mode():
        answers: Tensor = module(*given)
        assert len(module(*(t[:1] for t in given))) == 1, "the batch is free"
    return answers.numpy()


_WRITERS = {"onnx": _onnx_bytes, "pt2": _pt2_bytes}
_READERS = {"onnx": _onnx_answers, "pt2": _pt2_answers}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporters talk about their own insides, on every channel there is."""
    level = logging.root.manager.disable
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        logging.disable(logging.ERROR)
        try:
            yield
        finally:
            logging.disable(level)


def _write_cards(target: Path, model: Model, names: tuple[str, ...], output: str) -> list[str]:
    """What a program and a person need to know beside the graph."""
    targets = model.targets
    card: dict[str, Any] = {
        "task": model.task,
        "network": model.name,
        "inputs": described_inputs(model, names),
        "output": {"name": output, "type": "float32", "shape": ["batch", len(targets.names)]},
        "targets": {"kind": targets.kind, "names": list(targets.names)},
    }
    if model.thresholds is not None:
        card["thresholds"] = list(model.thresholds)
    write_json(target / "card.json", card)
    write_text(target / "README.md", _readme(card))
    if model.unit == "images":
        return ["card.json", "README.md"]
    write_json(target / "preprocessing.json", model.preprocessing.to_json())
    return ["card.json", "README.md", "preprocessing.json"]


def _readme(card: dict[str, Any]) -> str:
    lines = [f"# {card['network']}, exported by Descend", ""]
    for item in card["inputs"]:
        shape = " x ".join(map(str, item["shape"]))
        lines.append(f"- input `{item['name']}`: {item['type']}, {shape}; {item['meaning']}")
    shape = " x ".join(map(str, card["output"]["shape"]))
    feed = ", ".join(f"{item['name']!r}: ..." for item in card["inputs"])
    lines += [
        f"- output `{card['output']['name']}`: float32, {shape}; the columns are `targets` in "
        "card.json, in that order",
        "", "```python", "import onnxruntime",
        "session = onnxruntime.InferenceSession('model.onnx')",
        f"answers = session.run(None, {{{feed}}})[0]",
        "", "import torch",
        "module = torch.export.load('model.pt2').module()",
        f"answers = module({', '.join(i['name'] for i in card['inputs'])})", "```", "",
    ]  # fmt: skip
    return "\n".join(lines)
