"""What `check` asks of an account: its folders, its abilities, and a proof that looking changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError

from mailwatch.imap.failures import is_lost
from mailwatch.imap.folders import as_text, without_inbox
from mailwatch.imap.session import ImapSession

SAMPLE = 20  # messages whose flags are compared

# RFC 6154 §2. Servers write them in any case.
_USES = {use.lower(): use for use in ("\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder of an account. Numbers are None where unknown.

    plain_name   its name as mail programs show it, without the "INBOX." that some servers put before all of them
    special_use  "\\\\Sent", "\\\\Junk" …, or ""
    """

    name: str
    plain_name: str
    special_use: str
    messages: int | None
    uidnext: int | None
    uidvalidity: int | None


async def list_folders(session: ImapSession) -> Sequence[Folder]:
    """All folders that can be opened, with what STATUS says of them. Raises MailboxUnavailable."""
    await session.done()
    return await session.call(_list_folders)


async def list_capabilities(session: ImapSession) -> frozenset[str]:
    """What the server can do, in capitals. Raises MailboxUnavailable."""
    await session.done()
    return await session.call(lambda client: frozenset(one.decode("ascii", "replace") for one in client.capabilities()))


async def find_changed(session: ImapSession, folder: str) -> frozenset[int]:
    """UIDs of recent messages whose flags differ after we have read them: some servers set \\Seen even on PEEK.

    Unread messages are preferred: only they can show it. A person who reads one within the same second is taken for us,
    so a finding is looked at twice: only what changes in two samples counts.
    """
    if not await _compare(session, folder):
        return frozenset()
    return await _compare(session, folder)


async def _compare(session: ImapSession, folder: str) -> frozenset[int]:
    before = await _sample(session, folder)
    await session.fetch(sorted(before))
    await session.examine(folder)
    after = await session.fetch_flags(sorted(before))
    return frozenset(uid for uid, flags in after.items() if _lasting(flags) != _lasting(before[uid]))


async def _sample(session: ImapSession, folder: str) -> Mapping[int, frozenset[str]]:
    await session.done()
    state = await session.examine(folder)
    uids = await session.list_uids(max(state.uidnext - 1 - 10 * SAMPLE, 0))
    flags = await session.fetch_flags(uids)
    unread = [uid for uid in uids if uid in flags and "\\Seen" not in flags[uid]]
    read = [uid for uid in uids if uid in flags and "\\Seen" in flags[uid]]
    return {uid: flags[uid] for uid in (read + unread)[-SAMPLE:]}


def _lasting(flags: frozenset[str]) -> frozenset[str]:
    """Without \\Recent, which is the server's own and goes by session (RFC 3501 §2.3.2)."""
    return flags - {"\\Recent"}


def _list_folders(client: IMAPClient) -> list[Folder]:
    found = []
    for flags, delimiter, name in client.list_folders():
        names = [flag.decode("ascii", "replace").lower() for flag in flags]
        if "\\noselect" in names or "\\nonexistent" in names:
            continue
        use = next((_USES[one] for one in names if one in _USES), "")
        status = _find_status(client, name)
        found.append(
            Folder(
                name=name,
                plain_name=without_inbox(name, as_text(delimiter)),
                special_use=use,
                messages=status.get(b"MESSAGES"),
                uidnext=status.get(b"UIDNEXT"),
                uidvalidity=status.get(b"UIDVALIDITY"),
            )
        )
    return found


def _find_status(client: IMAPClient, name: str) -> Mapping[bytes, Any]:
    """STATUS of a folder; nothing if the server refuses it for this one."""
    try:
        status: Mapping[bytes, Any] = client.folder_status(name, ["MESSAGES", "UIDNEXT", "UIDVALIDITY"])
    except IMAPClientError as error:
        if is_lost(error):
            raise
        return {}
    return status
