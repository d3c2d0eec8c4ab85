"""The tables. What docs/invariants.md promises is a constraint here wherever a database can hold it.

Tables are singular, as in the glossary; here in Python they are plural.
`_at` is an instant in UTC. Every table and column says in plain words what it is.
"""

from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

from mailwatch.store.types import CleanText, Id, Json, KeyText, UTCDateTime

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# Entries that may still be submitted. The very text of the partial index: only so do both databases use it.
LIVE = "state IN ('pending', 'claimed', 'deferred')"
LEFT_ELSEWHERE = "suppressed_by = 'elsewhere' AND state = 'open'"

# Tables that are their own index on SQLite: what they hold is found by its key alone.
BY_KEY: dict[str, Any] = {"sqlite_with_rowid": False}

UINT32 = "BETWEEN 0 AND 4294967295"  # UIDs and UIDVALIDITY, RFC 3501 §2.3.1.1


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, comment="Number of the row")


def _to(table: str, comment: str, **options: Any) -> Column[int]:  # options of Column
    options.setdefault("nullable", False)
    return Column(f"{table}_id", Id, ForeignKey(f"{table}.id"), comment=comment, **options)


def _text(name: str, comment: str, **options: Any) -> Column[str]:  # options of Column
    options.setdefault("nullable", False)
    return Column(name, CleanText, comment=comment, **options)


def _key(name: str, comment: str, **options: Any) -> Column[str]:  # options of Column
    """A text from outside by which rows are looked up."""
    return Column(name, KeyText, nullable=False, comment=comment, **options)


def _at(name: str, comment: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, UTCDateTime, nullable=nullable, comment=comment)


