"""The service clock: when things happened, earlier clocks, answers seen, escalations, incidents.

What the first version had recorded is carried over: an event that a message brought about happened when that message
was received, and a request that was reopened gets the clock that had run before. Going back keeps requests and their
histories, and loses what the first version has no place for; it doesn't know every kind of event that it then finds.

Revision ID: 0002
Revises: 0001
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from alembic import op

from mailwatch.domain.calendars import from_definition
from mailwatch.domain.clocks import read_runs
from mailwatch.domain.requests import Event, EventKind
from mailwatch.domain.standards import due, parse_limit
from mailwatch.store import types

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# In the order in which they may go.
TABLES = ("incident", "act", "escalation", "outgoing_key", "outgoing", "earlier_clock")
SILENT = "kind IN ('automatic', 'bulk', 'copy', 'spam', 'undisclosed')"
UNSETTLED = "state IN ('open', 'acknowledged')"
STATES = "('answered', 'closed', 'set aside')"
MOMENT = timedelta(microseconds=1)
# Tables that are their own index on SQLite; made anew there, they would not be.
BY_KEY = {"sqlite_with_rowid": False}

REQUEST_COMMENT = "When it was answered, closed or set aside, unless its clock runs"
OCCURRED_AT = "When it happened in the world: received, answered, decided"

_request = sa.table(
    "request",
    sa.column("id", types.Id),
    sa.column("state", types.CleanText()),
    sa.column("received_at", types.UTCDateTime()),
    sa.column("clock_started_at", types.UTCDateTime()),
    sa.column("answer_due_at", types.UTCDateTime()),
    sa.column("announced_due_at", types.UTCDateTime()),
    sa.column("answered_at", types.UTCDateTime()),
    sa.column("settled_at", types.UTCDateTime()),
    sa.column("calendar_digest", sa.String()),
    sa.column("standard", types.Json),
)
_event = sa.table(
    "event",
    sa.column("request_id", types.Id),
    sa.column("n", sa.Integer()),
    sa.column("kind", types.CleanText()),
    sa.column("at", types.UTCDateTime()),
    sa.column("occurred_at", types.UTCDateTime()),
    sa.column("message_id", types.Id),
)
_message = sa.table("message", sa.column("id", types.Id), sa.column("received_at", types.UTCDateTime()))
_calendar = sa.table("calendar", sa.column("digest", sa.String()), sa.column("definition", types.Json))
_earlier_clock = sa.table(
    "earlier_clock",
    sa.column("request_id", types.Id),
    sa.column("n", sa.Integer()),
    sa.column("started_at", types.UTCDateTime()),
    sa.column("due_at", types.UTCDateTime()),
    sa.column("stopped_at", types.UTCDateTime()),
    sa.column("stopped_by", types.CleanText()),
)


def upgrade() -> None:
    _create_tables()
    op.add_column(
        "mailbox",
        sa.Column(
            "answer_seen_at",
            types.UTCDateTime(),
            nullable=True,
            comment="When an answer was last seen here, by whatever evidence",
        ),
    )
    op.create_index(
        "ix_message_silent",
        "message",
        ["received_at"],
        sqlite_where=sa.text(SILENT),
        postgresql_where=sa.text(SILENT),
    )
    _change_events()
    _change_requests()
    _change_outbox()
    _carry_over_reopened()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)  # and its indexes with it
    op.execute("DELETE FROM outbox WHERE mailbox_id IS NULL")  # digests and alerts
    op.drop_index("ix_request_unsettled", table_name="request")
    op.drop_index("ix_message_silent", table_name="message")
    with op.batch_alter_table("outbox") as outbox:
        outbox.drop_constraint(op.f("ck_outbox_account"), type_="check")
        outbox.drop_column("account")
        outbox.alter_column(
            "mailbox_id", existing_type=types.Id, nullable=False, comment="Which mailbox it is sent for"
        )
        outbox.alter_column("kind", existing_type=types.CleanText(), comment="acknowledgement")
    with op.batch_alter_table("request") as request:
        request.drop_constraint(op.f("ck_request_settled_at"), type_="check")
    op.execute("UPDATE request SET settled_at = NULL WHERE state = 'set aside'")
    with op.batch_alter_table("request") as request:
        request.create_check_constraint(
            op.f("ck_request_settled_at"), "(state IN ('answered', 'closed')) = (settled_at IS NOT NULL)"
        )
        request.drop_column("announced_due_at")
        request.drop_column("answered_at")
        request.alter_column(
            "settled_at",
            existing_type=types.UTCDateTime(),
            existing_nullable=True,
            comment="When it was answered or closed",
        )
    with op.batch_alter_table("event", table_kwargs=BY_KEY) as event:
        event.drop_column("occurred_at")
        event.alter_column("at", existing_type=types.UTCDateTime(), existing_nullable=False, comment="When")
        event.alter_column(
            "by",
            existing_type=types.CleanText(),
            existing_nullable=False,
            comment="mailwatch, or the e-mail of the person who did it",
        )
    with op.batch_alter_table("mailbox") as mailbox:
        mailbox.drop_column("answer_seen_at")


def _create_tables() -> None:
    op.create_table(
        "act",
        sa.Column("act", types.CleanText(), nullable=False, comment="digest <recipient>, …"),
        sa.Column("period", types.CleanText(), nullable=False, comment="The local business date, …"),
        sa.Column("done_at", types.UTCDateTime(), nullable=False, comment="When"),
        sa.PrimaryKeyConstraint("act", "period", name=op.f("pk_act")),
        comment="A periodic act, done: once for each period",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "incident",
        sa.Column("id", types.Id, nullable=False, comment="Number of the row"),
        sa.Column("kind", types.CleanText(), nullable=False, comment="What is wrong, in a few fixed words"),
        sa.Column(
            "about", types.CleanText(), nullable=False, comment="What it is about: a mailbox, an account, or empty"
        ),
        sa.Column("since", types.UTCDateTime(), nullable=False, comment="Since when it was wrong"),
        sa.Column("opened_at", types.UTCDateTime(), nullable=False, comment="When it was found, and told"),
        sa.Column("closed_at", types.UTCDateTime(), nullable=True, comment="When it was over, and told"),
        sa.Column("data", types.Json, nullable=False, comment="Counts, codes, references; no sender, no subject"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
        comment="Something wrong with mailwatch itself, told once when it begins and once when it is over",
    )
    op.create_index(
        "uq_incident_open",
        "incident",
        ["kind", "about"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "outgoing",
        sa.Column("id", types.Id, nullable=False, comment="Number of the row"),
        sa.Column("mailbox_id", types.Id, nullable=False, comment="In whose folders it was seen"),
        sa.Column("identity", sa.String(length=64), nullable=False, comment="sha256 of what is the same in every copy"),
        sa.Column("message_id", types.KeyText(), nullable=False, comment="Message-ID with its brackets, or empty"),
        sa.Column("writer", types.CleanText(), nullable=False, comment="Lower-case From address"),
        sa.Column("recipients", types.Json, nullable=False, comment="Lower-case addresses of To, Cc and Bcc"),
        sa.Column("clues", types.Json, nullable=False, comment="What it refers to, as threads need it"),
        sa.Column("evidence", types.CleanText(), nullable=False, comment="sent folder, or copy"),
        sa.Column("written_at", types.UTCDateTime(), nullable=False, comment="INTERNALDATE of the copy seen"),
        sa.Column("recorded_at", types.UTCDateTime(), nullable=False, comment="When it was written here"),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailbox.id"], name=op.f("fk_outgoing_mailbox_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing")),
        sa.UniqueConstraint("mailbox_id", "identity", name=op.f("uq_outgoing_mailbox_id_identity")),
        comment="A message that staff wrote: held, since the request it answers may be seen later",
    )
    op.create_table(
        "outgoing_key",
        sa.Column("outgoing_id", types.Id, nullable=False, comment="Which message"),
        sa.Column("key", types.KeyText(), nullable=False, comment="A Message-ID or a reference that it refers to"),
        sa.ForeignKeyConstraint(["outgoing_id"], ["outgoing.id"], name=op.f("fk_outgoing_key_outgoing_id")),
        sa.PrimaryKeyConstraint("outgoing_id", "key", name=op.f("pk_outgoing_key")),
        comment="By what an outgoing message is found",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_outgoing_key_key"), "outgoing_key", ["key"], unique=False)
    op.create_table(
        "earlier_clock",
        sa.Column("request_id", types.Id, nullable=False, comment="Whose clock it was"),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False, comment="Its place among the runs, from 1"),
        sa.Column(
            "started_at",
            types.UTCDateTime(),
            nullable=False,
            comment="When it started: the earliest message then unanswered",
        ),
        sa.Column(
            "due_at",
            types.UTCDateTime(),
            nullable=False,
            comment="Last instant at which an answer still met the standard",
        ),
        sa.Column("stopped_at", types.UTCDateTime(), nullable=False, comment="When it stopped"),
        sa.Column("stopped_by", types.CleanText(), nullable=False, comment="answered, closed or set aside"),
        sa.CheckConstraint("stopped_at >= started_at", name=op.f("ck_earlier_clock_stopped_at")),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_earlier_clock_request_id")),
        sa.PrimaryKeyConstraint("request_id", "n", name=op.f("pk_earlier_clock")),
        comment="A clock that ran before the request's current one; follows from its events",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "escalation",
        sa.Column("request_id", types.Id, nullable=False, comment="What was late"),
        sa.Column(
            "level", types.CleanText(), nullable=False, comment="before 1 business day, after 0 business days, …"
        ),
        sa.Column(
            "clock_started_at", types.UTCDateTime(), nullable=False, comment="The run of the clock that was late"
        ),
        sa.Column("escalated_at", types.UTCDateTime(), nullable=False, comment="When it was found to be"),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_escalation_request_id")),
        sa.PrimaryKeyConstraint("request_id", "level", "clock_started_at", name=op.f("pk_escalation")),
        comment="A request reached a level: once for each run of its clock",
        sqlite_with_rowid=False,
    )


def _change_events() -> None:
    op.add_column("event", sa.Column("occurred_at", types.UTCDateTime(), nullable=True, comment=OCCURRED_AT))
    received = sa.select(_message.c.received_at).where(_message.c.id == _event.c.message_id).scalar_subquery()
    opened = sa.select(_request.c.received_at).where(_request.c.id == _event.c.request_id).scalar_subquery()
    by_message = ("followed up", "auto-replied", "bounced")
    op.execute(
        sa.update(_event).values(
            occurred_at=sa.case(
                (_event.c.kind == "opened", opened),
                (_event.c.kind.in_(by_message), sa.func.coalesce(received, _event.c.at)),
                else_=_event.c.at,
            )
        )
    )
    with op.batch_alter_table("event", table_kwargs=BY_KEY) as event:
        event.alter_column("occurred_at", existing_type=types.UTCDateTime(), nullable=False)
        event.alter_column(
            "at", existing_type=types.UTCDateTime(), existing_nullable=False, comment="When it was written here"
        )
        event.alter_column(
            "by",
            existing_type=types.CleanText(),
            existing_nullable=False,
            comment="mailwatch, or the person who did it",
        )


def _change_requests() -> None:
    announced = "The answer's due instant that its acknowledgement announced"
    answered = "When the first answer was written"
    with op.batch_alter_table("request") as request:
        request.add_column(sa.Column("announced_due_at", types.UTCDateTime(), nullable=True, comment=announced))
        request.add_column(sa.Column("answered_at", types.UTCDateTime(), nullable=True, comment=answered))
        request.alter_column(
            "settled_at", existing_type=types.UTCDateTime(), existing_nullable=True, comment=REQUEST_COMMENT
        )
        request.drop_constraint(op.f("ck_request_settled_at"), type_="check")
    # Only where a newer program had been here before.
    op.execute("UPDATE request SET settled_at = clock_started_at WHERE state = 'set aside'")
    with op.batch_alter_table("request") as request:
        request.create_check_constraint(
            op.f("ck_request_settled_at"), f"(state IN {STATES}) = (settled_at IS NOT NULL)"
        )
    op.create_index(
        "ix_request_unsettled",
        "request",
        ["answer_due_at"],
        unique=False,
        sqlite_where=sa.text(UNSETTLED),
        postgresql_where=sa.text(UNSETTLED),
    )
    enqueued = sa.exists().where(_event.c.request_id == _request.c.id, _event.c.kind == "acknowledgement enqueued")
    op.execute(sa.update(_request).where(enqueued).values(announced_due_at=_request.c.answer_due_at))
    op.execute(sa.update(_request).where(_request.c.state == "answered").values(answered_at=_request.c.settled_at))


def _change_outbox() -> None:
    account = "SMTP account that submits it, where it is sent for no mailbox; else empty"
    op.add_column("outbox", sa.Column("account", types.CleanText(), nullable=True, comment=account))
    op.execute("UPDATE outbox SET account = ''")
    with op.batch_alter_table("outbox") as outbox:
        outbox.alter_column("account", existing_type=types.CleanText(), nullable=False)
        outbox.alter_column(
            "mailbox_id",
            existing_type=types.Id,
            nullable=True,
            comment="Which mailbox it is sent for; none for digests and alerts",
        )
        outbox.alter_column("kind", existing_type=types.CleanText(), comment="acknowledgement, digest, alert")
        outbox.create_check_constraint(op.f("ck_outbox_account"), "(mailbox_id IS NULL) = (account <> '')")


def _carry_over_reopened() -> None:
    """The clocks of requests that were reopened; few, and by the calendars that they were opened under."""
    connection = op.get_bind()
    reopened = sa.select(_event.c.request_id).where(_event.c.kind == "reopened")
    rows = connection.execute(
        sa.select(_event.c.request_id, _event.c.n, _event.c.kind, _event.c.at, _event.c.occurred_at)
        .where(_event.c.request_id.in_(reopened))
        .order_by(_event.c.request_id, _event.c.n)
    ).all()
    for request_id, history in groupby(rows, key=lambda row: int(row.request_id)):
        _carry_over(connection, request_id, list(history))


def _carry_over(connection: sa.Connection, request_id: int, rows: Sequence[Any]) -> None:  # rows of `event`
    history = list(_events(connection, rows))
    runs = read_runs(history)
    request = connection.execute(
        sa.select(_request.c.standard, _calendar.c.definition)
        .join(_calendar, _calendar.c.digest == _request.c.calendar_digest)
        .where(_request.c.id == request_id)
    ).one()
    calendar, limit = from_definition(request.definition), parse_limit(request.standard["answer_within"])
    for n, run in enumerate(runs[:-1], 1):
        row = {"request_id": request_id, "n": n, "started_at": run.started_at, "stopped_at": run.stopped_at}
        due_at = due(calendar, run.started_at, limit)
        connection.execute(sa.insert(_earlier_clock), row | {"due_at": due_at, "stopped_by": str(run.stopped_by)})
    announced = {"announced_due_at": due(calendar, runs[0].started_at, limit)}
    clock = {
        "clock_started_at": runs[-1].started_at,
        "answer_due_at": due(calendar, runs[-1].started_at, limit),
        "settled_at": runs[-1].stopped_at,
        "answered_at": runs[0].stopped_at,
    }
    this = _request.c.id == request_id
    connection.execute(sa.update(_request).where(this).values(**clock))
    connection.execute(sa.update(_request).where(this, _request.c.announced_due_at.is_not(None)).values(**announced))


def _events(connection: sa.Connection, rows: Sequence[Any]) -> Iterator[Event]:
    """The history of a reopened request: a message that reopened it counts as later than the answer before it, even
    where it was received a little earlier."""
    answered_at: datetime | None = None
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        happened_at: datetime = row.occurred_at
        if row.kind == "answered":
            answered_at = happened_at
        elif answered_at and row.kind == "followed up":
            reopens = following is not None and following.kind == "reopened"
            happened_at = max(happened_at, answered_at + MOMENT) if reopens else min(happened_at, answered_at)
        elif row.kind == "reopened":
            answered_at = None
        if happened_at != row.occurred_at:
            this = sa.and_(_event.c.request_id == row.request_id, _event.c.n == row.n)
            connection.execute(sa.update(_event).where(this).values(occurred_at=happened_at))
        yield Event(kind=EventKind(row.kind), at=row.at, occurred_at=happened_at)
