"""This file holds what the command line hands to a verb, and what a verb hands back.

A verb is one file of this folder: `SUMMARY` (one sentence), `POSITIONALS`, `Options` (a settings
class with its own flags), `RUN_SETTINGS` (whether it takes every setting of a training),
`FOR_PROGRAMS` (whether what it prints is read by programs, so that sentences go to stderr), and
`run(call) -> Answer`. Its file name is its name, with - for _.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from descend.settings import Settings
from descend.show import Show


@dataclass(frozen=True)
class Positional:
    """A word of the command that has no flag: the data, the run folder."""

    name: str
    help: str
    required: bool = True
    several: bool = False


@dataclass(frozen=True)
class Call:
    """One call of a verb."""

    words: Mapping[str, tuple[str, ...]]  # by positional
    options: Any  # the verb's own Options, parsed
    settings: Mapping[str, object]  # of the training, as text, only those that were given
    show: Show

    def word(self, name: str) -> str:
        return self.words[name][0]

    def word_or_none(self, name: str) -> str | None:
        return self.words[name][0] if self.words[name] else None


@dataclass(frozen=True)
class Answer:
    """What `--json` prints, what a program wants from stdout, and the exit code."""

    value: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""  # the verb's product (a recipe, predictions); printed unless --json
    exit_code: int = 0  # 1: done, and something was found


class Verb(Protocol):
    """The shape of a verb's file."""

    SUMMARY: str
    POSITIONALS: tuple[Positional, ...]
    Options: type[Settings]
    RUN_SETTINGS: bool
    FOR_PROGRAMS: bool
    run: Callable[[Call], Answer]


RUN_WORD = Positional("run", "a run folder; `descend runs` lists them")
