"""What servers call folders: found though one puts them below INBOX, and Sent though nothing marks it. Blocking.

Whoever writes a configuration sees "Guichet" in a mail program; Courier, and Cyrus as it comes, call it "INBOX.Guichet"
(RFC 2342), and stop doing so when their administrator changes a setting.
"""

import unicodedata
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import suppress

from imapclient import IMAPClient

from mailwatch.errors import FolderMissing
from mailwatch.imap import commands
from mailwatch.imap.failures import FAILURES, is_lost, is_temporary
from mailwatch.ports import FolderState

MAX_SENT_FOLDERS = 5  # each is examined at every look

_UNREADABLE = frozenset({"\\noselect", "\\nonexistent"})

# What mail programs call the folder where they keep what was sent, where the server doesn't say: in lower case.
SENT_NAMES = frozenset(
    {
        "sent",
        "sent items",
        "sent messages",
        "sent mail",
        "sent-mail",
        "éléments envoyés",
        "messages envoyés",
        "courrier envoyé",
        "courriers envoyés",
        "envoyés",
    }
)


def examine(client: IMAPClient, folder: str, names: MutableMapping[str, str]) -> FolderState:
    """EXAMINE a folder, under another name where the server has it under one; `names` remembers which.

    Raises FolderMissing.
    """
    try:
        return commands.examine(client, names.get(folder, folder))
    except FolderMissing:
        for name in _list_other_names(client, folder):
            with suppress(FolderMissing):
                state = commands.examine(client, name)
                names[folder] = name
                return state
        raise


def _list_other_names(client: IMAPClient, folder: str) -> Iterator[str]:
    """The same folder where the personal namespace has a prefix, or has none (RFC 2342 §5)."""
    if folder.upper() == "INBOX" or not client.has_capability("NAMESPACE"):
        return
    for prefix, delimiter in client.namespace().personal or ():
        plain = without_inbox(folder, delimiter)
        yield from (name for name in dict.fromkeys((folder, plain, f"{prefix}{plain}")) if name != folder)


def without_inbox(name: str, delimiter: str | None) -> str:
    """A folder's name without "INBOX." before it."""
    head = f"INBOX{delimiter}"
    return name[len(head) :] if delimiter and name.upper().startswith(head) else name


def list_sent_folders(client: IMAPClient) -> list[str]:
    """Folders of use \\Sent (RFC 6154 §2); where the server marks none, those that mail programs name so."""
    found = [(_lowered(flags), delimiter, name) for flags, delimiter, name in client.list_folders()]
    readable = [folder for folder in found if _UNREADABLE.isdisjoint(folder[0])]
    sent = [name for flags, _, name in readable if "\\sent" in flags] or _list_by_use(client)
    return (sent or [name for _, delimiter, name in readable if _is_sent_name(name, delimiter)])[:MAX_SENT_FOLDERS]


def _list_by_use(client: IMAPClient) -> list[str]:
    """Some servers tell a folder's use only when asked for it (RFC 6154 §2, RFC 5258)."""
    if not client.has_capability("SPECIAL-USE"):
        return []
    try:
        kind, answer = client._imap._simple_command("LIST", '""', '"*"', "RETURN", "(SPECIAL-USE)")
        client._checkok("LIST", kind, answer)
        listed = client._proc_folder_list(client._imap._untagged_response(kind, answer, "LIST")[1])
    except FAILURES as error:
        if is_lost(error) or is_temporary(str(error)):
            raise
        return []
    return [name for flags, _, name in listed if "\\sent" in _lowered(flags)]


def _lowered(flags: Iterable[object]) -> frozenset[str]:
    return frozenset(text.lower() for text in commands.as_texts(flags))


def _is_sent_name(name: str, delimiter: bytes | None) -> bool:
    """Whether mail programs call their Sent folder so."""
    plain = without_inbox(name, as_text(delimiter))
    return unicodedata.normalize("NFC", plain).casefold() in SENT_NAMES  # some programs take accents apart


def as_text(delimiter: bytes | None) -> str | None:
    """What stands between the parts of a folder's name; None where folders hold no folders."""
    return delimiter.decode("ascii", "replace") if delimiter else None
