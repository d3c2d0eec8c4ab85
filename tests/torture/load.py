"""Mail that doesn't stop: questions, questions to two mailboxes, robots, straight into the Maildirs."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from servers.dovecot import Dovecot, lay_down
from system.letters import INSCRIPTIONS, a_letter, letter_id
from system.town import TRANSPORT, now

BOXES = (INSCRIPTIONS, TRANSPORT)


class Sort(StrEnum):
    """What was written."""

    QUESTION = "question"
    TO_BOTH = "question to both mailboxes"
    ROBOT = "robot"


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message that lies in its mailboxes."""

    number: int
    sort: Sort
    boxes: tuple[str, ...]

    @property
    def sender(self) -> str:
        """Each message is somebody else's."""
        return f"parent{self.number}@courriel.example"

    @property
    def message_id(self) -> str:
        """The Message-ID, which the database keeps."""
        return letter_id(self.number)

    def raw(self) -> bytes:
        """The message."""
        headers = {"Auto_Submitted": "auto-generated"} if self.sort is Sort.ROBOT else {}
        return a_letter(self.number, sender=self.sender, to=", ".join(self.boxes), sent_at=now(), **headers)


class Load:
    """A thread that delivers `rate` messages a second, while the context lasts; `delivered` is what it did.

    It rests while `is_enough`: a service that is killed all the time must not drown.
    """

    def __init__(
        self,
        dovecot: Dovecot,
        rate: float,
        seed: int,
        boxes: Sequence[str] = BOXES,
        is_enough: Callable[[int], bool] = lambda _: False,
    ) -> None:
        self._rate = rate
        self._is_enough = is_enough
        self._boxes = boxes
        self._random = random.Random(seed)
        self._maildirs = {box: _maildir(dovecot, box) for box in boxes}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._deliver_on, daemon=True)
        self.delivered: list[Delivered] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(10)

    def _deliver_on(self) -> None:
        while not self._stop.wait(1 / self._rate):
            if not self._is_enough(sum(one.sort is not Sort.ROBOT for one in self.delivered)):
                self.deliver(self._random.choices(list(Sort), [8, 1, 1])[0])

    def deliver(self, sort: Sort, box: str = "") -> Delivered:
        """One more message, to any mailbox if none is named."""
        boxes = BOXES if sort is Sort.TO_BOTH else (box or self._random.choice(self._boxes),)
        one = Delivered(len(self.delivered), sort, boxes)
        raw = one.raw()
        self.delivered.append(one)  # before it lies there: it may be answered at once
        for box in boxes:
            lay_down(self._maildirs[box], f"{int(time.time())}.M{one.number:06}.torture", raw)
        return one


def _maildir(dovecot: Dovecot, user: str) -> Path:
    local, domain = user.split("@")
    dovecot.client(user).select_folder("INBOX", readonly=True)  # so that the folders are there
    return dovecot.folder / "mail" / domain / local / "Maildir"
