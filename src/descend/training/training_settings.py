"""This file holds the settings that every training verb shares."""

from typing import Literal

from descend.settings import DurationSetting, Settings, setting


class TrainingSettings(Settings):
    task: str | None = setting(
        None, "what is to be learned", catalog="descend.tasks", derived="the kind of target"
    )
    model: str | None = setting(
        None, "network", catalog="descend.models", derived="the form of the data"
    )
    optim: str | None = setting(
        None, "optimizer", catalog="descend.optim", derived="the form of the data"
    )
    schedule: str | None = setting(
        None, "course of the learning rate", catalog="descend.schedules",
        derived="the form of the data",
    )  # fmt: skip
    loss: str | None = setting(
        None, "what is minimized", catalog="descend.losses", derived="the kind of target"
    )
    augment: tuple[str, ...] | None = setting(
        None, "changes made to training images, or none", catalog="descend.data.augment",
        derived="the kind of images; flip by a short trial",
    )  # fmt: skip
    budget: DurationSetting | None = setting(
        None,
        "how long to train; minutes become updates once, by the time of a step before step 1",
        unit="epochs, steps or minutes",
        derived="the amount of data",
    )
    batch_size: int | None = setting(
        None, "examples per update", unit="examples", at_least=1, search=(16, 1024, "log"),
        derived="the amount of data",
    )  # fmt: skip
    accumulation: int = setting(
        1, "parts a batch is computed in, to save memory", unit="micro-batches", at_least=1
    )
    learning_rate: float | None = setting(
        None, "peak learning rate", above=0, search=(1e-5, 1.0, "log"), derived="the optimizer"
    )
    weight_decay: float | None = setting(
        None, "pull of weights to zero; biases and norms are spared", at_least=0,
        search=(1e-6, 1.0, "log"), derived="the form of the data",
    )  # fmt: skip
    clip_norm: float | None = setting(
        None, "gradients longer than this are shortened to it", above=0, search=(0.1, 10, "log")
    )
    ema: float | None = setting(
        None, "part of the run over which weights are averaged; 0 is off", unit="share",
        at_least=0, at_most=1, derived="the form of the data",
    )  # fmt: skip
    patience: int | None = setting(
        None, "evaluations without improvement after which training stops; 0 is never",
        unit="evaluations", at_least=0, derived="the form of the data",
    )  # fmt: skip
    checkpoint_minutes: float = setting(
        5.0,
        "longest time between two checkpoints, beside each epoch's end",
        unit="minutes",
        above=0,
    )
    precision: Literal["fp32", "bf16"] | None = setting(
        None, "arithmetic of the forward and backward pass", derived="the plan"
    )
    plan: Literal["off", "auto"] = setting(
        "auto", "choose layout, precision and threads by timing real steps"
    )
    threads: int | None = setting(
        None, "processor threads", unit="threads", at_least=1, at_most=1024, derived="the plan"
    )
    device: str | None = setting(None, "cpu, cuda or mps", derived="the fastest there is")
    deterministic: bool = setting(
        False, "exact repetition on a GPU too, slower (the CPU is always exact)"
    )
    seed: int = setting(0, "start of all random numbers", at_least=0)
    runs: str = setting("runs", "folder that new run folders are made in")
    name: str | None = setting(None, "name of the run folder", derived="data and network")
    stop_after: int | None = setting(
        None, "stop and save after this many updates; resume goes on", unit="steps", at_least=1
    )
    baseline: bool = setting(True, "train simple models beside, to compare with")
