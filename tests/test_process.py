"""What a process asks of the system, and how it ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from mailwatch.errors import ConfigurationError
from mailwatch.process import HEAPS, only_process

HELD_UP = """
import threading
from mailwatch.process import end_within
end_within(0.1, lambda: print("cut short", flush=True))
threading.Event().wait()
"""


def test_a_process_that_cannot_end_is_ended() -> None:
    ended = subprocess.run([sys.executable, "-c", HELD_UP], capture_output=True, text=True, timeout=30)

    assert (ended.returncode, ended.stdout) == (1, "cut short\n")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with (
        pytest.raises(ConfigurationError, match=r"mailwatch\.db: the folder of the database can't be written"),
        only_process(tmp_path / "file" / "mailwatch.db"),
    ):
        pass


ARENAS = """
import ctypes, sys, threading
from mailwatch.process import share_heaps

if sys.argv[1] == "shared":
    share_heaps()
together = threading.Barrier(8)

def allocate():
    kept = [bytes(1_000) for _ in range(100)]
    together.wait()

threads = [threading.Thread(target=allocate) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
ctypes.CDLL(None).malloc_stats()
"""


@pytest.mark.parametrize(("how", "expected"), [("shared", True), ("as it comes", False)])
def test_threads_share_two_heaps(how: str, expected: bool) -> None:
    done = subprocess.run([sys.executable, "-c", ARENAS, how], capture_output=True, text=True, check=True)
    assert (done.stderr.count("Arena ") <= HEAPS) is expected, done.stderr
