"""What a service manager is told: ready, reloading, stopping, and that we still get on (sd_notify(3)).

Our own few lines: a datagram to $NOTIFY_SOCKET. Without that variable nobody asked, and nothing is sent.
"""

import os
import socket
import time
from collections.abc import Mapping

from mailwatch.logs import get_logger

log = get_logger(__name__)

SHARE = 3  # the manager hears from us so often in each of its limits: one datagram late is no death


class Supervisor:
    """The service manager that started this process, if one did."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address  # Linux's abstract names
        self.feed_every = _feed_every(environ) if address else None

    def ready(self, status: str) -> None:
        """Started, or started again; `status` is what `systemctl status` shows."""
        self._tell(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """Neither stopped nor ready; the instant is what Type=notify-reload asks for."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}\nSTATUS=Taking a new configuration")

    def stopping(self) -> None:
        """On the way out: no failure."""
        self._tell("STOPPING=1\nSTATUS=Ending what is being submitted")

    def feed(self) -> None:
        """We get on: the watchdog waits anew."""
        self._tell("WATCHDOG=1")

    def _tell(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.connect(self._address)
                sender.send(message.encode())
        except OSError as error:
            log.warning("supervisor.unreachable", error=str(error))


def _feed_every(environ: Mapping[str, str]) -> float | None:
    """Seconds; None where no watchdog watches us: WATCHDOG_PID may name another process of the unit."""
    microseconds, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not microseconds.isdigit() or int(microseconds) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(microseconds) / 1_000_000 / SHARE
