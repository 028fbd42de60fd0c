"""This file is the verb `verify-resume`."""

from dataclasses import asdict

from descend.cli._call import RUN_WORD, Answer, Call
from descend.cli._signals import begin_work
from descend.settings import Settings, setting

SUMMARY = "Prove on a stretch of your own run that killing and resuming changes nothing."
POSITIONALS = (RUN_WORD,)
RUN_SETTINGS = False
FOR_PROGRAMS = False


class Options(Settings):
    kills: int = setting(
        3, "real kills at random steps, each followed by a resume", unit="kills", at_least=1
    )
    steps: int | None = setting(
        None, "length of the stretch", unit="steps", at_least=2,
        derived="the time of a step: about 20 seconds of training",
    )  # fmt: skip
    data: str | None = setting(None, "where the data are now, when they have moved")


def run(call: Call) -> Answer:
    from descend.workflow.verify_resume import verify_resume

    begin_work()
    options = call.options
    result = verify_resume(
        call.word("run"),
        kills=options.kills,
        steps=options.steps,
        data=options.data,
        show=call.show,
    )
    return Answer(asdict(result), exit_code=0 if result.equal else 1)
