"""One loop carries unlike trainings, and a stopped one goes on as if never stopped."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from descend.run import RunFolder
from descend.tasks._task import Task
from descend.training.loop import Conditions, updates
from descend.training.session import Schedule, Session
from descend.training.stopping import StopRequest
from tests.training.toys import Classifier, Gan, LeastSquares, QLearner, Rows

CLOCK = ("seconds", "items_per_second")


def train(task: Task, folder: Path, steps: int = 60, **schedule: Any) -> Session:
    folder.mkdir(exist_ok=True)
    session = Session(
        task,
        RunFolder(folder),
        Conditions(seed=3, steps=steps, micro_batch=1000),
        Schedule(evaluate_every=7, ema=0.2, **schedule),
        keep_model=lambda weights, step: None,
    )
    with closing(session):
        session.restore()
        session.run(StopRequest())
    return session


def evidence_without_clock(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "evidence.jsonl").read_text().splitlines()
    return [{k: v for k, v in json.loads(x).items() if k not in CLOCK} for x in lines]


def assert_equal_state(a: Session, b: Session) -> None:
    (tensors, state), (others, other_state) = a.captured(), b.captured()
    assert tensors.keys() == others.keys()
    for name, group in tensors.items():
        assert group.keys() == others[name].keys()
        for key, tensor in group.items():
            assert torch.equal(tensor, others[name][key]), f"{name} {key}"
    for values in (state, other_state):
        values["recorder"].pop("seconds")
        for clock in ("seconds", "evidence_bytes"):
            values["standing"].pop(clock)
    assert state == other_state


@pytest.mark.parametrize("kind", [Classifier, Gan, LeastSquares, QLearner])
@pytest.mark.parametrize("stop", [1, 13, 40])
def test_a_stopped_training_goes_on_bit_equal(kind: type[Task], stop: int, tmp_path: Path) -> None:
    whole = train(kind(), tmp_path / "whole")
    train(kind(), tmp_path / "stopped", stop_after=stop)
    resumed = train(kind(), tmp_path / "stopped")
    assert resumed.standing.step == 60
    assert_equal_state(whole, resumed)
    assert evidence_without_clock(tmp_path / "whole") == evidence_without_clock(
        tmp_path / "stopped"
    )


def test_the_classifier_learns(tmp_path: Path) -> None:
    assert train(Classifier(), tmp_path, steps=400).standing.best > 0.9


def test_lbfgs_calls_its_closure_several_times_and_fits_exactly(tmp_path: Path) -> None:
    task = LeastSquares()
    assert train(task, tmp_path, steps=8).standing.best < 1e-6
    assert task.closure_calls > 8


def test_the_q_learner_finds_the_way(tmp_path: Path) -> None:
    assert train(QLearner(), tmp_path, steps=300).standing.best == 1.0


def test_a_player_leaves_the_gradients_of_the_other_alone() -> None:
    task = Gan()
    for update in updates(task, Conditions(seed=0, steps=2, micro_batch=100)):
        own = {id(p) for p in update.player.parameters()}
        other = task.players[1 - task.players.index(update.player)]
        assert all(p.grad is not None for p in update.player.parameters())
        if update.step == 1 and update.player.name == "critic":
            assert all(p.grad is None for p in other.parameters() if id(p) not in own)


def weights_after(task: Task, **conditions: Any) -> list[Tensor]:
    values = {"seed": 0, "steps": 10, "micro_batch": 1000} | conditions
    for _ in updates(task, Conditions(**values)):
        pass
    return [p.detach().clone() for p in task.players[0].parameters()]


@pytest.mark.parametrize("size", [16, 8, 5, 1])
def test_micro_batches_change_nothing(size: int) -> None:
    whole = weights_after(Classifier(dropout=0))
    parts = weights_after(Classifier(dropout=0), micro_batch=size)
    for a, b in zip(whole, parts, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


class Words(Classifier):
    """The loss of a sentence counts its words; sentences have unequal lengths."""

    def loss(self, player: Any, batch: Rows) -> tuple[Tensor, Tensor]:
        lengths = 1 + batch.targets * 5
        losses = nn.functional.cross_entropy(
            self.network(batch.inputs), batch.targets, reduction="none"
        )
        return (losses * lengths).sum(), lengths.sum()


def test_unequal_sentence_lengths_weigh_the_same_in_any_micro_batch() -> None:
    whole = weights_after(Words(dropout=0))
    parts = weights_after(Words(dropout=0), micro_batch=3)
    for a, b in zip(whole, parts, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


class Cramped(Classifier):
    """A device that holds five examples."""

    def loss(self, player: Any, batch: Rows) -> tuple[Tensor, int]:
        if len(batch) > 5:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().loss(player, batch)


def test_out_of_memory_halves_the_micro_batch_and_repeats_the_batch() -> None:
    said: list[str] = []
    cramped = weights_after(Cramped(dropout=0), say=said.append)
    whole = weights_after(Classifier(dropout=0))
    for a, b in zip(whole, cramped, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    assert said == [f"out of memory: repeating the batch in parts of {n}" for n in (8, 4)]


def test_an_error_that_is_not_about_memory_is_raised() -> None:
    class Wrong(Classifier):
        def loss(self, player: Any, batch: Rows) -> tuple[Tensor, int]:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        weights_after(Wrong())


def test_clipping_bounds_the_gradient_and_reports_it_unclipped() -> None:
    task = Classifier()
    task.players[0].clip_norm = 1e-3
    for update in updates(task, Conditions(seed=0, steps=1, micro_batch=100)):
        assert update.gradient_norm is not None and update.gradient_norm > 1e-2
        clipped = nn.utils.get_total_norm([p.grad for p in update.player.parameters()])
        assert clipped <= 1.0001e-3


def test_a_lost_loss_stops_the_training_with_a_note(tmp_path: Path) -> None:
    class Lost(Classifier):
        def loss(self, player: Any, batch: Rows) -> tuple[Tensor, int]:
            total, count = super().loss(player, batch)
            return total * float("nan"), count

    session = train(Lost(), tmp_path)
    assert session.standing.step == 1
    assert "nan" in session.standing.finished


def test_early_stopping_counts_evaluations_without_improvement(tmp_path: Path) -> None:
    class Flat(Classifier):
        def evaluate(self, split: str) -> Any:
            scores = super().evaluate(split)
            scores.metrics["accuracy"] = 0.5
            return scores

    session = train(Flat(), tmp_path, patience=2)
    assert session.standing.step == 21  # evaluations at 7 (the best), 14 and 21
    assert "2 evaluations" in session.standing.finished
