"""The kinds of columns that the tables are made of."""

from typing import Any

from sqlalchemy import Column, ForeignKey, MetaData, text

from mailwatch.store.types import CleanText, Id, KeyText, UTCDateTime

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


# Tables that are their own index on SQLite: what they hold is found by its key alone.
BY_KEY: dict[str, Any] = {"sqlite_with_rowid": False}

UINT32 = "BETWEEN 0 AND 4294967295"  # UIDs and UIDVALIDITY, RFC 3501 §2.3.1.1


def row_id() -> Column[int]:
    """The number of the row."""
    return Column("id", Id, primary_key=True, comment="Number of the row")


def row_of(table: str, comment: str, **options: Any) -> Column[int]:  # options of Column
    """A row of another table."""
    options.setdefault("nullable", False)
    return Column(f"{table}_id", Id, ForeignKey(f"{table}.id"), comment=comment, **options)


def text_column(name: str, comment: str, **options: Any) -> Column[str]:  # options of Column
    """A text."""
    options.setdefault("nullable", False)
    return Column(name, CleanText, comment=comment, **options)


def key_column(name: str, comment: str, **options: Any) -> Column[str]:  # options of Column
    """A text from outside by which rows are looked up."""
    return Column(name, KeyText, nullable=False, comment=comment, **options)


def instant(name: str, comment: str, *, nullable: bool = False, **options: Any) -> Column[Any]:  # options of Column
    """An instant in UTC."""
    return Column(name, UTCDateTime, nullable=nullable, comment=comment, **options)


def only_where(condition: str) -> dict[str, Any]:
    """The options that make an index partial on both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}
