"""This file decides what Ctrl-C and SIGTERM do to the command before and beside a training.

Imports come first, for seconds, and a library's C++ may swallow an exception that a signal raises
in it, or die of it. So until a verb begins to work, a signal ends the process at once: nothing is
written yet. From then on it raises KeyboardInterrupt, so that half-written files are cleared away.
"""

import os
import signal
import sys

SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOPPED = "stopped"
_received: list[int] = []


def end_at_once() -> None:
    """From now on a signal ends the process; one that is ignored (nohup) stays so."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def begin_work() -> None:
    """From now on a signal raises, where it would have ended the process."""
    for number in SIGNALS:
        if signal.getsignal(number) is _end:
            signal.signal(number, _interrupt)


def received() -> int:
    """The signal that interrupted the work, or 0: whatever a library made of it, it was that."""
    return _received[-1] if _received else 0


def _end(number: int, _frame: object) -> None:
    os.write(2, f"{STOPPED}\n".encode())
    if "--json" in sys.argv[1:]:
        os.write(1, f'{{"error": "{STOPPED}", "exit_code": {128 + number}}}\n'.encode())
    os._exit(128 + number)  # without unwinding: there may be C++ on the stack


def _interrupt(number: int, _frame: object) -> None:
    _received.append(number)
    raise KeyboardInterrupt