def _only_where(condition: str) -> dict[str, Any]:
    """The options that make an index partial on both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


installation = Table(
    "installation",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False, comment="Always 1"),
    Column("key", LargeBinary, nullable=False, comment="32 secret random bytes: Message-IDs and references follow"),
    _at("created_at", "When this database was first used"),
    _at("resumed_at", "When sending was last let go on: the breaker counts from there", nullable=True),
    CheckConstraint("id = 1", name="only_one"),
    comment="This installation: exactly one row",
)

mailboxes = Table(
    "mailbox",
    metadata,
    _id(),
    _text("address", "Lower-case address", unique=True),
    _at("enabled_at", "First successful sight; what arrived before is never acknowledged", nullable=True),
    _at("progress_at", "Last time it was looked at successfully", nullable=True),
    _text("trouble_code", "What is wrong since then, in one word", nullable=True),
    _text("trouble_text", "What is wrong, for a person", nullable=True),
    _at("trouble_since", "Since when it has been in trouble", nullable=True),
    Column("gaps", Integer, nullable=False, server_default=text("0"), comment="Messages that looks missed at first"),
    CheckConstraint("(trouble_code IS NULL) = (trouble_since IS NULL)", name="trouble"),
    comment="A watched mailbox",
)

cursors = Table(
    "cursor",
    metadata,
    _to("mailbox", "Whose folder it is", primary_key=True),
    _text("folder", "Name of the folder", primary_key=True),
    Column("uidvalidity", Id, primary_key=True, autoincrement=False, comment="UIDVALIDITY that the UIDs belong to"),
    Column("last_uid", Id, nullable=False, comment="Everything up to here is recorded; never moves back"),
    Column("started_uid", Id, nullable=False, comment="Where it began: what lies at or below was there before us"),
    Column("is_current", Boolean, nullable=False, comment="Whether the folder still has this UIDVALIDITY"),
    _at("moved_at", "Last good look"),
    CheckConstraint(f"uidvalidity {UINT32}", name="uidvalidity"),
    CheckConstraint(f"last_uid {UINT32}", name="last_uid"),
    CheckConstraint("started_uid >= 0 AND started_uid <= last_uid", name="started_uid"),
    comment="How far a folder has been read, per UIDVALIDITY",
    **BY_KEY,
)
Index(
    "uq_cursor_current",
    cursors.c.mailbox_id,
    cursors.c.folder,
    unique=True,
    **_only_where("is_current"),
)

messages = Table(
    "message",
    metadata,
    _id(),
    _to("mailbox", "Where it was received"),
    Column("identity", String(64), nullable=False, comment="sha256 of what is the same in every copy"),
    _key("message_id", "Message-ID with its brackets, or empty", index=True),
    _text("sender", "Lower-case From address, or empty"),
    _text("subject", "Decoded subject"),
    _at("received_at", "INTERNALDATE, or the newest Received header where that is not to be trusted"),
    _at("recorded_at", "When it was written here"),
    Column("size", Id, nullable=False, comment="Octets, as the server says"),
    _text("kind", "What it is: request, follow_up, bounce, …"),
    _text("reason", "The rule that decided the kind, or person"),
    _text("suppressed_by", "The first rule that forbade an acknowledgement, if any", nullable=True),
    Column("hits", Json, nullable=False, comment="Every rule that hit: [[rule, what it saw], …]"),
    _text("language", "fr, en, or nothing when unsure", nullable=True),
    UniqueConstraint("mailbox_id", "identity"),
    comment="A received message: once per mailbox, however many copies; no body",
)

sightings = Table(
    "sighting",
    metadata,
    _to("mailbox", "Whose folder it is", primary_key=True),
    _text("folder", "Name of the folder", primary_key=True),
    Column("uidvalidity", Id, primary_key=True, autoincrement=False, comment="UIDVALIDITY that the UID belongs to"),
    Column("uid", Id, primary_key=True, autoincrement=False, comment="UID"),
    _to("message", "The message seen there", nullable=True, index=True),
    _text("quarantined", "Why it could not be fetched or read; a person must look", nullable=True),
    _at("recorded_at", "When it was written here"),
    CheckConstraint("(message_id IS NULL) <> (quarantined IS NULL)", name="either"),
    CheckConstraint(f"uidvalidity {UINT32}", name="uidvalidity"),
    CheckConstraint(f"uid {UINT32}", name="uid"),
    comment="Where a message was seen; each place at most once",
    **BY_KEY,
)
Index("ix_sighting_quarantined", sightings.c.mailbox_id, **_only_where("quarantined IS NOT NULL"))

calendars = Table(
    "calendar",
    metadata,
    Column("digest", String(64), primary_key=True, comment="sha256 of the definition and its holidays"),
    Column("definition", Json, nullable=False, comment="What rebuilds the calendar"),
    _at("first_used_at", "When a request was first due by it"),
    comment="A version of a service calendar: due instants stay explainable",
)

requests = Table(
    "request",
    metadata,
    _id(),
    _text("reference", "What people quote: MW-7F3K9Q", unique=True),
    _to("mailbox", "Where it was received"),
    _to("message", "The message that opened it", unique=True),
    _key("requester", "Lower-case address of who asked, or empty"),
    _text("recipient", "Where its acknowledgement goes, or empty"),
    _text("owner", "E-mail of the staff member answerable for it, or empty"),
    _text("language", "fr, en, or nothing when unsure", nullable=True),
    _key("subject_key", "Subject as threads compare it"),
    _key("thread_index", "Root of its Thread-Index as hex, or empty"),
    _text("state", "open, acknowledged, answered, closed, set aside: what its events come to"),
    Column("event_count", Integer, nullable=False, comment="How many events it has; the last one's number"),
    _text("suppressed_by", "The rule that withheld the acknowledgement, if any", nullable=True),
    _at("received_at", "When it was received: both clocks start here"),
    _at("clock_started_at", "When the answer's clock last (re)started"),
    _at("acknowledgement_due_at", "Last instant at which an acknowledgement still meets the standard"),
    _at("answer_due_at", "Last instant at which an answer still meets the standard"),
    _at("acknowledged_at", "When the acknowledgement was accepted by SMTP", nullable=True),
    _at("settled_at", "When it was answered or closed", nullable=True),
    Column(
        "calendar_digest", String(64), ForeignKey("calendar.digest"), nullable=False, comment="Version it is due by"
    ),
    Column("standard", Json, nullable=False, comment="The limits promised: {acknowledge_within, answer_within}"),
    CheckConstraint("state IN ('open', 'acknowledged', 'answered', 'closed', 'set aside')", name="state"),
    CheckConstraint("(state IN ('answered', 'closed')) = (settled_at IS NOT NULL)", name="settled_at"),
    CheckConstraint("state <> 'acknowledged' OR acknowledged_at IS NOT NULL", name="acknowledged_at"),
    CheckConstraint("event_count >= 1", name="event_count"),
    CheckConstraint("acknowledgement_due_at >= received_at", name="acknowledgement_due_at"),
    CheckConstraint("answer_due_at >= received_at", name="answer_due_at"),
    CheckConstraint("clock_started_at >= received_at", name="clock_started_at"),
    comment="What someone asked of us",
)
Index("ix_request_thread_index", requests.c.mailbox_id, requests.c.thread_index, **_only_where("thread_index <> ''"))
Index("ix_request_subject", requests.c.mailbox_id, requests.c.requester, requests.c.subject_key)
Index("ix_request_received_at", requests.c.received_at)
Index("ix_request_state", requests.c.state, requests.c.received_at)
Index("ix_request_left_elsewhere", requests.c.received_at, **_only_where(LEFT_ELSEWHERE))

events = Table(
    "event",
    metadata,
    _to("request", "Whose history it belongs to", primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False, comment="Its place in the history, from 1"),
    _text("kind", "What happened: opened, acknowledged, answered, …"),
    _at("at", "When"),
    _text("by", "mailwatch, or the e-mail of the person who did it"),
    _to("message", "The message that brought it about, if one did", nullable=True),
    Column("data", Json, nullable=False, comment="Why, and with what; no sender, no subject"),
    CheckConstraint("n >= 1", name="n"),
    comment="One line of a request's history; never changed, never removed",
    **BY_KEY,
)

references = Table(
    "reference",
    metadata,
    _to("mailbox", "Where the request is", primary_key=True),
    _key("message_id", "A Message-ID that a reply may refer to", primary_key=True),
    _to("request", "The request it then belongs to", primary_key=True, index=True),
    comment="Which request a Message-ID belongs to; several mailboxes may each have one",
    **BY_KEY,
)

outbox = Table(
    "outbox",
    metadata,
    _id(),
    _text("unique_key", "ack:<identity>: what makes sending once true", unique=True),
    _text("kind", "acknowledgement"),
    _to("mailbox", "Which mailbox it is sent for"),
    _to("request", "The request it is about, if any", nullable=True, index=True),
    Column("caused_by", String(64), unique=True, comment="Identity of its cause: one automatic message, ever"),
    _key("message_id", "Our Message-ID", unique=True),
    _text("reverse_path", "SMTP MAIL FROM; empty is the null reverse-path"),
    _key("recipient", "SMTP RCPT TO"),
    _text("subject_key", "Subject of the request as threads compare it, for the limits"),
    Column("body", LargeBinary, nullable=False, comment="The bytes submitted; the same at every attempt"),
    _text("state", "pending, claimed, sent, deferred, failed, uncertain, cancelled"),
    _text("reason", "Why it is in that state; empty until there is a reason"),
    _at("enqueued_at", "When it was written here"),
    _at("not_before", "Earliest instant of the next attempt"),
    _at("give_up_at", "After this it is not tried again"),
    Column("attempts", Integer, nullable=False, server_default=text("0"), comment="How often it was claimed"),
    Column("doubts", Integer, nullable=False, server_default=text("0"), comment="How often its outcome stayed unknown"),
    _text("claimed_by", "The worker that has it", nullable=True),
    _at("claimed_until", "How long that worker has it", nullable=True),
    _at("settled_at", "When it came to its end", nullable=True),
    CheckConstraint(
        "state IN ('pending', 'claimed', 'sent', 'deferred', 'failed', 'uncertain', 'cancelled')", name="state"
    ),
    CheckConstraint("(state = 'claimed') = (claimed_by IS NOT NULL)", name="claimed_by"),
    CheckConstraint("(state = 'claimed') = (claimed_until IS NOT NULL)", name="claimed_until"),
    CheckConstraint(
        "(state IN ('sent', 'failed', 'uncertain', 'cancelled')) = (settled_at IS NOT NULL)", name="settled_at"
    ),
    CheckConstraint("attempts >= 0 AND doubts >= 0", name="counts"),
    CheckConstraint(
        "kind <> 'acknowledgement' OR (request_id IS NOT NULL AND caused_by IS NOT NULL)", name="acknowledgement"
    ),
    comment="What is to be sent, written together with what it is about",
)
Index("ix_outbox_live", outbox.c.not_before, **_only_where(LIVE))
Index("ix_outbox_recipient", outbox.c.recipient, outbox.c.enqueued_at)
Index("ix_outbox_enqueued_at", outbox.c.enqueued_at)

blocks = Table(
    "block",
    metadata,
    _key("address", "Lower-case address that gets no automatic mail", primary_key=True),
    _at("until", "Until when"),
    _text("why", "Why"),
    _at("blocked_at", "Since when"),
    comment="An address that our mail can't reach",
)

switches = Table(
    "switch",
    metadata,
    _text("name", "sending, breaker, or account:<name>", primary_key=True),
    _at("since", "Since when it has been off"),
    _text("by", "Who put it off: mailwatch or a person"),
    _text("why", "Why"),
    comment="A row here stops something; no row, and it goes on",
)

workers = Table(
    "worker",
    metadata,
    _text("name", "Host, process and start", primary_key=True),
    _at("started_at", "First beat"),
    _at("beat_at", "Last beat"),
    Column("facts", Json, nullable=False, comment="What it says of itself"),
    comment="A running mailwatch",
)
