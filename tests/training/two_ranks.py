"""Run as one of two processes: trains whole, stopped and resumed, and saves the weights."""

import sys
from pathlib import Path

import torch
import torch.distributed
from safetensors.torch import save_file

from descend.run import RunFolder
from descend.training.distributed import ProcessRanks
from descend.training.loop import Conditions
from descend.training.session import Schedule, Session
from descend.training.stopping import StopRequest
from tests.training.toys import Classifier


def train(folder: Path, ranks: ProcessRanks, stop_after: int | None = None) -> Session:
    folder.mkdir(exist_ok=True)
    torch.distributed.barrier()
    session = Session(
        Classifier(ranks.rank, ranks.size, dropout=0),
        RunFolder(folder),
        Conditions(seed=3, steps=30, micro_batch=5, ranks=ranks),
        Schedule(evaluate_every=7, stop_after=stop_after),
        keep_model=lambda weights, step: None,
    )
    session.restore()
    session.run(StopRequest())
    session.close()
    torch.distributed.barrier()
    return session


def main(folder: Path, rank: int) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", f"file://{folder / 'meet'}", rank=rank, world_size=2
    )
    ranks = ProcessRanks()
    results = {
        "whole": train(folder / "whole", ranks),
        "stopped": train(folder / "stopped", ranks, stop_after=11),
        "resumed": train(folder / "stopped", ranks),
    }
    for name, session in results.items():
        tensors, _ = session.captured()
        save_file(dict(tensors["modules"]), folder / f"{name}-{rank}.safetensors")
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
