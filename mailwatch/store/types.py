"""How values lie in the two databases. Migrations use these types: a change here is a change of old migrations.

Texts are scrubbed on their way in, whoever sends them: PostgreSQL refuses NUL, and both refuse lone surrogates.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON as AnyJSON
from sqlalchemy import BigInteger, Boolean, ColumnElement, DateTime, Integer, Text, TypeDecorator
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BinaryExpression
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.types import TypeEngine

# SQLite numbers rows by itself only in a column of exactly this type.
Id = BigInteger().with_variant(Integer, "sqlite")

# Assign a new value to change one: what lies inside isn't tracked.
Json = AnyJSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

MAX_KEY = 300  # characters: two such keys of four octets each fit in one index row


def clean(text: str) -> str:
    """The text without NUL; a lone surrogate becomes `?`."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def to_json(value: object) -> str:
    """JSON that both databases take, whatever texts it holds."""
    text = _encode(value)
    # The encoder writes NUL as an escape; a backslash of the text's own before `u0000` only costs the second pass.
    if "\\u0000" in text or clean(text) != text:
        return _encode(_cleaned(value))
    return text


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(key)): _cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value


class CleanText(TypeDecorator[str]):
    """Text that came from outside."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else clean(value)


def shorten(text: str) -> str:
    """A text that an index can hold: a long one keeps its beginning, and its hash for the rest.

    PostgreSQL refuses index rows over 2,704 octets, and a stranger chooses how long a Message-ID is.
    """
    text = clean(text)
    if len(text) <= MAX_KEY:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    return text[: MAX_KEY - len(digest)] + digest


class KeyText(CleanText):
    """Text from outside by which rows are looked up; see `shorten`."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else shorten(value)


@lru_cache(maxsize=1024)  # a transaction writes its `now` hundreds of times
def _written(utc: datetime) -> str:
    """Only of instants in UTC: elsewhere two instants an hour apart, at the end of summer time, compare equal."""
    return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


class UTCDateTime(TypeDecorator[datetime]):
    """An instant. timestamptz on PostgreSQL; on SQLite fixed-width text, `2026-11-23T15:00:00.000000Z`, that sorts.

    A naive datetime is a fault of the program: ValueError.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # what the driver takes
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant without a zone can't be stored")
        utc = value if value.tzinfo is UTC else value.astimezone(UTC)
        return _written(utc) if dialect.name == "sqlite" else utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None]:
        """In place of `process_result_value`, which costs three calls for each of a report's 400,000 instants."""
        return _read_text if dialect.name == "sqlite" else _read_instant


def _read_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _read_instant(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


class _Many(TypeDecorator[Sequence[Any]]):  # items are what the subclass says
    """Any number of values as one parameter: an array on PostgreSQL, a JSON text on SQLite."""

    impl = Text
    cache_ok = True
    item: TypeEngine[Any] = Text()

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(self.item) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        return list(value or ()) if dialect.name == "postgresql" else json.dumps(list(value or ()))


class Keys(_Many):
    """Many texts to look up; see `shorten`."""

    cache_ok = True

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        return super().process_bind_param([shorten(text) for text in value or ()], dialect)


class Numbers(_Many):
    """Many whole numbers."""

    cache_ok = True
    item = BigInteger()


class Among(BinaryExpression[bool]):
    """Whether a column's value is one of a `_Many` parameter's; see `among`."""

    inherit_cache = True


@compiles(Among, "postgresql")
def _among_on_postgresql(element: Among, compiler: SQLCompiler, **kw: Any) -> str:
    # Not IN (SELECT unnest(…)): for that, the planner reads whole tables until it has statistics of them.
    return f"{compiler.process(element.left, **kw)} = ANY ({compiler.process(element.right, **kw)})"


@compiles(Among, "sqlite")
def _among_on_sqlite(element: Among, compiler: SQLCompiler, **kw: Any) -> str:
    values = compiler.process(element.right, **kw)
    return f"{compiler.process(element.left, **kw)} IN (SELECT value FROM json_each({values}))"


def among(column: ColumnElement[Any], values: ColumnElement[Any]) -> ColumnElement[bool]:
    """`among(column, bindparam(…, type_=Keys()))`: whether the column's value is one of them.

    One parameter, however many values: one prepared statement, and no limit of a driver to chunk for.
    """
    return Among(column, values, custom_op("IN", is_comparison=True), type_=Boolean())


def render_type(kind: str, item: Any, _: object) -> str | bool:  # Alembic's hook: any schema item
    """How a migration writes a type of ours: by its name here. False leaves the rest to Alembic."""
    if kind != "type":
        return False
    if item is Id:
        return "types.Id"
    if item is Json:
        return "types.Json"
    return f"types.{type(item).__name__}()" if isinstance(item, CleanText | UTCDateTime) else False
