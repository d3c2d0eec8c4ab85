"""Several workers: which of them holds which mailbox.

Revision ID: 0004
Revises: 0003
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from mailwatch.store import types

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """The table of leases; each worker makes the rows of the mailboxes that it watches."""
    op.create_table(
        "lease",
        sa.Column("mailbox", types.CleanText(), nullable=False, comment="Address of the mailbox"),
        sa.Column("worker", types.CleanText(), nullable=True, comment="The worker that holds it, if any does"),
        sa.Column("until", types.UTCDateTime(), nullable=True, comment="How long, by the database's own clock"),
        sa.Column("fence", sa.Integer(), nullable=False, comment="How often it was claimed: it changed hands since"),
        sa.CheckConstraint("(worker IS NULL) = (until IS NULL)", name=op.f("ck_lease_until")),
        sa.PrimaryKeyConstraint("mailbox", name=op.f("pk_lease")),
        comment="Which worker holds a mailbox: shares out work, and nothing rests on it",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Every worker watches every mailbox again."""
    op.drop_table("lease")
