"""How far a folder has been read: (UIDVALIDITY, last UID), RFC 3501 §2.3.1.1. Both are unsigned 32-bit numbers."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Everything up to `last_uid` under this UIDVALIDITY is recorded. `moved_at`: the last good look."""

    mailbox: str
    folder: str
    uidvalidity: int
    last_uid: int
    moved_at: datetime
    started_uid: int = 0  # where it began: what lies at or below was there at the first sight


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Where a message was seen: a UID means nothing without its folder's UIDVALIDITY."""

    folder: str
    uidvalidity: int
    uid: int
