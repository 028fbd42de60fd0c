"""This file is everything between the design of a run and its first step.

The flip trial, the plan, the length, the forecast; and what is printed of them. A recipe that
recorded plan and length is repeated without a clock being read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from torch.nn.modules.batchnorm import _BatchNorm

from descend.data.examples import Issue, Prepared
from descend.evidence import Record, Table
from descend.settings import Duration
from descend.show import Show
from descend.tasks._supervised import Supervised
from descend.training import plan as planning
from descend.training.horizon import Forecast, Horizon, forecast, horizon, seconds_per_evaluation
from descend.training.loop import Conditions
from descend.training.plan import Candidate, Plan
from descend.training.precision import autocast
from descend.training.training_settings import TrainingSettings
from descend.workflow.design import Design
from descend.workflow.flip_trial import LEAST_RUN, try_flip
from descend.workflow.recipe import Choices

PATIENT_SECONDS = 300.0  # a budget nobody asked for is cut to five minutes on a CPU
WORTH_PLANNING_SECONDS = 30.0  # a shorter run cannot earn back the timing of other plans


@dataclass(frozen=True)
class Preparation:
    """A run about to start."""

    design: Design
    plan: Plan
    horizon: Horizon
    candidates: list[Candidate] = field(default_factory=list)
    forecast: Forecast | None = None

    def records(self) -> list[Record]:
        """What the evidence says before step 1."""
        prepared = self.design.prepared
        found: list[Record] = [
            Table(0, "data", ["found"], [[sentence] for sentence in prepared.found]),
            _counts(prepared),
            _choices(self.design),
        ]
        if prepared.issues:
            found.append(_issues(prepared.issues))
        if self.candidates:
            found.append(_candidates(self.candidates, self.plan))
        return found


def conditions(chosen: Design, plan: Plan, steps: int) -> Conditions:
    training = chosen.training
    assert training.batch_size is not None
    return Conditions(
        seed=training.seed,
        steps=steps,
        micro_batch=-(-training.batch_size // training.accumulation),
        on_cuda=plan.torch_device.type == "cuda",
        autocast=autocast(plan.torch_device, plan.precision),
    )


def prepare_run(
    chosen: Design, choices: Choices, recorded: Mapping[str, Any], show: Show
) -> Preparation:
    """Decide what is left to decide. SettingError when choices do not fit together."""
    training = chosen.training
    if "plan" in recorded and "horizon" in recorded:
        plan = Plan(**recorded["plan"])
        planning.find_device(plan.device)
        return Preparation(chosen, plan, Horizon(**recorded["horizon"]))
    base = replace(
        planning.base_plan(training.device, training.threads),
        precision=training.precision or "fp32",
    )
    planned = training.plan != "off"
    plan, candidates = (
        _try(chosen, [base], _thread_counts(training, base), 1) if planned else (base, [])
    )
    step, evaluation, per_epoch = _measure(chosen, plan)
    length = _length(chosen, choices, plan, step, evaluation, per_epoch)
    chosen = _with_flip(chosen, choices, plan, length)
    expected = length.steps * (step + evaluation / length.evaluate_every)
    if planned and expected > WORTH_PLANNING_SECONDS and chosen.prepared.unit == "images":
        others = planning.candidates(plan, training.precision)
        threads = _thread_counts(training, base)
        plan, more = _try(chosen, others, threads, length.steps)
        # a plan that was timed twice shows the timing it was judged by
        candidates = [*(c for c in candidates if c.plan not in [m.plan for m in more]), *more]
        step, evaluation, per_epoch = _measure(chosen, plan)
        length = _length(chosen, choices, plan, step, evaluation, per_epoch)
    chosen = _with_cut_budget(chosen, length)
    cost = forecast(
        chosen.build(plan), conditions(chosen, plan, length.steps), length, step, evaluation,
        bool(training.ema),
    )  # fmt: skip
    return Preparation(chosen, plan, length, candidates, cost)


def _measure(chosen: Design, plan: Plan) -> tuple[float, float, int]:
    """Seconds of a step, seconds of an evaluation, steps of an epoch."""
    task = chosen.build(plan)
    return (
        planning.seconds_per_step(task, plan, conditions(chosen, plan, 1)),
        seconds_per_evaluation(task),
        task.source.steps_per_epoch,
    )


def _length(
    chosen: Design, choices: Choices, plan: Plan, step: float, evaluation: float, per_epoch: int
) -> Horizon:
    budget = chosen.training.budget
    assert isinstance(budget, Duration)
    patience = PATIENT_SECONDS if "budget" not in choices.given and plan.device == "cpu" else None
    return horizon(budget, per_epoch, step, evaluation, patience)


def _with_cut_budget(chosen: Design, length: Horizon) -> Design:
    """A derived budget that would take too long is cut, and the recipe says what it is now."""
    budget = chosen.training.budget
    wanted = budget.amount * length.steps_per_epoch if budget is not None else 0
    if "budget" not in chosen.reasons or budget is None or budget.unit != "epochs":
        return chosen
    if length.steps >= round(wanted):
        return chosen
    why = f"{budget} for {chosen.reasons['budget']}, cut to about {PATIENT_SECONDS / 60:g} minutes"
    return chosen.with_budget(Duration(length.steps, "steps"), why)


def _with_flip(chosen: Design, choices: Choices, plan: Plan, length: Horizon) -> Design:
    names = chosen.training.augment or ()
    if chosen.prepared.unit != "images" or "augment" in choices.given or not names:
        return chosen
    if length.steps < LEAST_RUN:
        return chosen.with_augment(names, f"{chosen.reasons['augment']}; too short to try a flip")
    task = chosen.build(plan)
    assert isinstance(task, Supervised)
    trial = try_flip(task, conditions(chosen, plan, length.steps), length.steps)
    if trial.helps:
        return chosen.with_augment((*names, "flip"), f"{chosen.reasons['augment']}; {trial}")
    return chosen.with_augment(names, f"{chosen.reasons['augment']}; no flip: {trial}")


def _try(
    chosen: Design, plans: Sequence[Plan], threads: Sequence[int], steps: int
) -> tuple[Plan, list[Candidate]]:
    return planning.choose(chosen.build, plans, conditions(chosen, plans[0], steps), threads)


def _thread_counts(training: TrainingSettings, base: Plan) -> list[int]:
    """A small network is faster on one thread than on many that wait for each other."""
    return [] if training.threads or base.device != "cpu" else [1, planning.cores()]


def show_preparation(ready: Preparation, show: Show) -> None:
    """What is about to happen, before step 1."""
    chosen, length = ready.design, ready.horizon
    training = chosen.training
    task = chosen.build(ready.plan)
    parameters = sum(p.numel() for m in task.modules.values() for p in m.parameters())
    show.say(f"task: {training.task} ({chosen.prepared.targets.why})")
    show.say(f"network: {training.model}, {parameters:,} parameters")
    batch = f"batch: {training.batch_size} {chosen.prepared.unit} per update"
    parts = f", computed in {training.accumulation} parts" if training.accumulation > 1 else ""
    show.say(batch + parts)
    epochs = length.steps / length.steps_per_epoch
    show.say(
        f"schedule: {training.schedule}, {training.optim} at learning rate "
        f"{training.learning_rate:g}; {length.steps:,} updates = {epochs:.3g} epochs"
    )
    rows = _choices(chosen).rows
    show.table("derived from the data", ["setting", "value", "because"], rows)
    show.say(f"plan: {ready.plan}{_gain(ready)}")
    if ready.forecast is not None:
        show.say(f"forecast: {_written(ready.forecast)}")
    if _normalizes_batches(task) and training.accumulation > 1:
        show.say("batch norm sees each part alone: accumulation changes the result slightly")


def _gain(ready: Preparation) -> str:
    timed = [c for c in ready.candidates if c.seconds_per_step is not None]
    refused = "".join(f"; {c.plan.precision} {c.remark}" for c in ready.candidates if c.remark)
    own = [c.seconds_per_step for c in timed if c.plan == ready.plan]
    if len(timed) < 2 or not own or timed[0].seconds_per_step is None or own[0] is None:
        return refused
    if timed[0].plan == ready.plan:
        return f"; none of {len(timed) - 1} others was faster by more than noise{refused}"
    return f", {timed[0].seconds_per_step / own[0]:.1f}x as fast as {timed[0].plan}{refused}"


def _written(cost: Forecast) -> str:
    minutes, seconds = divmod(round(cost.seconds), 60)
    took = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    memory, disk = cost.memory_bytes / 2**20, cost.disk_bytes / 2**20
    return f"about {took}, {memory:,.0f} MiB of memory for training, {disk:,.1f} MiB of disk"


def _normalizes_batches(task: Any) -> bool:
    return any(isinstance(m, _BatchNorm) for net in task.modules.values() for m in net.modules())


def _counts(prepared: Prepared) -> Table:
    names = list(prepared.splits)
    if prepared.targets.kind != "single-label":
        rows: list[list[Any]] = [[name, len(prepared.splits[name])] for name in names]
        return Table(0, "split", ["split", prepared.unit], rows)
    counts = {
        n: s.targets.bincount(minlength=len(prepared.targets.names)).tolist()
        for n, s in prepared.splits.items()
    }
    rows = [[c, *(counts[n][i] for n in names)] for i, c in enumerate(prepared.targets.names)]
    return Table(0, "classes", ["class", *names], rows)


def _choices(chosen: Design) -> Table:
    values = {
        **{k: v for settings in chosen.entries.values() for k, v in settings.model_dump().items()},
        **chosen.training.model_dump(),
    }
    rows = [[name, _plain(values.get(name)), why] for name, why in chosen.reasons.items()]
    return Table(0, "derived", ["setting", "value", "because"], rows)


def _plain(value: object) -> object:
    return " ".join(map(str, value)) or "none" if isinstance(value, tuple) else value


def _issues(issues: tuple[Issue, ...]) -> Table:
    rows: list[list[Any]] = [list(asdict(issue).values()) for issue in issues]
    return Table(0, "issues", ["kind", "where", "what", "left out"], rows)


def _candidates(candidates: list[Candidate], plan: Plan) -> Table:
    rows: list[list[Any]] = [
        [str(c.plan), c.seconds_per_step and c.seconds_per_step * 1000, c.remark,
         "chosen" if c.plan == plan else ""]
        for c in candidates
    ]  # fmt: skip
    return Table(0, "plan", ["plan", "milliseconds per step", "remark", ""], rows)
