"""What services need of the world, as Protocols. Adapters fulfil them; `app.py` introduces the two.

Errors: TransientError and PermanentError of `errors.py`, nothing else, cross these lines.
"""

from mailwatch.ports.alerting import Alerting
from mailwatch.ports.clock import Clock
from mailwatch.ports.database import Store, Transaction
from mailwatch.ports.dispatching import Dispatching
from mailwatch.ports.escalating import Escalating
from mailwatch.ports.leasing import Leasing, Presence, Workers
from mailwatch.ports.mailboxes import FetchedMessage, FolderState, Mailboxes, MessageSource
from mailwatch.ports.observing import Fact, Flagged, Matches, Observing
from mailwatch.ports.receiving import Receiving
from mailwatch.ports.records import TOLD, NewRecord, NewRequest, Past, SentNote, Told, Traces, Waiting
from mailwatch.ports.sending import Mailer, Renderer

__all__ = [
    "TOLD",
    "Alerting",
    "Clock",
    "Dispatching",
    "Escalating",
    "Fact",
    "FetchedMessage",
    "Flagged",
    "FolderState",
    "Leasing",
    "Mailboxes",
    "Mailer",
    "Matches",
    "MessageSource",
    "NewRecord",
    "NewRequest",
    "Observing",
    "Past",
    "Presence",
    "Receiving",
    "Renderer",
    "SentNote",
    "Store",
    "Told",
    "Traces",
    "Transaction",
    "Waiting",
    "Workers",
]
