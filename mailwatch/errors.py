"""What can go wrong, as a tree. The docstring of a leaf is the message's beginning; facts are attributes.

MailwatchError
├── ConfigurationError        the TOML file, a secret or a template folder is wrong; lists every problem
├── TransientError            again later
│   ├── MailboxUnavailable    the IMAP server can't be reached, or ended the connection
│   ├── SieveUnavailable      the ManageSieve server can't be reached, or ended the connection
│   ├── StoreUnavailable      the database can't be reached, or is locked
│   ├── CursorMoved           another worker recorded these messages first
│   └── CalendarUnavailable   a calendar can't be fetched for now
├── PermanentError            never, until a person acts
│   ├── LoginRefused          the server refused the name or the password
│   ├── FolderMissing         the folder isn't there, or may not be read
│   ├── CertificateRejected   the server's certificate doesn't verify
│   ├── EncryptionRefused     the server offers no TLS where nothing may go in clear
│   ├── ScriptRefused         the server doesn't store, activate or delete a Sieve script
│   ├── SchemaMismatch        the database is at another revision than this program
│   │   └── SchemaOutdated    at an older one, or without tables: somebody is to upgrade it
│   └── CalendarUnreadable    a calendar isn't one, is refused by its server, or asks for too much
├── TemplateFailed            a template can't be rendered
└── NoOpenDay                 the calendar has no open day within its horizon
"""

from collections.abc import Mapping, Sequence


class MailwatchError(Exception):
    """Something mailwatch can name went wrong."""


class ConfigurationError(MailwatchError):
    """The configuration is wrong. `problems` are complete sentences, each with file and line where known."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class TransientError(MailwatchError):
    """It may work later without anybody doing anything."""


class PermanentError(MailwatchError):
    """It won't work until a person changes something."""


class MailboxUnavailable(TransientError):
    """The mailbox can't be reached for now. `back_off` is the pause in seconds the server asked for, if any."""

    def __init__(self, text: str, back_off: float | None = None) -> None:
        super().__init__(text[:500])
        self.back_off = back_off


class SieveUnavailable(TransientError):
    """The ManageSieve server can't be reached for now."""


class StoreUnavailable(TransientError):
    """The database can't be reached for now."""


class CursorMoved(TransientError):
    """Another worker moved the cursor first: what it covers is recorded already."""


class CalendarUnavailable(TransientError):
    """A calendar can't be fetched for now. `kind` and `facts` choose and fill a sentence of `mailwatch.ics.wording`."""

    def __init__(self, text: str, kind: str, facts: Mapping[str, object]) -> None:
        super().__init__(text)
        self.kind = kind
        self.facts = facts


class LoginRefused(PermanentError):
    """The server refused the user name or the password."""


class FolderMissing(PermanentError):
    """The folder isn't there, or this account may not read it."""


class CertificateRejected(PermanentError):
    """The server's certificate doesn't verify."""


class EncryptionRefused(PermanentError):
    """The server offers no TLS, and nothing was sent in clear."""


class ScriptRefused(PermanentError):
    """The server refused a script. `code` is its reason (RFC 5804 §1.3), such as QUOTA/MAXSIZE, or ""."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text[:500])
        self.code = code


class SchemaMismatch(PermanentError):
    """The database is at another revision than this program."""


class SchemaOutdated(SchemaMismatch):
    """The database is at an older revision than this program, or without tables."""


class CalendarUnreadable(PermanentError):
    """A calendar can't be used until a person changes something. `kind` and `facts` as in CalendarUnavailable."""

    def __init__(self, text: str, kind: str, facts: Mapping[str, object]) -> None:
        super().__init__(text)
        self.kind = kind
        self.facts = facts


class TemplateFailed(MailwatchError):
    """A template can't be rendered. `name` is its path below the template folder."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}")
        self.name = name


class NoOpenDay(MailwatchError):
    """The service calendar has no open day within its horizon."""
