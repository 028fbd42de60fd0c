"""This file is the command `descend`: it parses, calls a verb, prints, and gives the exit code.

Exit codes: 0 done; 1 done and something was found; 2 the request or the data is wrong; 3 our own
fault; 130 and 143 stopped by a signal.
"""

import contextlib
import errno
import json
import math
import os
import platform
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from importlib.metadata import version
from numbers import Real
from pathlib import Path
from typing import Any

import click

from descend.cli import _signals
from descend.cli._call import Answer
from descend.cli._command import VerbGroup
from descend.errors import DescendError, Stopped, UserError
from descend.show import Show, Silent

OWN_FAULT = 3
# The user's disk or rights, wherever in a verb they are met.
USERS_OWN = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EMFILE}


def main() -> None:
    _signals.end_at_once()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command; the exit code. stdout and stderr are written, nothing is raised."""
    try:
        return _run(arguments)
    except BrokenPipeError:  # the reader of our output (`| head`) has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _run(arguments: list[str]) -> int:
    flags = arguments[: arguments.index("--")] if "--" in arguments else arguments
    as_json, quiet = "--json" in flags and "--help" not in flags, "--quiet" in flags
    stdout = sys.stdout
    # With --json a stray print of any library goes to stderr too.
    with contextlib.redirect_stdout(sys.stderr if as_json else stdout):
        try:
            answer = _answer(arguments, as_json, quiet)
        except BrokenPipeError:
            raise
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 the boundary
            message, exit_code = _judge(error, arguments)
            wrong = "" if exit_code > 128 else "error: "  # to be stopped is no error
            print(f"{wrong}{message}", file=sys.stderr)
            answer = Answer({"error": message, "exit_code": exit_code}, "", exit_code)
    if as_json:
        print(json.dumps(plain(answer.value), ensure_ascii=False), flush=True)
    elif answer.text:
        print(answer.text, end="" if answer.text.endswith("\n") else "\n", flush=True)
    return answer.exit_code


def _answer(arguments: list[str], as_json: bool, quiet: bool) -> Answer:
    if arguments in (["--version"], []):
        return Answer(text=f"descend {version('descend')}") if arguments else _help()
    group = VerbGroup(lambda for_programs: _make_show(as_json or for_programs, quiet))
    try:
        with group.make_context("descend", list(arguments)) as context:
            answer: Answer = group.invoke(context)
            return answer
    except click.exceptions.Exit as done:  # --help was shown
        return Answer(exit_code=done.exit_code)


def _help() -> Answer:
    group = VerbGroup(lambda _for_programs: Silent())
    return Answer(text=group.get_help(click.Context(group, info_name="descend")))


def _make_show(stdout_is_taken: bool, quiet: bool) -> Show:
    if quiet:
        return Silent()
    from descend.cli._progress import make_show

    return make_show(sys.stderr if stdout_is_taken else sys.stdout, sys.stderr)


def _judge(error: BaseException, arguments: list[str]) -> tuple[str, int]:
    """One line for the user, and the exit code."""
    if isinstance(error, UserError | Stopped):
        return _one_line(str(error)), error.exit_code
    if isinstance(error, click.ClickException):
        return _one_line(error.format_message()), 2
    if isinstance(error, KeyboardInterrupt | click.Abort) or _signals.received():
        return _signals.STOPPED, 128 + (_signals.received() or signal.SIGINT)
    if isinstance(error, OSError) and error.errno in USERS_OWN:
        where = f" {error.filename}" if error.filename else ""
        return f"cannot read or write{where}: {error.strerror}", 2
    if isinstance(error, MemoryError):
        return "the machine's memory is used up; a smaller --image-size or file needs less", 2
    return _own_fault(error, arguments), OWN_FAULT


def _own_fault(error: BaseException, arguments: list[str]) -> str:
    what = _one_line(str(error)) if isinstance(error, DescendError) else _one_line(repr(error))
    file = _write_report(error, arguments)
    return f"Descend itself failed: {what}; " + (
        f"please send {file} to its makers" if file else "no place to write a report was found"
    )


def _write_report(error: BaseException, arguments: list[str]) -> Path | None:
    lines = [
        f"descend {version('descend')}, Python {platform.python_version()}, {platform.platform()}",
        f"arguments: {arguments}",
        "",
        *traceback.format_exception(error),
    ]
    name = f"descend-report-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    for folder in (Path("runs"), Path(), Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError):
            file = (folder / name).absolute()
            file.write_text("\n".join(lines), encoding="utf-8")
            return file
    return None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def plain(value: Any) -> Any:
    """What JSON can hold: no NaN or infinity, no tuples, paths as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Real):  # NumPy's numbers too
        return float(value) if math.isfinite(value) else None
    return str(value)
