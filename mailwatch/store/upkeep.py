"""The tables beside mail and requests: who is away, what is blocked or stopped, who works, what was done and is wrong.

Their names are imported from `schema`, where the rest stands.
"""

from sqlalchemy import CheckConstraint, Column, Date, Index, Integer, Table
from sqlalchemy import UniqueConstraint as Unique

from mailwatch.store.columns import BY_KEY, instant, key_column, metadata, only_where, row_id, text_column
from mailwatch.store.types import Json

absences = Table(
    "absence",
    metadata,
    row_id(),
    text_column("source", "Who tells of it: configuration, command, import, or a calendar's name"),
    key_column("uid", "What the source calls it: a refresh finds it again"),
    text_column("who", "Lower-case e-mail of the person, or address of the mailbox"),
    Column("away_from", Date, nullable=False, comment="First day away, local"),
    Column("returns_on", Date, nullable=True, comment="First day back, local; nothing while it is unknown"),
    text_column("delegate", "E-mail of the person who covers, or empty"),
    text_column("audience", "Who is told: all, internal, external"),
    Column("text", Json, nullable=False, comment="The organisation's own sentence, by language"),
    text_column("note", "What the person leaves for whoever covers, or empty"),
    text_column("by", "Who wrote it: mailwatch, or a person"),
    instant("recorded_at", "When it was first written here"),
    instant("changed_at", "When it was last written here"),
    instant("cancelled_at", "When it was taken back before it began", nullable=True),
    CheckConstraint("returns_on IS NULL OR returns_on > away_from", name="returns_on"),
    CheckConstraint("audience IN ('all', 'internal', 'external')", name="audience"),
    Unique("source", "uid"),
    comment="A person or a mailbox away; kept when it is over: what was due by it stays explainable",
)
Index("ix_absence_returns_on", absences.c.returns_on)

absence_sources = Table(
    "absence_source",
    metadata,
    text_column("name", "Name of the calendar", primary_key=True),
    text_column("validators", "What its server wants to be asked with: ETag, Last-Modified; as JSON"),
    instant("checked_at", "When it was last asked"),
    instant("read_at", "When it was last read", nullable=True),
    text_column("trouble", "Why it can't be read since then, for a person", nullable=True),
    instant("trouble_since", "Since when it can't be read", nullable=True),
    CheckConstraint("(trouble IS NULL) = (trouble_since IS NULL)", name="trouble"),
    comment="A calendar that tells of absences",
)

blocks = Table(
    "block",
    metadata,
    key_column("address", "Lower-case address that gets no automatic mail", primary_key=True),
    instant("until", "Until when"),
    text_column("why", "Why"),
    instant("blocked_at", "Since when"),
    comment="An address that our mail can't reach",
)

switches = Table(
    "switch",
    metadata,
    text_column("name", "sending, breaker, or account:<name>", primary_key=True),
    instant("since", "Since when it has been off"),
    text_column("by", "Who put it off: mailwatch or a person"),
    text_column("why", "Why"),
    comment="A row here stops something; no row, and it goes on",
)

workers = Table(
    "worker",
    metadata,
    text_column("name", "Host, process and start", primary_key=True),
    instant("started_at", "First beat"),
    instant("beat_at", "Last beat"),
    Column("facts", Json, nullable=False, comment="What it says of itself"),
    comment="A running mailwatch",
)

leases = Table(
    "lease",
    metadata,
    text_column("mailbox", "Address of the mailbox", primary_key=True),
    text_column("worker", "The worker that holds it, if any does", nullable=True),
    instant("until", "How long, by the database's own clock", nullable=True),
    Column("fence", Integer, nullable=False, comment="How often it was claimed: it changed hands since"),
    CheckConstraint("(worker IS NULL) = (until IS NULL)", name="until"),
    comment="Which worker holds a mailbox: shares out work, and nothing rests on it",
    **BY_KEY,
)

acts = Table(
    "act",
    metadata,
    text_column("act", "digest <recipient>, …", primary_key=True),
    text_column("period", "The local business date, …", primary_key=True),
    instant("done_at", "When"),
    comment="A periodic act, done: once for each period",
    **BY_KEY,
)

incidents = Table(
    "incident",
    metadata,
    row_id(),
    text_column("kind", "What is wrong, in a few fixed words"),
    text_column("about", "What it is about: a mailbox, an account, or empty"),
    instant("since", "Since when it was wrong"),
    instant("opened_at", "When it was found, and told"),
    instant("closed_at", "When it was over, and told", nullable=True),
    Column("data", Json, nullable=False, comment="Counts, codes, references; no sender, no subject"),
    comment="Something wrong with mailwatch itself, told once when it begins and once when it is over",
)
Index("uq_incident_open", incidents.c.kind, incidents.c.about, unique=True, **only_where("closed_at IS NULL"))
