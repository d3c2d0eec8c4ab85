"""The blocking commands of a session, all read-only: EXAMINE, UID SEARCH, UID FETCH … BODY.PEEK."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError
from imapclient.response_parser import parse_fetch_response

from mailwatch.domain.messages import MAX_HEAD, newest_received_at, parse_message
from mailwatch.errors import FolderMissing
from mailwatch.imap.failures import FAILURES, LONGEST_TEXT, is_lost, is_temporary
from mailwatch.ports import FetchedMessage, FolderState

Now = Callable[[], datetime]
Items = Mapping[bytes, Any]  # whatever IMAPClient made of a FETCH response

_BODY = f"BODY.PEEK[]<0.{MAX_HEAD}>"
_ITEMS = ("FLAGS", "INTERNALDATE", "RFC822.SIZE", _BODY)
_FEWER_ITEMS = ("RFC822.SIZE", _BODY)  # without those whose values a server may write so that they can't be parsed
FETCH_AT_ONCE = 200  # measured: more gain no speed, and cost memory
FLAGS_AT_ONCE = 700  # RFC 7162 §4: a command line may have 8,192 bytes; a UID takes up to 11
UIDS_A_LINE = 60_000  # imaplib refuses lines of 1,000,000 bytes and is out of step after one


def examine(client: IMAPClient, folder: str) -> FolderState:
    """EXAMINE. Raises FolderMissing unless the server's refusal sounds temporary."""
    _enable_modseqs(client)
    try:
        answer: Items = client.select_folder(folder, readonly=True)
    except IMAPClientError as error:
        if is_lost(error) or is_temporary(str(error)):
            raise
        raise FolderMissing(f"{folder}: {str(error)[:LONGEST_TEXT]}") from None
    exists = int(answer.get(b"EXISTS", 0))
    uidnext = answer.get(b"UIDNEXT") or _find_uidnext(client, exists)
    return FolderState(
        uidvalidity=answer.get(b"UIDVALIDITY") or None,
        uidnext=int(uidnext),
        exists=exists,
        highest_modseq=answer.get(b"HIGHESTMODSEQ") or None,  # [NOMODSEQ], or nothing: the folder keeps none
    )


