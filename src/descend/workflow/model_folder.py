"""This file is the folder model/: the kept weights and everything that prediction needs.

model.json is written before training, weights.safetensors replaced whole at each improvement that
reaches the disk. A checksum of the tensors travels inside the file.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from descend.data.examples import Targets
from descend.data.image_preprocessing import ImagePreprocessing
from descend.data.table_preprocessing import TablePreprocessing
from descend.errors import RunError
from descend.forms import Form
from descend.run import RunFolder, read_json, sync_folder, write_json
from descend.settings import Settings, parse
from descend.tasks._blueprint import LOSSES, MODELS
from descend.tasks._scoring import SCORING_BATCH, Scorer
from descend.tasks._supervised import normalization_of
from descend.training.checkpoint import load_tensors, save_tensors
from descend.training.plan import Plan, find_device
from descend.training.precision import autocast
from descend.training.session import Weights
from descend.workflow.design import TASKS, Design

SEAL = "sha256"  # key of the checksum in model.json
KEPT = "kept"  # key of the metadata in the file of weights
_KEPT_FORM = re.compile(r"step (?P<step>\d+) sha256 (?P<digest>[0-9a-f]{64})")


@dataclass(frozen=True)
class Model:
    """A trained network, ready to answer."""

    scorer: Scorer
    preprocessing: ImagePreprocessing | TablePreprocessing
    targets: Targets
    unit: str  # "images" or "rows"
    task: str
    name: str  # of the network
    settings: Settings  # of the network
    thresholds: tuple[float, ...] | None
    step: int

    @property
    def network(self) -> nn.Module:
        return self.scorer.network

    @property
    def form(self) -> Form:
        return self.preprocessing.form


def write_card(folder: RunFolder, design: Design, plan: Plan) -> None:
    """Everything but the weights."""
    training, prepared = design.training, design.prepared
    folder.model.mkdir(exist_ok=True)
    card = {
        "task": training.task,
        "unit": prepared.unit,
        "model": training.model,
        "model_settings": design.entries[f"model {training.model}"].model_dump(mode="json"),
        "loss": training.loss,
        "loss_settings": design.entries[f"loss {training.loss}"].model_dump(mode="json"),
        "precision": plan.precision,
        "channels_last": plan.channels_last,
        "targets": asdict(prepared.targets),
        "preprocessing": prepared.preprocessing.to_json(),
    }
    _write_sealed(folder, card)


def keep_model(folder: RunFolder, weights: Weights, step: int) -> None:
    """Replace the kept weights, all or nothing."""
    tensors = {f"{name}.{key}": t for name, group in weights.items() for key, t in group.items()}
    # One key: the library writes several in any order, and equal models shall be equal files.
    metadata = {KEPT: f"step {step} sha256 {_digest(tensors)}"}
    beside = folder.model / ".weights.safetensors.tmp"
    try:
        save_tensors(beside, tensors, metadata)
        beside.replace(folder.model / "weights.safetensors")
        sync_folder(folder.model)
    except (OSError, RunError) as error:
        raise RunError(
            f"cannot save the best model in {folder.model}: "
            f"{getattr(error, 'strerror', None) or error}; "
            "what was saved before is intact, free some space and resume"
        ) from None


def what_is_lost(folder: RunFolder, best_step: int) -> str:
    """Why the model kept at this step can't be read any more; "" when it can, or is a later one."""
    if best_step == 0:
        return ""
    try:
        _, step = read_weights(folder)
    except RunError as error:
        return str(error)
    path = folder.model / "weights.safetensors"
    return "" if step >= best_step else f"{path} is of step {step}, the best was {best_step}"


def set_thresholds(folder: RunFolder, thresholds: list[float] | None) -> None:
    _write_sealed(folder, read_card(folder) | {"thresholds": thresholds})


def read_card(folder: RunFolder) -> dict[str, Any]:
    """RunError when it is missing, or not as it was written."""
    path = folder.model / "model.json"
    card = read_json(path)
    if not isinstance(card, dict) or card.pop(SEAL, None) != _seal(card):
        raise RunError(
            f"{path} was edited or damaged (checksum differs); put it back, or train anew"
        )
    return card


def _write_sealed(folder: RunFolder, card: dict[str, Any]) -> None:
    write_json(folder.model / "model.json", card | {SEAL: _seal(card)})


def _seal(card: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()


def load_model(folder: RunFolder, device: str | None = None) -> Model:
    """RunError names what is missing or damaged. Nothing that is read can run code."""
    card = read_card(folder)
    weights = read_weights(folder)
    try:
        return _assemble(card, weights, find_device(device))
    except (KeyError, TypeError) as error:
        raise RunError(f"{folder.model / 'model.json'} is damaged: {error}") from None


def read_weights(folder: RunFolder) -> tuple[dict[str, Tensor], int]:
    path = folder.model / "weights.safetensors"
    if not path.is_file():
        raise RunError(f"{path} is missing: no evaluation has finished yet; resume the run first")
    tensors = load_tensors(path)
    with safe_open(path, framework="pt") as file:
        metadata: dict[str, str] = file.metadata() or {}
    kept = _KEPT_FORM.fullmatch(metadata.get(KEPT, ""))
    if kept is None or kept["digest"] != _digest(tensors):
        raise RunError(f"{path} is damaged (checksum differs); resume the run to make it again")
    return tensors, int(kept["step"])


def _assemble(card: Mapping[str, Any], weights: tuple[dict[str, Tensor], int], at: str) -> Model:
    preprocessing: ImagePreprocessing | TablePreprocessing = (
        ImagePreprocessing.from_json(card["preprocessing"])
        if card["unit"] == "images"
        else TablePreprocessing.from_json(card["preprocessing"])
    )
    plain: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in card["targets"].items()
    }
    targets = Targets(**plain)
    entry, loss = MODELS.load(card["model"]), LOSSES.load(card["loss"])
    settings = parse(entry.Settings, card["model_settings"], "model.json: ")
    network: nn.Module = entry.build(settings, preprocessing.form, len(targets.names))
    tensors, step = weights
    _fill(network, tensors, card["model"])
    device = torch.device(at)
    layout = torch.channels_last if card["channels_last"] else torch.contiguous_format
    network = network.to(device)
    if card["unit"] == "images":
        network = network.to(memory_format=layout)
    scorer = Scorer(
        network,
        targets,
        TASKS.load(card["task"]).readable(targets, device),
        loss,
        parse(loss.Settings, card["loss_settings"], "model.json: "),
        normalization_of(preprocessing, layout),
        device,
        autocast(device, card["precision"]),
        SCORING_BATCH,
    )
    chosen = card.get("thresholds")
    return Model(
        scorer, preprocessing, targets, card["unit"], card["task"], card["model"], settings,
        tuple(chosen) if chosen else None, step,
    )  # fmt: skip


def _fill(network: nn.Module, tensors: Mapping[str, Tensor], name: str) -> None:
    try:
        network.load_state_dict({k.removeprefix("network."): v for k, v in tensors.items()})
    except RuntimeError as error:  # torch's way to say that names or shapes differ
        first = str(error).split("\n\t")[1].split(",")[0].rstrip(". ")
        raise RunError(
            f"the kept weights do not fit the network {name!r} as model.json and this version of "
            f"Descend build it ({first}); use the version that recipe.toml names, or train anew"
        ) from None


def _digest(tensors: Mapping[str, Tensor]) -> str:
    """Over names and contents, in order of names."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        flat = tensors[name].detach().cpu().contiguous().reshape(-1)
        total.update(name.encode() + b"\0" + flat.view(torch.uint8).numpy().tobytes())
    return total.hexdigest()
