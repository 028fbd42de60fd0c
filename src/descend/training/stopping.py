"""This file turns Ctrl-C and SIGTERM into a wish to stop after the current step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

from descend.errors import Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Whether somebody asked this process to stop, and by which signal."""

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def __bool__(self) -> bool:
        return self.signal_number is not None


@contextmanager
def listening() -> Iterator[StopRequest]:
    """Within, the first signal is remembered; a second one acts as if nobody listened."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request  # only the main thread may set handlers; a server stops its runs otherwise
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def remember(number: int, frame: FrameType | None) -> None:
        request.signal_number = number
        for listened, handler in before.items():  # the second may be the other of the two
            signal.signal(listened, handler)

    for number in before:
        signal.signal(number, remember)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stopping_at_once(text: str) -> Iterator[None]:
    """Within, the first signal ends the work: everything worth keeping is saved already."""
    with listening() as request:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, partial(_interrupt, request))
        try:
            yield
        except KeyboardInterrupt:
            raise Stopped(text, request.signal_number or signal.SIGINT) from None


def _interrupt(request: StopRequest, number: int, frame: FrameType | None) -> None:
    request.signal_number = number
    raise KeyboardInterrupt  # no library takes this one for an error of its own
