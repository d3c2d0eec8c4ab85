"""Named points between the steps of receiving and dispatching, at which a service kills itself.

A point is a function of the product's, and what is done to it from outside: nothing in the product knows of this.
"""

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from mailwatch.imap.session import ImapSession
from mailwatch.services.record import Recorder
from mailwatch.services.settle import Settler
from mailwatch.smtp.session import Session
from mailwatch.store.store import SqlTransaction

# What happens just before the end: the class and the method after which it comes.
POINTS: dict[str, tuple[type, str]] = {
    "fetched, nothing written": (ImapSession, "fetch"),
    "cursor moved, nothing recorded": (SqlTransaction, "advance_cursor"),
    "recorded, not committed": (SqlTransaction, "record"),
    "committed, nobody woken": (Recorder, "_write_some"),
    "claimed, not committed": (SqlTransaction, "claim_entries"),
    "claimed": (Settler, "take"),
    "announced: the server waits for the message": (Session, "announce"),
    "half of the message written": (Session, "deliver"),
    "the message written, its reply not read": (Session, "deliver"),
    "accepted, not put down": (Session, "deliver"),
    "outcomes written, not committed": (SqlTransaction, "settle_entries"),
    "outcomes committed": (Settler, "_commit"),
}


def arm(point: str, passes: int) -> None:
    """Let this process die at a point, when it has come there `passes` times before."""
    owner, name = POINTS[point]
    countdown = _Countdown(passes)
    if point.startswith("half"):
        _die_within_delivery(countdown, whole=False)
    elif point.startswith("the message written"):
        _die_within_delivery(countdown, whole=True)
    elif name == "take":
        _die_after_call(owner, name, countdown)
    else:
        _die_after(owner, name, countdown)


class _Countdown:
    def __init__(self, passes: int) -> None:
        self._left = passes

    def pass_by(self) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1


def _die_after(owner: type, name: str, countdown: _Countdown) -> None:
    act: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def fatal(*args: Any, **kwargs: Any) -> Any:
        result = await act(*args, **kwargs)
        if result != ():  # a claim of nothing
            countdown.pass_by()
        return result

    setattr(owner, name, fatal)


def _die_after_call(owner: type, name: str, countdown: _Countdown) -> None:
    act: Callable[..., Any] = getattr(owner, name)

    def fatal(*args: Any, **kwargs: Any) -> Any:
        result = act(*args, **kwargs)
        if result:
            countdown.pass_by()
        return result

    setattr(owner, name, fatal)


def _die_within_delivery(countdown: _Countdown, *, whole: bool) -> None:
    deliver = Session.deliver

    async def fatal(self: Session, body: bytes) -> Any:
        protocol = self._smtp.protocol
        assert protocol is not None
        write = protocol.write

        def fatal_write(data: bytes) -> None:
            write(data if whole else data[: len(data) // 2])
            countdown.pass_by()
            write(b"" if whole else data[len(data) // 2 :])

        protocol.write = fatal_write  # type: ignore[method-assign]
        try:
            return await deliver(self, body)
        finally:
            protocol.write = write  # type: ignore[method-assign]

    Session.deliver = fatal  # type: ignore[method-assign]
