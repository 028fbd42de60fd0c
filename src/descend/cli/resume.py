"""This file is the verb `resume`."""

from descend.cli._call import RUN_WORD, Answer, Call
from descend.cli._finished import answer_of
from descend.cli._signals import begin_work
from descend.settings import Settings, setting

SUMMARY = "Go on with a stopped or killed run as if it had never stopped."
POSITIONALS = (RUN_WORD,)
RUN_SETTINGS = False
FOR_PROGRAMS = False


class Options(Settings):
    data: str | None = setting(None, "where the data are now, when they have moved")
    stop_after: int | None = setting(
        None, "stop and save after this many updates", unit="steps", at_least=1
    )


def run(call: Call) -> Answer:
    from descend.workflow.resume import resume

    begin_work()
    options = call.options
    return answer_of(
        resume(call.word("run"), data=options.data, stop_after=options.stop_after, show=call.show)
    )
