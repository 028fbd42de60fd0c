"""This file says what a verb that trains answers."""

from typing import TYPE_CHECKING

from descend.cli._call import Answer

if TYPE_CHECKING:
    from descend.workflow.trained import Run


def answer_of(run: "Run") -> Answer:
    """The result of a finished run; of one stopped on purpose, where it lies."""
    if run.finished:
        return Answer(run.result)
    return Answer({"run": str(run.path), "finished": False})
