"""First tables.

Revision ID: 0001
Revises: nothing
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from mailwatch.store import types

revision: str = "0001"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# In the order in which they may go.
TABLES = (
    "reference",
    "outbox",
    "event",
    "sighting",
    "request",
    "message",
    "cursor",
    "worker",
    "switch",
    "mailbox",
    "installation",
    "calendar",
    "block",
)


def upgrade() -> None:
    op.create_table(
        "block",
        sa.Column("address", types.KeyText(), nullable=False, comment="Lower-case address that gets no automatic mail"),
        sa.Column("until", types.UTCDateTime(), nullable=False, comment="Until when"),
        sa.Column("why", types.CleanText(), nullable=False, comment="Why"),
        sa.Column("blocked_at", types.UTCDateTime(), nullable=False, comment="Since when"),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_block")),
        comment="An address that our mail can't reach",
    )
    op.create_table(
        "calendar",
        sa.Column("digest", sa.String(length=64), nullable=False, comment="sha256 of the definition and its holidays"),
        sa.Column("definition", types.Json, nullable=False, comment="What rebuilds the calendar"),
        sa.Column("first_used_at", types.UTCDateTime(), nullable=False, comment="When a request was first due by it"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_calendar")),
        comment="A version of a service calendar: due instants stay explainable",
    )
    op.create_table(
        "installation",
        sa.Column("id", types.Id, autoincrement=False, nullable=False, comment="Always 1"),
        sa.Column(
            "key", sa.LargeBinary(), nullable=False, comment="32 secret random bytes: Message-IDs and references follow"
        ),
        sa.Column("created_at", types.UTCDateTime(), nullable=False, comment="When this database was first used"),
        sa.Column(
            "resumed_at",
            types.UTCDateTime(),
            nullable=True,
            comment="When sending was last let go on: the breaker counts from there",
        ),
        sa.CheckConstraint("id = 1", name=op.f("ck_installation_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
        comment="This installation: exactly one row",
    )
    op.create_table(
        "mailbox",
        sa.Column("id", types.Id, nullable=False, comment="Number of the row"),
        sa.Column("address", types.CleanText(), nullable=False, comment="Lower-case address"),
        sa.Column(
            "enabled_at",
            types.UTCDateTime(),
            nullable=True,
            comment="First successful sight; what arrived before is never acknowledged",
        ),
        sa.Column("progress_at", types.UTCDateTime(), nullable=True, comment="Last time it was looked at successfully"),
        sa.Column("trouble_code", types.CleanText(), nullable=True, comment="What is wrong since then, in one word"),
        sa.Column("trouble_text", types.CleanText(), nullable=True, comment="What is wrong, for a person"),
        sa.Column("trouble_since", types.UTCDateTime(), nullable=True, comment="Since when it has been in trouble"),
        sa.Column(
            "gaps",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Messages that looks missed at first",
        ),
        sa.CheckConstraint("(trouble_code IS NULL) = (trouble_since IS NULL)", name=op.f("ck_mailbox_trouble")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailbox")),
        sa.UniqueConstraint("address", name=op.f("uq_mailbox_address")),
        comment="A watched mailbox",
    )
    op.create_table(
        "switch",
        sa.Column("name", types.CleanText(), nullable=False, comment="sending, breaker, or account:<name>"),
        sa.Column("since", types.UTCDateTime(), nullable=False, comment="Since when it has been off"),
        sa.Column("by", types.CleanText(), nullable=False, comment="Who put it off: mailwatch or a person"),
        sa.Column("why", types.CleanText(), nullable=False, comment="Why"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_switch")),
        comment="A row here stops something; no row, and it goes on",
    )
    op.create_table(
        "worker",
        sa.Column("name", types.CleanText(), nullable=False, comment="Host, process and start"),
        sa.Column("started_at", types.UTCDateTime(), nullable=False, comment="First beat"),
        sa.Column("beat_at", types.UTCDateTime(), nullable=False, comment="Last beat"),
        sa.Column("facts", types.Json, nullable=False, comment="What it says of itself"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker")),
        comment="A running mailwatch",
    )
    op.create_table(
        "cursor",
        sa.Column("mailbox_id", types.Id, nullable=False, comment="Whose folder it is"),
        sa.Column("folder", types.CleanText(), nullable=False, comment="Name of the folder"),
        sa.Column(
            "uidvalidity", types.Id, autoincrement=False, nullable=False, comment="UIDVALIDITY that the UIDs belong to"
        ),
        sa.Column("last_uid", types.Id, nullable=False, comment="Everything up to here is recorded; never moves back"),
        sa.Column(
            "started_uid", types.Id, nullable=False, comment="Where it began: what lies at or below was there before us"
        ),
        sa.Column("is_current", sa.Boolean(), nullable=False, comment="Whether the folder still has this UIDVALIDITY"),
        sa.Column("moved_at", types.UTCDateTime(), nullable=False, comment="Last good look"),
        sa.CheckConstraint("last_uid BETWEEN 0 AND 4294967295", name=op.f("ck_cursor_last_uid")),
        sa.CheckConstraint("started_uid >= 0 AND started_uid <= last_uid", name=op.f("ck_cursor_started_uid")),
        sa.CheckConstraint("uidvalidity BETWEEN 0 AND 4294967295", name=op.f("ck_cursor_uidvalidity")),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailbox.id"], name=op.f("fk_cursor_mailbox_id")),
        sa.PrimaryKeyConstraint("mailbox_id", "folder", "uidvalidity", name=op.f("pk_cursor")),
        comment="How far a folder has been read, per UIDVALIDITY",
        sqlite_with_rowid=False,
    )
    op.create_index(
        "uq_cursor_current",
        "cursor",
        ["mailbox_id", "folder"],
        unique=True,
        sqlite_where=sa.text("is_current"),
        postgresql_where=sa.text("is_current"),
    )

    op.create_table(
        "message",
        sa.Column("id", types.Id, nullable=False, comment="Number of the row"),
        sa.Column("mailbox_id", types.Id, nullable=False, comment="Where it was received"),
        sa.Column("identity", sa.String(length=64), nullable=False, comment="sha256 of what is the same in every copy"),
        sa.Column("message_id", types.KeyText(), nullable=False, comment="Message-ID with its brackets, or empty"),
        sa.Column("sender", types.CleanText(), nullable=False, comment="Lower-case From address, or empty"),
        sa.Column("subject", types.CleanText(), nullable=False, comment="Decoded subject"),
        sa.Column(
            "received_at",
            types.UTCDateTime(),
            nullable=False,
            comment="INTERNALDATE, or the newest Received header where that is not to be trusted",
        ),
        sa.Column("recorded_at", types.UTCDateTime(), nullable=False, comment="When it was written here"),
        sa.Column("size", types.Id, nullable=False, comment="Octets, as the server says"),
        sa.Column("kind", types.CleanText(), nullable=False, comment="What it is: request, follow_up, bounce, …"),
        sa.Column("reason", types.CleanText(), nullable=False, comment="The rule that decided the kind, or person"),
        sa.Column(
            "suppressed_by",
            types.CleanText(),
            nullable=True,
            comment="The first rule that forbade an acknowledgement, if any",
        ),
        sa.Column("hits", types.Json, nullable=False, comment="Every rule that hit: [[rule, what it saw], …]"),
        sa.Column("language", types.CleanText(), nullable=True, comment="fr, en, or nothing when unsure"),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailbox.id"], name=op.f("fk_message_mailbox_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("mailbox_id", "identity", name=op.f("uq_message_mailbox_id_identity")),
        comment="A received message: once per mailbox, however many copies; no body",
    )
    op.create_index(op.f("ix_message_message_id"), "message", ["message_id"], unique=False)

    op.create_table(
        "request",
        sa.Column("id", types.Id, nullable=False, comment="Number of the row"),
        sa.Column("reference", types.CleanText(), nullable=False, comment="What people quote: MW-7F3K9Q"),
        sa.Column("mailbox_id", types.Id, nullable=False, comment="Where it was received"),
        sa.Column("message_id", types.Id, nullable=False, comment="The message that opened it"),
        sa.Column("requester", types.KeyText(), nullable=False, comment="Lower-case address of who asked, or empty"),
        sa.Column("recipient", types.CleanText(), nullable=False, comment="Where its acknowledgement goes, or empty"),
        sa.Column(
            "owner", types.CleanText(), nullable=False, comment="E-mail of the staff member answerable for it, or empty"
        ),
        sa.Column("language", types.CleanText(), nullable=True, comment="fr, en, or nothing when unsure"),
        sa.Column("subject_key", types.KeyText(), nullable=False, comment="Subject as threads compare it"),
        sa.Column("thread_index", types.KeyText(), nullable=False, comment="Root of its Thread-Index as hex, or empty"),
        sa.Column(
            "state",
            types.CleanText(),
            nullable=False,
            comment="open, acknowledged, answered, closed, set aside: what its events come to",
        ),
        sa.Column("event_count", sa.Integer(), nullable=False, comment="How many events it has; the last one's number"),
        sa.Column(
            "suppressed_by",
            types.CleanText(),
            nullable=True,
            comment="The rule that withheld the acknowledgement, if any",
        ),
        sa.Column(
            "received_at", types.UTCDateTime(), nullable=False, comment="When it was received: both clocks start here"
        ),
        sa.Column(
            "clock_started_at", types.UTCDateTime(), nullable=False, comment="When the answer's clock last (re)started"
        ),
        sa.Column(
            "acknowledgement_due_at",
            types.UTCDateTime(),
            nullable=False,
            comment="Last instant at which an acknowledgement still meets the standard",
        ),
        sa.Column(
            "answer_due_at",
            types.UTCDateTime(),
            nullable=False,
            comment="Last instant at which an answer still meets the standard",
        ),
        sa.Column(
            "acknowledged_at",
            types.UTCDateTime(),
            nullable=True,
            comment="When the acknowledgement was accepted by SMTP",
        ),
        sa.Column("settled_at", types.UTCDateTime(), nullable=True, comment="When it was answered or closed"),
        sa.Column("calendar_digest", sa.String(length=64), nullable=False, comment="Version it is due by"),
        sa.Column(
            "standard", types.Json, nullable=False, comment="The limits promised: {acknowledge_within, answer_within}"
        ),
        sa.CheckConstraint(
            "(state IN ('answered', 'closed')) = (settled_at IS NOT NULL)", name=op.f("ck_request_settled_at")
        ),
        sa.CheckConstraint(
            "state <> 'acknowledged' OR acknowledged_at IS NOT NULL", name=op.f("ck_request_acknowledged_at")
        ),
        sa.CheckConstraint(
            "state IN ('open', 'acknowledged', 'answered', 'closed', 'set aside')", name=op.f("ck_request_state")
        ),
        sa.CheckConstraint("acknowledgement_due_at >= received_at", name=op.f("ck_request_acknowledgement_due_at")),
        sa.CheckConstraint("answer_due_at >= received_at", name=op.f("ck_request_answer_due_at")),
        sa.CheckConstraint("clock_started_at >= received_at", name=op.f("ck_request_clock_started_at")),
        sa.CheckConstraint("event_count >= 1", name=op.f("ck_request_event_count")),
        sa.ForeignKeyConstraint(["calendar_digest"], ["calendar.digest"], name=op.f("fk_request_calendar_digest")),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailbox.id"], name=op.f("fk_request_mailbox_id")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_request_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request")),
        sa.UniqueConstraint("message_id", name=op.f("uq_request_message_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_request_reference")),
        comment="What someone asked of us",
    )
    op.create_index(
        "ix_request_left_elsewhere",
        "request",
        ["received_at"],
        unique=False,
        sqlite_where=sa.text("suppressed_by = 'elsewhere' AND state = 'open'"),
        postgresql_where=sa.text("suppressed_by = 'elsewhere' AND state = 'open'"),
    )
    op.create_index("ix_request_received_at", "request", ["received_at"], unique=False)
    op.create_index("ix_request_state", "request", ["state", "received_at"], unique=False)
    op.create_index("ix_request_subject", "request", ["mailbox_id", "requester", "subject_key"], unique=False)
    op.create_index(
        "ix_request_thread_index",
        "request",
        ["mailbox_id", "thread_index"],
        unique=False,
        sqlite_where=sa.text("thread_index <> ''"),
        postgresql_where=sa.text("thread_index <> ''"),
    )

    op.create_table(
        "sighting",
        sa.Column("mailbox_id", types.Id, nullable=False, comment="Whose folder it is"),
        sa.Column("folder", types.CleanText(), nullable=False, comment="Name of the folder"),
        sa.Column(
            "uidvalidity", types.Id, autoincrement=False, nullable=False, comment="UIDVALIDITY that the UID belongs to"
        ),
        sa.Column("uid", types.Id, autoincrement=False, nullable=False, comment="UID"),
        sa.Column("message_id", types.Id, nullable=True, comment="The message seen there"),
        sa.Column(
            "quarantined",
            types.CleanText(),
            nullable=True,
            comment="Why it could not be fetched or read; a person must look",
        ),
        sa.Column("recorded_at", types.UTCDateTime(), nullable=False, comment="When it was written here"),
        sa.CheckConstraint("(message_id IS NULL) <> (quarantined IS NULL)", name=op.f("ck_sighting_either")),
        sa.CheckConstraint("uid BETWEEN 0 AND 4294967295", name=op.f("ck_sighting_uid")),
        sa.CheckConstraint("uidvalidity BETWEEN 0 AND 4294967295", name=op.f("ck_sighting_uidvalidity")),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailbox.id"], name=op.f("fk_sighting_mailbox_id")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_sighting_message_id")),
        sa.PrimaryKeyConstraint("mailbox_id", "folder", "uidvalidity", "uid", name=op.f("pk_sighting")),
        comment="Where a message was seen; each place at most once",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_sighting_message_id"), "sighting", ["message_id"], unique=False)
    op.create_index(
        "ix_sighting_quarantined",
        "sighting",
        ["mailbox_id"],
        unique=False,
        sqlite_where=sa.text("quarantined IS NOT NULL"),
        postgresql_where=sa.text("quarantined IS NOT NULL"),
    )

    op.create_table(
        "event",
        sa.Column("request_id", types.Id, nullable=False, comment="Whose history it belongs to"),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False, comment="Its place in the history, from 1"),
        sa.Column(
            "kind", types.CleanText(), nullable=False, comment="What happened: opened, acknowledged, answered, …"
        ),
        sa.Column("at", types.UTCDateTime(), nullable=False, comment="When"),
        sa.Column("by", types.CleanText(), nullable=False, comment="mailwatch, or the e-mail of the person who did it"),
        sa.Column("message_id", types.Id, nullable=True, comment="The message that brought it about, if one did"),
        sa.Column("data", types.Json, nullable=False, comment="Why, and with what; no sender, no subject"),
        sa.CheckConstraint("n >= 1", name=op.f("ck_event_n")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_event_message_id")),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_event_request_id")),
        sa.PrimaryKeyConstraint("request_id", "n", name=op.f("pk_event")),
        comment="One line of a request's history; never changed, never removed",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outbox",
        sa.Column("id", types.Id, nullable=False, comment="Number of the row"),
        sa.Column(
            "unique_key", types.CleanText(), nullable=False, comment="ack:<identity>: what makes sending once true"
        ),
        sa.Column("kind", types.CleanText(), nullable=False, comment="acknowledgement"),
        sa.Column("mailbox_id", types.Id, nullable=False, comment="Which mailbox it is sent for"),
        sa.Column("request_id", types.Id, nullable=True, comment="The request it is about, if any"),
        sa.Column(
            "caused_by",
            sa.String(length=64),
            nullable=True,
            comment="Identity of its cause: one automatic message, ever",
        ),
        sa.Column("message_id", types.KeyText(), nullable=False, comment="Our Message-ID"),
        sa.Column(
            "reverse_path", types.CleanText(), nullable=False, comment="SMTP MAIL FROM; empty is the null reverse-path"
        ),
        sa.Column("recipient", types.KeyText(), nullable=False, comment="SMTP RCPT TO"),
        sa.Column(
            "subject_key",
            types.CleanText(),
            nullable=False,
            comment="Subject of the request as threads compare it, for the limits",
        ),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="The bytes submitted; the same at every attempt"),
        sa.Column(
            "state",
            types.CleanText(),
            nullable=False,
            comment="pending, claimed, sent, deferred, failed, uncertain, cancelled",
        ),
        sa.Column(
            "reason",
            types.CleanText(),
            nullable=False,
            comment="Why it is in that state; empty until there is a reason",
        ),
        sa.Column("enqueued_at", types.UTCDateTime(), nullable=False, comment="When it was written here"),
        sa.Column("not_before", types.UTCDateTime(), nullable=False, comment="Earliest instant of the next attempt"),
        sa.Column("give_up_at", types.UTCDateTime(), nullable=False, comment="After this it is not tried again"),
        sa.Column(
            "attempts", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="How often it was claimed"
        ),
        sa.Column(
            "doubts",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="How often its outcome stayed unknown",
        ),
        sa.Column("claimed_by", types.CleanText(), nullable=True, comment="The worker that has it"),
        sa.Column("claimed_until", types.UTCDateTime(), nullable=True, comment="How long that worker has it"),
        sa.Column("settled_at", types.UTCDateTime(), nullable=True, comment="When it came to its end"),
        sa.CheckConstraint("(state = 'claimed') = (claimed_by IS NOT NULL)", name=op.f("ck_outbox_claimed_by")),
        sa.CheckConstraint("(state = 'claimed') = (claimed_until IS NOT NULL)", name=op.f("ck_outbox_claimed_until")),
        sa.CheckConstraint(
            "(state IN ('sent', 'failed', 'uncertain', 'cancelled')) = (settled_at IS NOT NULL)",
            name=op.f("ck_outbox_settled_at"),
        ),
        sa.CheckConstraint(
            "kind <> 'acknowledgement' OR (request_id IS NOT NULL AND caused_by IS NOT NULL)",
            name=op.f("ck_outbox_acknowledgement"),
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'claimed', 'sent', 'deferred', 'failed', 'uncertain', 'cancelled')",
            name=op.f("ck_outbox_state"),
        ),
        sa.CheckConstraint("attempts >= 0 AND doubts >= 0", name=op.f("ck_outbox_counts")),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailbox.id"], name=op.f("fk_outbox_mailbox_id")),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_outbox_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("caused_by", name=op.f("uq_outbox_caused_by")),
        sa.UniqueConstraint("message_id", name=op.f("uq_outbox_message_id")),
        sa.UniqueConstraint("unique_key", name=op.f("uq_outbox_unique_key")),
        comment="What is to be sent, written together with what it is about",
    )
    op.create_index("ix_outbox_enqueued_at", "outbox", ["enqueued_at"], unique=False)
    op.create_index(
        "ix_outbox_live",
        "outbox",
        ["not_before"],
        unique=False,
        sqlite_where=sa.text("state IN ('pending', 'claimed', 'deferred')"),
        postgresql_where=sa.text("state IN ('pending', 'claimed', 'deferred')"),
    )
    op.create_index("ix_outbox_recipient", "outbox", ["recipient", "enqueued_at"], unique=False)
    op.create_index(op.f("ix_outbox_request_id"), "outbox", ["request_id"], unique=False)

    op.create_table(
        "reference",
        sa.Column("mailbox_id", types.Id, nullable=False, comment="Where the request is"),
        sa.Column("message_id", types.KeyText(), nullable=False, comment="A Message-ID that a reply may refer to"),
        sa.Column("request_id", types.Id, nullable=False, comment="The request it then belongs to"),
        sa.ForeignKeyConstraint(["mailbox_id"], ["mailbox.id"], name=op.f("fk_reference_mailbox_id")),
        sa.ForeignKeyConstraint(["request_id"], ["request.id"], name=op.f("fk_reference_request_id")),
        sa.PrimaryKeyConstraint("mailbox_id", "message_id", "request_id", name=op.f("pk_reference")),
        comment="Which request a Message-ID belongs to; several mailboxes may each have one",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_reference_request_id"), "reference", ["request_id"], unique=False)


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)  # and its indexes with it
