"""The resolved configuration as TOML, defaults filled in and secrets hidden; and the JSON schema for editors."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from mailwatch.config import resolve, servers
from mailwatch.config.accounts import SecretKeys, Section
from mailwatch.config.load import Config
from mailwatch.config.model import Document, MailboxSection

SCHEMA = "https://json-schema.org/draft/2020-12/schema"


def config_schema() -> dict[str, Any]:
    """The JSON schema of the file, for editors (`#:schema mailwatch.schema.json` on its first line)."""
    return {"$schema": SCHEMA, **Document.model_json_schema()}


def show_config(config: Config) -> str:
    """The configuration as TOML, each mailbox with the policy that applies to it; secrets are "***"."""
    document = config.document
    return "\n".join([*_lines(document, config), ""]).lstrip("\n")


def _lines(document: Document, config: Config) -> Iterator[str]:
    for name in type(document).model_fields:
        value = getattr(document, name)
        if name == "smtp":
            yield from _smtp(document)
        elif isinstance(value, Section):
            yield from _section(f"[{name}]", _values(value))
        elif isinstance(value, Mapping):
            for key, each in value.items():
                yield from _section(f"[{name}.{_name(key)}]", _values(each))
        else:
            for each in value:
                yield from _section(f"[[{name}]]", _mailbox(each, config) if name == "mailbox" else _values(each))


def _smtp(document: Document) -> Iterator[str]:
    if document.smtp is not None:
        if document.smtp.host is not None:
            yield from _section("[smtp]", _values(document.smtp))
        for key, each in document.smtp.named.items():
            yield from _section(f"[smtp.{_name(key)}]", _values(each))


def _section(header: str, values: Mapping[str, object]) -> Iterator[str]:
    yield ""
    yield header
    for key, value in values.items():
        if value is not None:
            yield f"{key} = {_literal(value)}"


def _values(section: Section) -> dict[str, object]:
    return {key: getattr(section, name) for key, name in type(section).fields_by_key().items()}


def _mailbox(section: MailboxSection, config: Config) -> dict[str, object]:
    """Its own keys first, then what it promises, every override resolved."""
    document = config.document
    parts = [
        resolve.overridden(document.standard, section),
        resolve.acknowledgement_of(document, section),
        resolve.overridden(document.observing, section),
        resolve.calendar_keys_of(document, section),
    ]
    policy = {key: value for part in parts for key, value in _values(part).items()}
    own = {key: value for key, value in _values(section).items() if key not in policy or key == "enabled"}
    resolved = {"username": servers.username_of(section), "smtp": servers.smtp_name(document, section) or None}
    return own | resolved | {"acknowledge": policy.pop("enabled")} | policy


def _literal(value: object) -> str:
    if isinstance(value, SecretKeys):
        return '"***"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | date):
        return str(value)
    if isinstance(value, Section):
        return _literal({key: each for key, each in _values(value).items() if each is not None})
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_name(str(key))} = {_literal(each)}" for key, each in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(_literal(each) for each in value) + "]"
    return json.dumps(str(value), ensure_ascii=False)  # a JSON string is a basic TOML string


def _name(key: str) -> str:
    return key if key.replace("-", "").replace("_", "").isalnum() and key.isascii() else json.dumps(key)
