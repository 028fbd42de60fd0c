"""This file is the verb `evaluate`."""

from typing import Literal

from descend.cli._call import RUN_WORD, Answer, Call, Positional
from descend.cli._signals import begin_work
from descend.settings import Settings, setting

SUMMARY = "Score a trained model on the data held out from it, or on other data."
POSITIONALS = (
    RUN_WORD,
    Positional(
        "data", "other data with known answers; without it, those of the run", required=False
    ),
)
RUN_SETTINGS = False
FOR_PROGRAMS = False


class Options(Settings):
    split: Literal["train", "validation", "test"] | None = setting(
        None, "split to score", derived="validation and test; of other data, all"
    )
    robust: bool = setting(
        False, "also score under noise, blur, light, occlusion, shift, rotation, missing columns, …"
    )
    thresholds: str | None = setting(
        None, "probability from which a class is said: CLASS=0.3,OTHER=0.6, or auto",
        derived="those kept with the model",
    )  # fmt: skip
    device: str | None = setting(None, "cpu, cuda or mps", derived="the fastest there is")


def run(call: Call) -> Answer:
    from descend.workflow.evaluate import evaluate

    begin_work()
    wanted = call.options
    return Answer(
        evaluate(
            call.word("run"),
            call.word_or_none("data"),
            split=wanted.split,
            robust=wanted.robust,
            thresholds=wanted.thresholds,
            device=wanted.device,
            show=call.show,
        )
    )
