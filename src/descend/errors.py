"""This file holds the errors a person can meet, each one clear line with an exit code."""

import difflib
from collections.abc import Iterable


class DescendError(Exception):
    """Our own fault unless a subclass says otherwise."""

    exit_code = 3


class UserError(DescendError):
    """The request or the data is wrong; the message is one line that says what to do."""

    exit_code = 2


class SettingError(UserError):
    """A setting has an unknown name or an impossible value."""


class DataError(UserError):
    """The data cannot be used as asked; the message names the file, row or field."""


class RunError(UserError):
    """A run folder is missing, unwritable, damaged, or not what was asked for."""


class Stopped(DescendError):
    """Training was stopped by a signal, after the step was finished and saved."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number  # the shell's convention: 130 Ctrl-C, 143 SIGTERM


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A clause that names the nearest known names, or lists them when none is near."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(repr(n) for n in near)}?"
    return f"known: {', '.join(known)}" if known else "there is none"
