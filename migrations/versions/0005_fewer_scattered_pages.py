"""Beside a long history: fewer indexes whose pages lie scattered, one that finds who was told, and one that finds what
came while somebody was away.

Revision ID: 0005
Revises: 0004
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TELLING = "absence_id IS NOT NULL"
KEYED = "kind <> 'acknowledgement'"
OLD_RULE = f"{KEYED} OR (request_id IS NOT NULL AND caused_by IS NOT NULL)"
RULE = f"{KEYED} OR (request_id IS NOT NULL AND caused_by IS NOT NULL AND unique_key = 'ack:' || caused_by)"


def upgrade() -> None:
    """Acknowledgements are unique by their cause, which the two other keys follow from."""
    with op.batch_alter_table("outbox") as outbox:
        outbox.drop_index("ix_outbox_absence")
        outbox.drop_constraint(op.f("uq_outbox_unique_key"), type_="unique")
        outbox.drop_constraint(op.f("uq_outbox_message_id"), type_="unique")
        outbox.drop_constraint(op.f("ck_outbox_acknowledgement"), type_="check")
        outbox.create_check_constraint(op.f("ck_outbox_acknowledgement"), RULE)
    _index("uq_outbox_unique_key", ["unique_key"], KEYED, unique=True)
    _index("uq_outbox_message_id", ["message_id"], KEYED, unique=True)
    _index("ix_outbox_told", ["recipient", "absence_id"], TELLING)
    op.drop_index("ix_request_received_at", table_name="request")
    op.create_index("ix_request_received_at", "request", ["received_at", "mailbox_id", "owner"])


def downgrade() -> None:
    """Every entry is unique by each of its keys again."""
    op.drop_index("ix_request_received_at", table_name="request")
    op.create_index("ix_request_received_at", "request", ["received_at"])
    for name in ("ix_outbox_told", "uq_outbox_message_id", "uq_outbox_unique_key"):
        op.drop_index(name, table_name="outbox")
    with op.batch_alter_table("outbox") as outbox:
        outbox.drop_constraint(op.f("ck_outbox_acknowledgement"), type_="check")
        outbox.create_check_constraint(op.f("ck_outbox_acknowledgement"), OLD_RULE)
        outbox.create_unique_constraint(op.f("uq_outbox_message_id"), ["message_id"])
        outbox.create_unique_constraint(op.f("uq_outbox_unique_key"), ["unique_key"])
    _index("ix_outbox_absence", ["absence_id", "recipient"], TELLING)


def _index(name: str, columns: list[str], condition: str, *, unique: bool = False) -> None:
    """A partial index, on both databases."""
    where = sa.text(condition)
    op.create_index(name, "outbox", columns, unique=unique, sqlite_where=where, postgresql_where=where)
