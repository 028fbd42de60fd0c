"""This file is the verb `demo`."""

from descend.cli._call import Answer, Call
from descend.cli._finished import answer_of
from descend.cli._signals import begin_work
from descend.settings import Settings, setting

SUMMARY = "Train on embedded handwritten digits, without the internet, and write a report."
POSITIONALS = ()
RUN_SETTINGS = False
FOR_PROGRAMS = False


class Options(Settings):
    runs: str = setting("runs", "folder that the run folder is made in")


def run(call: Call) -> Answer:
    from descend.workflow.demo import demo

    begin_work()
    return answer_of(demo(runs=call.options.runs, show=call.show))
