"""This file turns Ctrl-C and SIGTERM into a wish to stop after the current step."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


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
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

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
