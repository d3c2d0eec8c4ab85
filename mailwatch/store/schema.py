"""The tables. What docs/invariants.md promises is a constraint here wherever a database can hold it.

Tables are singular, as in the glossary; here in Python they are plural.
`_at` is an instant in UTC. Every table and column says in plain words what it is.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    text,
)
from sqlalchemy import UniqueConstraint as Unique

from mailwatch.store.columns import (
    BY_KEY,
    UINT32,
    instant,
    key_column,
    only_where,
    row_id,
    row_of,
    text_column,
)
from mailwatch.store.columns import metadata as metadata  # what the tables make up: for migrations and checks
from mailwatch.store.types import Id, Json
from mailwatch.store.upkeep import absence_sources as absence_sources
from mailwatch.store.upkeep import absences as absences
from mailwatch.store.upkeep import acts as acts
from mailwatch.store.upkeep import blocks as blocks
from mailwatch.store.upkeep import incidents as incidents
from mailwatch.store.upkeep import leases as leases
from mailwatch.store.upkeep import switches as switches
from mailwatch.store.upkeep import workers as workers

# Entries that may still be submitted. The very text of the partial index: only so do both databases use it.
LIVE = "state IN ('pending', 'claimed', 'deferred')"
UNSETTLED = "state IN ('open', 'acknowledged')"  # the same for requests whose clock runs
SILENT = "kind IN ('automatic', 'bulk', 'copy', 'spam', 'undisclosed')"  # ... and for the silent register
TELLING = "absence_id IS NOT NULL"  # ... and for the ledger of who was told of which absence
KEYED = "kind <> 'acknowledgement'"  # ... and for entries that aren't unique by their cause already
LEFT_ELSEWHERE = "suppressed_by = 'elsewhere' AND state = 'open'"

installation = Table(
    "installation",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False, comment="Always 1"),
    Column("key", LargeBinary, nullable=False, comment="32 secret random bytes: Message-IDs and references follow"),
    instant("created_at", "When this database was first used"),
    instant("resumed_at", "When sending was last let go on: the breaker counts from there", nullable=True),
    CheckConstraint("id = 1", name="only_one"),
    comment="This installation: exactly one row",
)

mailboxes = Table(
    "mailbox",
    metadata,
    row_id(),
    text_column("address", "Lower-case address", unique=True),
    instant("enabled_at", "First successful sight; what arrived before is never acknowledged", nullable=True),
    instant("progress_at", "Last time it was looked at successfully", nullable=True),
    text_column("trouble_code", "What is wrong since then, in one word", nullable=True),
    text_column("trouble_text", "What is wrong, for a person", nullable=True),
    instant("trouble_since", "Since when it has been in trouble", nullable=True),
    Column("gaps", Integer, nullable=False, server_default=text("0"), comment="Messages that looks missed at first"),
    instant("answer_seen_at", "When an answer was last seen here, by whatever evidence", nullable=True),
    CheckConstraint("(trouble_code IS NULL) = (trouble_since IS NULL)", name="trouble"),
    comment="A watched mailbox",
)

cursors = Table(
    "cursor",
    metadata,
    row_of("mailbox", "Whose folder it is", primary_key=True),
    text_column("folder", "Name of the folder", primary_key=True),
    Column("uidvalidity", Id, primary_key=True, autoincrement=False, comment="UIDVALIDITY that the UIDs belong to"),
    Column("last_uid", Id, nullable=False, comment="Everything up to here is recorded; never moves back"),
    Column("started_uid", Id, nullable=False, comment="Where it began: what lies at or below was there before us"),
    Column("is_current", Boolean, nullable=False, comment="Whether the folder still has this UIDVALIDITY"),
    instant("moved_at", "Last good look"),
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
    **only_where("is_current"),
)

messages = Table(
    "message",
    metadata,
    row_id(),
    row_of("mailbox", "Where it was received"),
    Column("identity", String(64), nullable=False, comment="sha256 of what is the same in every copy"),
    key_column("message_id", "Message-ID with its brackets, or empty", index=True),
    text_column("sender", "Lower-case From address, or empty"),
    text_column("subject", "Decoded subject"),
    instant("received_at", "INTERNALDATE, or the newest Received header where that is not to be trusted"),
    instant("recorded_at", "When it was written here"),
    Column("size", Id, nullable=False, comment="Octets, as the server says"),
    text_column("kind", "What it is: request, follow_up, bounce, …"),
    text_column("reason", "The rule that decided the kind, or person"),
    text_column("suppressed_by", "The first rule that forbade an acknowledgement, if any", nullable=True),
    Column("hits", Json, nullable=False, comment="Every rule that hit: [[rule, what it saw], …]"),
    text_column("language", "fr, en, or nothing when unsure", nullable=True),
    text_column("notice", "Nobody was away: nothing; told, or why its sender wasn't told", nullable=True),
    Unique("mailbox_id", "identity"),
    comment="A received message: once per mailbox, however many copies; no body",
)
Index("ix_message_silent", messages.c.received_at, **only_where(SILENT))

sightings = Table(
    "sighting",
    metadata,
    row_of("mailbox", "Whose folder it is", primary_key=True),
    text_column("folder", "Name of the folder", primary_key=True),
    Column("uidvalidity", Id, primary_key=True, autoincrement=False, comment="UIDVALIDITY that the UID belongs to"),
    Column("uid", Id, primary_key=True, autoincrement=False, comment="UID"),
    row_of("message", "The message seen there", nullable=True, index=True),
    text_column("quarantined", "Why it could not be fetched or read; a person must look", nullable=True),
    instant("recorded_at", "When it was written here"),
    CheckConstraint("(message_id IS NULL) <> (quarantined IS NULL)", name="either"),
    CheckConstraint(f"uidvalidity {UINT32}", name="uidvalidity"),
    CheckConstraint(f"uid {UINT32}", name="uid"),
    comment="Where a message was seen; each place at most once",
    **BY_KEY,
)
Index("ix_sighting_quarantined", sightings.c.mailbox_id, **only_where("quarantined IS NOT NULL"))

calendars = Table(
    "calendar",
    metadata,
    Column("digest", String(64), primary_key=True, comment="sha256 of the definition and its holidays"),
    Column("definition", Json, nullable=False, comment="What rebuilds the calendar"),
    instant("first_used_at", "When a request was first due by it"),
    comment="A version of a service calendar: due instants stay explainable",
)

requests = Table(
    "request",
    metadata,
    row_id(),
    text_column("reference", "What people quote: MW-7F3K9Q", unique=True),
    row_of("mailbox", "Where it was received"),
    row_of("message", "The message that opened it", unique=True),
    key_column("requester", "Lower-case address of who asked, or empty"),
    text_column("recipient", "Where its acknowledgement goes, or empty"),
    text_column("owner", "E-mail of the staff member answerable for it, or empty"),
    text_column("language", "fr, en, or nothing when unsure", nullable=True),
    key_column("subject_key", "Subject as threads compare it"),
    key_column("thread_index", "Root of its Thread-Index as hex, or empty"),
    text_column("state", "open, acknowledged, answered, closed, set aside: what its events come to"),
    Column("event_count", Integer, nullable=False, comment="How many events it has; the last one's number"),
    text_column("suppressed_by", "The rule that withheld the acknowledgement, if any", nullable=True),
    instant("received_at", "When it was received: both clocks start here"),
    instant("clock_started_at", "When the answer's clock last (re)started"),
    instant("acknowledgement_due_at", "Last instant at which an acknowledgement still meets the standard"),
    instant("answer_due_at", "Last instant at which an answer still meets the standard"),
    instant("acknowledged_at", "When the acknowledgement was accepted by SMTP", nullable=True),
    instant("announced_due_at", "The answer's due instant that its acknowledgement announced", nullable=True),
    instant("answered_at", "When the first answer was written", nullable=True),
    instant("settled_at", "When it was answered, closed or set aside, unless its clock runs", nullable=True),
    Column(
        "calendar_digest", String(64), ForeignKey("calendar.digest"), nullable=False, comment="Version it is due by"
    ),
    Column("standard", Json, nullable=False, comment="The limits promised: {acknowledge_within, answer_within}"),
    CheckConstraint("state IN ('open', 'acknowledged', 'answered', 'closed', 'set aside')", name="state"),
    CheckConstraint("(state IN ('answered', 'closed', 'set aside')) = (settled_at IS NOT NULL)", name="settled_at"),
    CheckConstraint("state <> 'acknowledged' OR acknowledged_at IS NOT NULL", name="acknowledged_at"),
    CheckConstraint("event_count >= 1", name="event_count"),
    CheckConstraint("acknowledgement_due_at >= received_at", name="acknowledgement_due_at"),
    CheckConstraint("answer_due_at >= received_at", name="answer_due_at"),
    CheckConstraint("clock_started_at >= received_at", name="clock_started_at"),
    comment="What someone asked of us",
)
Index("ix_request_thread_index", requests.c.mailbox_id, requests.c.thread_index, **only_where("thread_index <> ''"))
Index("ix_request_subject", requests.c.mailbox_id, requests.c.requester, requests.c.subject_key)
Index("ix_request_received_at", requests.c.received_at, requests.c.mailbox_id, requests.c.owner)
Index("ix_request_state", requests.c.state, requests.c.received_at)
Index("ix_request_unsettled", requests.c.answer_due_at, **only_where(UNSETTLED))
Index("ix_request_left_elsewhere", requests.c.received_at, **only_where(LEFT_ELSEWHERE))

events = Table(
    "event",
    metadata,
    row_of("request", "Whose history it belongs to", primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False, comment="Its place in the history, from 1"),
    text_column("kind", "What happened: opened, acknowledged, answered, …"),
    instant("at", "When it was written here"),
    instant("occurred_at", "When it happened in the world: received, answered, decided"),
    text_column("by", "mailwatch, or the person who did it"),
    row_of("message", "The message that brought it about, if one did", nullable=True),
    Column("data", Json, nullable=False, comment="Why, and with what; no sender, no subject"),
    CheckConstraint("n >= 1", name="n"),
    comment="One line of a request's history; never changed, never removed",
    **BY_KEY,
)

earlier_clocks = Table(
    "earlier_clock",
    metadata,
    row_of("request", "Whose clock it was", primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False, comment="Its place among the runs, from 1"),
    instant("started_at", "When it started: the earliest message then unanswered"),
    instant("due_at", "Last instant at which an answer still met the standard"),
    instant("stopped_at", "When it stopped"),
    text_column("stopped_by", "answered, closed or set aside"),
    CheckConstraint("stopped_at >= started_at", name="stopped_at"),
    comment="A clock that ran before the request's current one; follows from its events",
    **BY_KEY,
)

references = Table(
    "reference",
    metadata,
    row_of("mailbox", "Where the request is", primary_key=True),
    key_column("message_id", "A Message-ID that a reply may refer to", primary_key=True),
    row_of("request", "The request it then belongs to", primary_key=True, index=True),
    comment="Which request a Message-ID belongs to; several mailboxes may each have one",
    **BY_KEY,
)

outbox = Table(
    "outbox",
    metadata,
    row_id(),
    text_column("unique_key", "ack:<identity>: what makes sending once true"),
    text_column("kind", "acknowledgement, notice, note, digest, alert"),
    row_of("mailbox", "Which mailbox it is sent for; none for digests, notes and alerts", nullable=True),
    text_column("account", "SMTP account that submits it, where it is sent for no mailbox; else empty"),
    row_of("request", "The request it is about, if any", nullable=True, index=True),
    row_of("absence", "Which absence it tells of, if any", nullable=True),
    Column("caused_by", String(64), unique=True, comment="Identity of its cause: one automatic message, ever"),
    key_column("message_id", "Our Message-ID"),
    text_column("reverse_path", "SMTP MAIL FROM; empty is the null reverse-path"),
    key_column("recipient", "SMTP RCPT TO"),
    text_column("subject_key", "Subject of the request as threads compare it, for the limits"),
    Column("body", LargeBinary, nullable=False, comment="The bytes submitted; the same at every attempt"),
    text_column("state", "pending, claimed, sent, deferred, failed, uncertain, cancelled"),
    text_column("reason", "Why it is in that state; empty until there is a reason"),
    instant("enqueued_at", "When it was written here"),
    instant("not_before", "Earliest instant of the next attempt"),
    instant("give_up_at", "After this it is not tried again"),
    Column("attempts", Integer, nullable=False, server_default=text("0"), comment="How often it was claimed"),
    Column("doubts", Integer, nullable=False, server_default=text("0"), comment="How often its outcome stayed unknown"),
    text_column("claimed_by", "The worker that has it", nullable=True),
    instant("claimed_until", "How long that worker has it", nullable=True),
    instant("settled_at", "When it came to its end", nullable=True),
    CheckConstraint(
        "state IN ('pending', 'claimed', 'sent', 'deferred', 'failed', 'uncertain', 'cancelled')", name="state"
    ),
    CheckConstraint("(state = 'claimed') = (claimed_by IS NOT NULL)", name="claimed_by"),
    CheckConstraint("(state = 'claimed') = (claimed_until IS NOT NULL)", name="claimed_until"),
    CheckConstraint(
        "(state IN ('sent', 'failed', 'uncertain', 'cancelled')) = (settled_at IS NOT NULL)", name="settled_at"
    ),
    CheckConstraint("attempts >= 0 AND doubts >= 0", name="counts"),
    CheckConstraint("(mailbox_id IS NULL) = (account <> '')", name="account"),
    CheckConstraint(
        f"{KEYED} OR (request_id IS NOT NULL AND caused_by IS NOT NULL AND unique_key = 'ack:' || caused_by)",
        name="acknowledgement",
    ),
    CheckConstraint("kind <> 'notice' OR (absence_id IS NOT NULL AND caused_by IS NOT NULL)", name="notice"),
    comment="What is to be sent, written together with what it is about",
)
Index("ix_outbox_live", outbox.c.not_before, **only_where(LIVE))
Index("ix_outbox_recipient", outbox.c.recipient, outbox.c.enqueued_at)
Index("ix_outbox_enqueued_at", outbox.c.enqueued_at)
Index("ix_outbox_told", outbox.c.recipient, outbox.c.absence_id, **only_where(TELLING))
# An acknowledgement's keys both follow from its cause, which is unique. Each index by a hashed key costs every message
# a page of its own to read and to write.
Index("uq_outbox_unique_key", outbox.c.unique_key, unique=True, **only_where(KEYED))
Index("uq_outbox_message_id", outbox.c.message_id, unique=True, **only_where(KEYED))

outgoing = Table(
    "outgoing",
    metadata,
    row_id(),
    row_of("mailbox", "In whose folders it was seen"),
    Column("identity", String(64), nullable=False, comment="sha256 of what is the same in every copy"),
    key_column("message_id", "Message-ID with its brackets, or empty"),
    text_column("writer", "Lower-case From address"),
    Column("recipients", Json, nullable=False, comment="Lower-case addresses of To, Cc and Bcc"),
    Column("clues", Json, nullable=False, comment="What it refers to, as threads need it"),
    text_column("evidence", "sent folder, or copy"),
    instant("written_at", "INTERNALDATE of the copy seen"),
    instant("recorded_at", "When it was written here"),
    Unique("mailbox_id", "identity"),
    comment="A message that staff wrote: held, since the request it answers may be seen later",
)

outgoing_keys = Table(
    "outgoing_key",
    metadata,
    row_of("outgoing", "Which message", primary_key=True),
    key_column("key", "A Message-ID or a reference that it refers to", primary_key=True, index=True),
    comment="By what an outgoing message is found",
    **BY_KEY,
)

escalations = Table(
    "escalation",
    metadata,
    row_of("request", "What was late", primary_key=True),
    text_column("level", "before 1 business day, after 0 business days, …", primary_key=True),
    instant("clock_started_at", "The run of the clock that was late", primary_key=True),
    instant("escalated_at", "When it was found to be"),
    comment="A request reached a level: once for each run of its clock",
    **BY_KEY,
)