def status(client: IMAPClient, folder: str) -> FolderState | None:
    """STATUS; None where the server refuses it, or leaves something out: EXAMINE then says why."""
    try:
        told: Items = client.folder_status(folder, ("MESSAGES", "UIDNEXT", "UIDVALIDITY"))
    except FAILURES as error:
        if is_lost(error) or is_temporary(str(error)):
            raise
        return None
    exists, uidnext, uidvalidity = (told.get(item) for item in (b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY"))
    if exists is None or not uidnext or not uidvalidity:
        return None
    return FolderState(uidvalidity=int(uidvalidity), uidnext=int(uidnext), exists=int(exists))


def _enable_modseqs(client: IMAPClient) -> None:
    """Before the first folder is opened (RFC 5161 §3.1): else some servers don't tell HIGHESTMODSEQ."""
    if client._imap.state != "AUTH" or not (client.has_capability("ENABLE") and client.has_capability("CONDSTORE")):
        return
    try:
        client.enable("CONDSTORE")
    except IMAPClientError as error:
        if is_lost(error) or is_temporary(str(error)):
            raise


def _find_uidnext(client: IMAPClient, exists: int) -> int:
    """For servers that don't tell (RFC 3501 §6.3.2 lets them): above the last message's UID.

    Asked by FETCH: Courier's SEARCH takes `*` alone for nothing. A guess would turn old mail into new.
    """
    if not exists:
        return 1
    uids = [int(items[b"UID"]) for items in _ask(client, "*", "(UID)") if b"UID" in items]
    if not uids:
        raise IMAPClientError("the server tells neither UIDNEXT nor the last message's UID; again later")
    return max(uids) + 1


def list_uids(client: IMAPClient, state: FolderState, after: int) -> list[int]:
    """UIDs above `after`, ascending. `n:*` always names the last message too, even below n (RFC 3501 §6.4.8)."""
    most = min(state.exists, max(state.uidnext - 1 - after, 0))
    return [uid for uid in _search(client, state, ["UID", f"{after + 1}:*"], most) if uid > after]


def list_uids_since(client: IMAPClient, state: FolderState, day: date) -> list[int]:
    """UIDs whose INTERNALDATE is on or after a day, ascending."""
    return _search(client, state, ["SINCE", day], state.exists)


def _search(client: IMAPClient, state: FolderState, criteria: Sequence[object], most: int) -> list[int]:
    """Search; if `most` UIDs may not fit a line, by windows of sequence numbers, from the top down.

    Downwards: a message expunged meanwhile shifts those above it down, into a window still to come, not past it.
    """
    if most <= UIDS_A_LINE:
        return sorted(set(client.search(criteria)))
    found: set[int] = set()
    for top in range(state.exists, 0, -UIDS_A_LINE):
        last = "*" if top == state.exists else str(top)
        found.update(client.search([f"{max(top - UIDS_A_LINE, 0) + 1}:{last}", *criteria]))
    return sorted(found)


def fetch(client: IMAPClient, uids: Sequence[int], now: Now) -> list[FetchedMessage]:
    """The first 64 KiB of messages, ascending by UID; expunged ones are missing.

    One that is there, but which the server refuses or spells so that nothing can be made of it, is an error: left out,
    it would be taken for expunged, and missed.
    """
    found: dict[int, Items] = {}
    for start in range(0, len(uids), FETCH_AT_ONCE):
        found |= _fetch_some(client, uids[start : start + FETCH_AT_ONCE])
    return [_as_message(uid, found[uid], now) for uid in sorted(found)]


def _fetch_some(client: IMAPClient, uids: Sequence[int]) -> dict[int, Items]:
    found = _try_fetch(client, uids, _ITEMS)
    missing = [uid for uid in uids if uid not in found]
    if not missing:
        return found
    for uid in client.search(["UID", ",".join(map(str, missing))]):
        one = _try_fetch(client, [uid], _ITEMS) or _try_fetch(client, [uid], _FEWER_ITEMS)
        if not one:
            raise IMAPClientError(f"the server doesn't give message UID {uid}, though it is there")
        found |= one
    return found


def _try_fetch(client: IMAPClient, uids: Sequence[int], items: Sequence[str]) -> dict[int, Items]:
    """What came with a body; nothing when the server said NO, or its answer can't be parsed."""
    try:
        answer: Mapping[int, Items] = client.fetch(uids, items)
    except FAILURES as error:
        if is_lost(error) or is_temporary(str(error)):
            raise
        _forget_responses(client)
        client.noop()  # proves that we are still in step
        return {}
    return {uid: one for uid, one in answer.items() if _find_body(one) is not None}


def _forget_responses(client: IMAPClient) -> None:
    """Drop the FETCH responses of a command that failed: imaplib would hand them out with the next one's."""
    client._imap.untagged_responses.pop("FETCH", None)


def _find_body(items: Items) -> object:
    return items.get(b"BODY[]<0>", items.get(b"BODY[]"))


def _as_message(uid: int, items: Items, now: Now) -> FetchedMessage:
    body = _find_body(items)
    head = body[:MAX_HEAD] if isinstance(body, bytes) else str(body).encode()  # an unquoted number comes as an int
    size = items.get(b"RFC822.SIZE")
    return FetchedMessage(
        uid=uid,
        received_at=_received_at(items.get(b"INTERNALDATE"), head, now),
        size=size if isinstance(size, int) else len(head),
        flags=_as_flags(items.get(b"FLAGS")),
        head=head,
    )


def _received_at(internaldate: object, head: bytes, now: Now) -> datetime:
    """INTERNALDATE; if the server's can't be read, the newest Received header; else now."""
    if isinstance(internaldate, datetime):
        with suppress(ArithmeticError, ValueError):
            aware = internaldate if internaldate.tzinfo else internaldate.replace(tzinfo=UTC)
            return aware.astimezone(UTC)
    return newest_received_at(parse_message(head)) or now()


def fetch_flags(client: IMAPClient, uids: Sequence[int], changed_since: int | None = None) -> dict[int, frozenset[str]]:
    """Flags of these UIDs; expunged ones are missing, and those unchanged since a modseq (RFC 7162 §3.1.4.1)."""
    found: dict[int, frozenset[str]] = {}
    for start in range(0, len(uids), FLAGS_AT_ONCE):
        wanted = uids[start : start + FLAGS_AT_ONCE]
        told = _fetch_flags_of(client, wanted, changed_since)
        found |= {uid: told[uid] for uid in wanted if uid in told}
    return found


def _fetch_flags_of(client: IMAPClient, uids: Sequence[int], changed_since: int | None) -> Mapping[int, frozenset[str]]:
    """A server that tells a modseq, and refuses to be asked by it, is asked for everything: more isn't wrong."""
    if changed_since is None:
        return _ask_flags(client, uids)
    try:
        return _ask_flags(client, uids, f"(CHANGEDSINCE {changed_since})")
    except IMAPClientError as error:
        if is_lost(error) or is_temporary(str(error)):
            raise
        _forget_responses(client)
        return _ask_flags(client, uids)


def _ask_flags(client: IMAPClient, uids: Sequence[int], modifier: str | None = None) -> dict[int, frozenset[str]]:
    """The flags that come, by UID. Servers volunteer those of other messages, too, and may leave out their UIDs
    (RFC 3501 §7.4.2): IMAPClient would take their sequence numbers for UIDs, and one message's flags for another's.
    """
    answers = _ask(client, ",".join(map(str, uids)), "(FLAGS)", modifier)
    return {int(items[b"UID"]): _as_flags(items[b"FLAGS"]) for items in answers if {b"UID", b"FLAGS"} <= items.keys()}


def _ask(client: IMAPClient, messages: str, items: str, modifier: str | None = None) -> Iterator[Items]:
    """UID FETCH of what fits a line; each response by itself."""
    tag = client._imap._command("UID", "FETCH", messages, items, modifier)
    kind, answer = client._imap._command_complete("FETCH", tag)
    client._checkok("fetch", kind, answer)
    for line in client._imap._untagged_response(kind, answer, "FETCH")[1]:
        if isinstance(line, bytes) and line[:1].isdigit():  # else none at all, or a piece of what nobody asked for
            yield from parse_fetch_response([line], uid_is_key=False).values()


def _as_flags(value: object) -> frozenset[str]:
    if not isinstance(value, tuple):
        return frozenset()
    return frozenset(as_texts(value))


def as_texts(values: Iterable[object]) -> Iterable[str]:
    """Flags and the like, as IMAPClient gives them."""
    for value in values:  # a keyword that is a number comes as an int
        yield value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
