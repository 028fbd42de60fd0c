"""This file is the verb `predict`."""

from typing import Literal

from descend.cli._call import RUN_WORD, Answer, Call, Positional
from descend.cli._signals import begin_work
from descend.errors import SettingError
from descend.settings import Settings, setting

SUMMARY = "Say what a trained model makes of new files, folders or tables; - is standard input."
POSITIONALS = (
    RUN_WORD,
    Positional("input", "images, folders, archives, tables, or -", several=True),
)
RUN_SETTINGS = False
FOR_PROGRAMS = True


class Options(Settings):
    output: str | None = setting(None, "file to write", derived="to standard output")
    format: Literal["csv", "jsonl", "parquet"] | None = setting(
        None, "form of the predictions", derived="the ending of the file, else csv"
    )
    thresholds: str | None = setting(
        None, "probability from which a class is said: CLASS=0.3,OTHER=0.6, or auto",
        derived="those kept with the model",
    )  # fmt: skip
    device: str | None = setting(None, "cpu, cuda or mps", derived="the fastest there is")


def run(call: Call) -> Answer:
    from descend.workflow.predict import encoded, predict_all

    begin_work()
    wanted = call.options
    if wanted.output is None and wanted.format == "parquet":
        raise SettingError("setting 'format': parquet is no text; name a file with --output")
    found = predict_all(
        call.word("run"), call.words["input"], output=wanted.output, format=wanted.format,
        thresholds=wanted.thresholds, device=wanted.device, show=call.show,
    )  # fmt: skip
    answer = {
        "predictions": found.frame.to_dicts() if wanted.output is None else wanted.output,
        "count": len(found.frame),
        "unreadable": [{"where": i.where, "text": i.text} for i in found.unreadable],
    }
    text = "" if wanted.output else encoded(found.frame, wanted.format or "csv").decode()
    return Answer(answer, text)
