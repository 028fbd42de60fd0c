"""This file is the session: the `for` around the loop.

It records, averages weights, evaluates, keeps the best, saves checkpoints, and stops when asked.
Everything it decides depends on steps alone, never on the clock, so that a resumed run repeats it;
only how often a checkpoint is written follows the clock, and that changes no number.
"""

import math
import os
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from descend import evidence
from descend.run import RunFolder
from descend.show import Show, Silent
from descend.tasks._task import Task
from descend.training import checkpoint
from descend.training.ema import WeightAverage
from descend.training.loop import Conditions, Update, updates
from descend.training.record import Recorder, Sink
from descend.training.stopping import StopRequest

SECONDS_BETWEEN_EPOCH_CHECKPOINTS = 2.0  # an epoch of milliseconds must not be all fsync


@dataclass(frozen=True)
class Schedule:
    """When the session does what, in steps."""

    evaluate_every: int
    patience: int = 0  # evaluations without improvement; 0 never stops early
    ema: float = 0.0  # share of the run the weight average looks back over
    checkpoint_seconds: float = 300.0
    stop_after: int | None = None  # stop here as if asked to


@dataclass
class Standing:
    """How far a run has come; with the tensors, all that a checkpoint holds."""

    step: int = 0
    best: float | None = None
    best_step: int = 0
    evaluations_since_best: int = 0
    validation_losses: list[float] = field(default_factory=list)
    items: int = 0  # examples used so far
    seconds: float = 0.0  # wall time in training so far; not compared
    evidence_bytes: int = 0
    finished: str = ""  # why the training ended, "" while it goes on


Weights = dict[str, dict[str, Tensor]]  # module name -> state
KeepModel = Callable[[Weights, int], None]  # writes the best weights and their step


