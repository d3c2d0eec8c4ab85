"""Absences: people and mailboxes away, who was told of it, and the calendars that tell of them.

Going back forgets absences, takes back nothing that was sent, and drops notices and notes from the outbox: the
version before has no name for them. Requests keep their histories, and the due instants that absences moved; the
version before doesn't know every kind of event that it then finds (`rescheduled`, `notified`), and can't read those
histories.

Revision ID: 0003
Revises: 0002
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from mailwatch.store import types

revision: str = "0003"
down_revision: str | Sequence[str] | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TELLING = "absence_id IS NOT NULL"
KINDS = "acknowledgement, notice, note, digest, alert"
OLD_KINDS = "acknowledgement, digest, alert"
FOR_NONE = "Which mailbox it is sent for; none for digests, notes and alerts"
OLD_FOR_NONE = "Which mailbox it is sent for; none for digests and alerts"


def upgrade() -> None:
    _create_tables()
    op.add_column(
        "message",
        sa.Column(
            "notice",
            types.CleanText(),
            nullable=True,
            comment="Nobody was away: nothing; told, or why its sender wasn't told",
        ),
    )
    with op.batch_alter_table("outbox") as outbox:
        outbox.add_column(sa.Column("absence_id", types.Id, nullable=True, comment="Which absence it tells of, if any"))
        outbox.create_foreign_key(op.f("fk_outbox_absence_id"), "absence", ["absence_id"], ["id"])
        outbox.alter_column("kind", existing_type=types.CleanText(), existing_nullable=False, comment=KINDS)
        outbox.alter_column("mailbox_id", existing_type=types.Id, existing_nullable=True, comment=FOR_NONE)
        outbox.create_check_constraint(
            op.f("ck_outbox_notice"), "kind <> 'notice' OR (absence_id IS NOT NULL AND caused_by IS NOT NULL)"
        )
    op.create_index(
        "ix_outbox_absence",
        "outbox",
        ["absence_id", "recipient"],
        unique=False,
        sqlite_where=sa.text(TELLING),
        postgresql_where=sa.text(TELLING),
    )


def downgrade() -> None:
    op.execute("DELETE FROM outbox WHERE kind IN ('notice', 'note')")
    op.drop_index("ix_outbox_absence", table_name="outbox")
    with op.batch_alter_table("outbox") as outbox:
        outbox.drop_constraint(op.f("ck_outbox_notice"), type_="check")
        outbox.drop_constraint(op.f("fk_outbox_absence_id"), type_="foreignkey")
        outbox.drop_column("absence_id")
        outbox.alter_column("kind", existing_type=types.CleanText(), existing_nullable=False, comment=OLD_KINDS)
        outbox.alter_column("mailbox_id", existing_type=types.Id, existing_nullable=True, comment=OLD_FOR_NONE)
    with op.batch_alter_table("message") as message:
        message.drop_column("notice")
    op.drop_table("absence_source")
    op.drop_table("absence")


def _create_tables() -> None:
    op.create_table(
        "absence",
        sa.Column("id", types.Id, nullable=False, comment="Number of the row"),
        sa.Column(
            "source",
            types.CleanText(),
            nullable=False,
            comment="Who tells of it: configuration, command, import, or a calendar's name",
        ),
        sa.Column("uid", types.KeyText(), nullable=False, comment="What the source calls it: a refresh finds it again"),
        sa.Column(
            "who",
            types.CleanText(),
            nullable=False,
            comment="Lower-case e-mail of the person, or address of the mailbox",
        ),
        sa.Column("away_from", sa.Date(), nullable=False, comment="First day away, local"),
        sa.Column("returns_on", sa.Date(), nullable=True, comment="First day back, local; nothing while it is unknown"),
        sa.Column("delegate", types.CleanText(), nullable=False, comment="E-mail of the person who covers, or empty"),
        sa.Column("audience", types.CleanText(), nullable=False, comment="Who is told: all, internal, external"),
        sa.Column("text", types.Json, nullable=False, comment="The organisation's own sentence, by language"),
        sa.Column(
            "note", types.CleanText(), nullable=False, comment="What the person leaves for whoever covers, or empty"
        ),
        sa.Column("by", types.CleanText(), nullable=False, comment="Who wrote it: mailwatch, or a person"),
        sa.Column("recorded_at", types.UTCDateTime(), nullable=False, comment="When it was first written here"),
        sa.Column("changed_at", types.UTCDateTime(), nullable=False, comment="When it was last written here"),
        sa.Column("cancelled_at", types.UTCDateTime(), nullable=True, comment="When it was taken back before it began"),
        sa.CheckConstraint("returns_on IS NULL OR returns_on > away_from", name=op.f("ck_absence_returns_on")),
        sa.CheckConstraint("audience IN ('all', 'internal', 'external')", name=op.f("ck_absence_audience")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence")),
        sa.UniqueConstraint("source", "uid", name=op.f("uq_absence_source_uid")),
        comment="A person or a mailbox away; kept when it is over: what was due by it stays explainable",
    )
    op.create_index("ix_absence_returns_on", "absence", ["returns_on"], unique=False)
    op.create_table(
        "absence_source",
        sa.Column("name", types.CleanText(), nullable=False, comment="Name of the calendar"),
        sa.Column(
            "validators",
            types.CleanText(),
            nullable=False,
            comment="What its server wants to be asked with: ETag, Last-Modified; as JSON",
        ),
        sa.Column("checked_at", types.UTCDateTime(), nullable=False, comment="When it was last asked"),
        sa.Column("read_at", types.UTCDateTime(), nullable=True, comment="When it was last read"),
        sa.Column("trouble", types.CleanText(), nullable=True, comment="Why it can't be read since then, for a person"),
        sa.Column("trouble_since", types.UTCDateTime(), nullable=True, comment="Since when it can't be read"),
        sa.CheckConstraint("(trouble IS NULL) = (trouble_since IS NULL)", name=op.f("ck_absence_source_trouble")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_absence_source")),
        comment="A calendar that tells of absences",
    )
