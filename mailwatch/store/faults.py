"""What a database's errors mean: wait, look again, or call a person. No text of a message ever stands in one.

| the database says | we say | because |
|---|---|---|
| a unique key exists | CursorMoved | another worker recorded the same first; the next look finds it done |
| gone, locked, full, read-only, slow, a deadlock, its own fault | StoreUnavailable | the same work will succeed later |
| anything else | StoreRefused | a fault of this program or of the schema; a person must look |
"""

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import InterfaceError as DriverInterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mailwatch.errors import CursorMoved, MailwatchError, PermanentError, StoreUnavailable

UNIQUE_VIOLATION = "23505"  # PostgreSQL, appendix A
SQLITE_UNIQUE = frozenset({"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"})
SQLITE_FAULT = "SQLITE_ERROR"  # no such table, no such column: an OperationalError, and yet nothing that passes

# What a person can do about troubles that last, beside the database's own words: by SQLite's names, by SQLSTATE.
_REMEDIES = {
    "SQLITE_FULL": "free space on the disk that holds it; nothing is lost meanwhile",
    "SQLITE_READONLY": "the file must belong to the user that runs mailwatch, on a disk that can be written",
    "SQLITE_CANTOPEN": "the file and its folder must belong to the user that runs mailwatch",
    "SQLITE_BUSY": "another process holds it; `fuser` on the file names it",
    "25006": "a standby that isn't promoted, perhaps; [database] url must name the primary server",
    "53100": "free space on the disk that holds it; nothing is lost meanwhile",
    "53300": "raise its max_connections, or run fewer workers",
    "XX000": "PostgreSQL's own log says why; its disk may be full",
}
NO_ANSWER = "the database didn't answer in time (it is locked, busy or away; pg_stat_activity names who holds a lock)"

# PostgreSQL's error classes that pass by themselves: connection (08), rolled back (40: deadlock), resources (53),
# prerequisite state (55: lock not available), operator intervention (57: shutdown), system (58: I/O);
# 25006: read-only, as a standby is until it is promoted; 25P03: this process was frozen in the middle of a transaction,
# which the server has ended; 0A000: "cached plan must not change result type", once after a migration; and XX: the
# server's own fault, as "could not write init file" is, which a new connection gets where the disk is full.
PASSING = ("08", "40", "53", "55", "57", "58", "25006", "25P03", "0A000", "XX")


class StoreRefused(PermanentError):
    """The database refused what this program asked of it."""


def translate(error: Exception) -> MailwatchError:
    """The error of our own tree that an error of SQLAlchemy, a driver or the network amounts to."""
    if isinstance(error, IntegrityError):
        return _integrity(error)
    if _is_passing(error):
        return StoreUnavailable(_text(error))
    return StoreRefused(_text(error))


def _integrity(error: IntegrityError) -> MailwatchError:
    if _sqlstate(error) == UNIQUE_VIOLATION or getattr(error.orig, "sqlite_errorname", "") in SQLITE_UNIQUE:
        return CursorMoved("another worker recorded this first")
    return StoreRefused(_text(error))


def _is_passing(error: Exception) -> bool:
    if not isinstance(error, DBAPIError):
        return isinstance(error, OSError | TimeoutError | PoolTimeout)  # the network, a statement, or our pool
    if getattr(error.orig, "sqlite_errorname", "") == SQLITE_FAULT:
        return False
    if error.connection_invalidated or isinstance(error, OperationalError | DriverInterfaceError):
        return True
    return _sqlstate(error).startswith(PASSING)


def _sqlstate(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")


def _text(error: Exception) -> str:
    """The first line only: the second (DETAIL) quotes the row. What a person can do stands behind it."""
    if isinstance(error, PoolTimeout):
        return "the database is busy, or doesn't answer: no connection to it came free in time"
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if type(cause) is TimeoutError and not str(cause):  # a driver's: a system's has words of its own
        return NO_ANSWER
    lines = str(cause).splitlines() or [type(cause).__name__]
    name = "_".join(getattr(cause, "sqlite_errorname", "").split("_")[:2]) or getattr(cause, "sqlstate", "")
    remedy = _REMEDIES.get(name or "", "")
    return lines[0][:300] + (f" ({remedy})" if remedy else "")
