"""Two processes train as one would."""

import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from descend.training.loop import Conditions, updates
from tests.training.toys import Classifier

ROOT = Path(__file__).parents[2]


def test_two_processes_equal_one_and_resume_bit_equal(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.training.two_ranks", str(tmp_path)]
    processes = [
        subprocess.Popen([*command, str(rank)], cwd=ROOT, stderr=subprocess.PIPE, text=True)
        for rank in (0, 1)
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    first, second, resumed = (
        load_file(tmp_path / f"{name}.safetensors") for name in ("whole-0", "whole-1", "resumed-1")
    )
    alone = Classifier(dropout=0)
    for _ in updates(alone, Conditions(seed=3, steps=30, micro_batch=1000)):
        pass
    for key, tensor in alone.network.state_dict().items():
        name = f"network.{key}"
        assert torch.equal(first[name], second[name])
        assert torch.equal(first[name], resumed[name])
        torch.testing.assert_close(first[name], tensor, rtol=1e-4, atol=1e-6)
