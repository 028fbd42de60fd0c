"""This file is the verb `export`."""

from typing import Literal

from descend.cli._call import RUN_WORD, Answer, Call
from descend.cli._signals import begin_work
from descend.settings import Settings, setting

SUMMARY = "Write the trained network as ONNX and torch.export, checked on real inputs."
POSITIONALS = (RUN_WORD,)
RUN_SETTINGS = False
FOR_PROGRAMS = False


class Options(Settings):
    formats: tuple[Literal["onnx", "pt2"], ...] | None = setting(
        None, "what to write", derived="onnx and pt2; pt2 alone without the export extra"
    )
    folder: str | None = setting(None, "where to write", derived="export/ in the run folder")


def run(call: Call) -> Answer:
    from descend.workflow.export import export

    begin_work()
    options = call.options
    return Answer(
        export(call.word("run"), formats=options.formats, folder=options.folder, show=call.show)
    )