class Session:
    """One training of one task in one run folder."""

    def __init__(
        self,
        task: Task,
        folder: RunFolder,
        conditions: Conditions,
        schedule: Schedule,
        keep_model: KeepModel,
        show: Show | None = None,
        sinks: Sequence[Sink] = (),
    ) -> None:
        self.task = task
        self.folder = folder
        self.conditions = conditions
        self.schedule = schedule
        self.show = show or Silent()
        self.standing = Standing(validation_losses=conditions.validation_losses)
        self.keep_model = keep_model
        self._leads = conditions.ranks.rank == 0
        modules = task.kept()
        self.average = (
            WeightAverage(modules, schedule.ema, conditions.steps) if schedule.ema > 0 else None
        )
        self._best: Weights | None = None  # not yet written to the disk
        file = folder.evidence_file if self._leads else Path(os.devnull)
        self.recorder = Recorder(
            evidence.EvidenceFile(file), conditions.steps, task.source.unit, sinks
        )
        conditions.say = self.note
        conditions.measures_norm = self.recorder.due
        self._saved_at = time.perf_counter()
        self._saved = (-1, "")  # step and end of the newest checkpoint
        self.seconds_here = 0.0  # of training in this process

    def run(self, stop: StopRequest) -> Standing:
        """Train to the end, to an early stop, or until `stop` is set; leaves a checkpoint."""
        standing, started = self.standing, time.perf_counter()
        before = standing.seconds
        self.show.begin(self.conditions.steps, self.task.source.unit)
        try:
            self.task.train_mode(True)
            if not standing.finished:
                for update in updates(self.task, self.conditions, standing.step):
                    self._after_update(update)
                    if not update.ends_step:
                        continue
                    self.seconds_here = time.perf_counter() - started
                    standing.seconds = before + self.seconds_here
                    if self._after_step(update) or self._stops_here(stop):
                        break
        finally:
            self.show.end()
        if self._saved != (standing.step, standing.finished):
            self.save()
        return standing

    def _after_update(self, update: Update) -> None:
        self.recorder.add(update)
        self.task.updated(update.player, update.step)

    def _after_step(self, update: Update) -> bool:
        """Everything between two steps; True when training is over."""
        standing, step = self.standing, update.step
        standing.step = step
        items = update.items * self.conditions.ranks.size
        standing.items += items
        self.recorder.count(items)
        if self.average is not None:
            self.average.follow(step)
        if self.recorder.due(step):
            self.show.advance(step, update.epoch, self.recorder.last_loss)
            if self._loss_is_lost():
                return True
        last = step >= self.conditions.steps
        if last:
            standing.finished = "the budget is used up"
        if step % self.schedule.evaluate_every == 0 or last:
            self._evaluate(update)
        per_epoch = self.task.source.steps_per_epoch
        if step % per_epoch == 0 or last:
            rate = self._close_epoch(update)
            self.show.advance(step, update.epoch, items_per_second=rate)
        self._save_when_due(step % per_epoch == 0)
        return bool(standing.finished)

    def _close_epoch(self, update: Update) -> float:
        return self.recorder.close_epoch(update.step, update.epoch)

    def _loss_is_lost(self) -> bool:
        loss = self.recorder.last_loss
        if loss is None or math.isfinite(loss):
            return False
        text = f"the loss became {loss} by step {self.standing.step}; training stops"
        self.note(f"{text}, lower the learning rate or look for extreme values in the data")
        self.standing.finished = text
        return True

    def _evaluate(self, update: Update) -> None:
        standing, task = self.standing, self.task
        with self.average.applied() if self.average else nullcontext():
            task.train_mode(False)
            scores = task.evaluate("validation")
            value = scores.metrics[task.headline]
            if self._improves(value):
                standing.best, standing.best_step = value, update.step
                standing.evaluations_since_best = 0
                self._best = {
                    name: {k: t.detach().clone() for k, t in module.state_dict().items()}
                    for name, module in task.kept().items()
                }
            else:
                standing.evaluations_since_best += 1
            task.train_mode(True)
        standing.validation_losses.append(scores.metrics.get("loss", value))
        self.recorder.write(
            evidence.Evaluation(update.step, "validation", scores.metrics, epoch=update.epoch)
        )
        self.show.advance(update.step, update.epoch, metric=(task.headline, value))
        patience = self.schedule.patience
        if patience and standing.evaluations_since_best >= patience and not standing.finished:
            standing.finished = f"no better {task.headline} on validation in {patience} evaluations"

    def _improves(self, value: float) -> bool:
        best = self.standing.best
        if best is None or math.isnan(best):
            return True
        return value > best if self.task.higher_is_better else value < best

    def _stops_here(self, stop: StopRequest) -> bool:
        return bool(stop) or self.standing.step == self.schedule.stop_after

    def note(self, text: str) -> None:
        """Say a sentence and keep it in the evidence."""
        self.recorder.write(evidence.Note(self.standing.step, text))
        self.show.say(text)

    def close(self) -> None:
        self.recorder.file.close()

    # --- checkpoints ---

    def _save_when_due(self, epoch_ended: bool) -> None:
        since = time.perf_counter() - self._saved_at
        wait = (
            SECONDS_BETWEEN_EPOCH_CHECKPOINTS if epoch_ended else self.schedule.checkpoint_seconds
        )
        if since >= wait:
            self.save()

    def save(self) -> None:
        """Write the best model so far and a checkpoint of everything; RunError on a full disk."""
        if not self._leads:
            return
        if self._best is not None:
            self.keep_model(self._best, self.standing.best_step)
            self._best = None
        self.standing.evidence_bytes = self.recorder.file.flush()
        tensors, state = self.captured()
        checkpoint.save(self.folder.checkpoints, self.standing.step, tensors, state)
        self._saved_at = time.perf_counter()
        self._saved = (self.standing.step, self.standing.finished)

    def captured(self) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
        task = self.task
        optimizers: dict[str, Tensor] = {}
        state = {
            "standing": asdict(self.standing),
            "source": task.source.state(),
            "task": task.state(),
            "micro_batch": self.conditions.micro_batch,
            "recorder": self.recorder.state(),
            "optimizers": {
                p.name: checkpoint.flatten(p.optimizer.state_dict(), p.name, optimizers)
                for p in task.players
            },
        }
        tensors = {
            "modules": {
                f"{name}.{key}": tensor
                for name, module in task.modules.items()
                for key, tensor in module.state_dict().items()
            },
            "optimizers": optimizers,
            "recorded": self.recorder.sums,
            "average": self.average.tensors if self.average else {},
        }
        return tensors, state

    def restore(self, kept_model_is_lost: Callable[[int], str] = lambda best_step: "") -> bool:
        """Continue from the newest whole checkpoint; False when there is none to continue from.

        `kept_model_is_lost` says why the model of the best step is no longer on the disk, or "".
        """
        found = checkpoint.load_latest(self.folder.checkpoints, self.show.say)
        if found is not None:
            lost = kept_model_is_lost(found.state["standing"]["best_step"])
            if lost:
                self.show.say(f"{lost}; only the whole training makes it again")
                found = None
        if found is None:
            if self._leads:
                self._begin_again()
            return False
        self._restore(found)
        return True

    def _begin_again(self) -> None:
        file = self.recorder.file
        preamble = evidence.preamble_bytes(file.path)
        if file.path.stat().st_size > preamble or checkpoint.steps(self.folder.checkpoints):
            self.show.say("no checkpoint to go on from: starting again from the recipe")
        file.truncate(preamble)

    def _restore(self, found: checkpoint.Checkpoint) -> None:
        state, tensors = found.state, found.tensors
        losses = self.conditions.validation_losses
        losses[:] = state["standing"].pop("validation_losses")
        self.standing = Standing(**state["standing"], validation_losses=losses)
        self._saved = (self.standing.step, self.standing.finished)
        self.conditions.micro_batch = state["micro_batch"]
        self.recorder.restore(tensors["recorded"], state["recorder"])
        self._restore_task(tensors, state)
        if self.average is not None:
            self.average.restore(tensors["average"])
        if self._leads and self.recorder.file.truncate(self.standing.evidence_bytes):
            self.show.say(
                f"{self.recorder.file.path} is shorter than when step {self.standing.step} was "
                "saved: curves have a gap there, the training itself is whole"
            )

    def _restore_task(self, tensors: Weights, state: dict[str, Any]) -> None:
        task = self.task
        for name, module in task.modules.items():
            own = {
                key: tensors["modules"][f"{name}.{key}"]
                for key in module.state_dict(keep_vars=True)
            }
            module.load_state_dict(own)
        for player in task.players:
            saved = checkpoint.unflatten(state["optimizers"][player.name], tensors["optimizers"])
            restore_optimizer(player.optimizer, saved)
        task.source.restore(state["source"])
        task.restore(state["task"])


def restore_optimizer(optimizer: Optimizer, saved: dict[str, Any]) -> None:
    """Load optimizer state with the strides of its parameters, so that it repeats to the bit."""
    optimizer.load_state_dict(saved)
    for parameter, state in optimizer.state.items():
        for key, value in state.items():
            if isinstance(value, Tensor) and isinstance(parameter, Tensor):
                state[key] = checkpoint.like(value, parameter)
