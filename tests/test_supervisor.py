"""What a service manager hears: real datagrams, by path and by abstract name; silence where nobody listens."""

import os
import socket
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mailwatch.supervisor import Supervisor


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What $NOTIFY_SOCKET may be."""
    return f"{tmp_path}/notify" if request.param == "path" else f"@mailwatch-test-{os.getpid()}"


def test_it_tells_what_systemd_asks_for(address: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address.replace("@", "\0", 1))
        manager.settimeout(10)
        supervisor = Supervisor({"NOTIFY_SOCKET": address})

        supervisor.ready("Watching 3 mailboxes")
        assert manager.recv(4096) == b"READY=1\nSTATUS=Watching 3 mailboxes"
        supervisor.reloading()
        first, instant, _ = manager.recv(4096).decode().splitlines()
        assert (first, instant.partition("=")[0], instant.partition("=")[2].isdigit()) == (
            "RELOADING=1",
            "MONOTONIC_USEC",
            True,
        )
        supervisor.feed()
        assert manager.recv(4096) == b"WATCHDOG=1"
        supervisor.stopping()
        assert manager.recv(4096).startswith(b"STOPPING=1\n")


def test_nothing_is_told_where_nobody_asked() -> None:
    supervisor = Supervisor({"WATCHDOG_USEC": "30000000"})

    supervisor.ready("Watching 3 mailboxes")

    assert supervisor.feed_every is None


def test_a_manager_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    with capture_logs() as lines:
        Supervisor({"NOTIFY_SOCKET": f"{tmp_path}/gone"}).feed()

    assert [line["event"] for line in lines] == ["supervisor.unreachable"]


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_thrice_in_its_limit(variables: dict[str, str], seconds: float | None) -> None:
    assert Supervisor({"NOTIFY_SOCKET": "/run/notify", **variables}).feed_every == seconds
