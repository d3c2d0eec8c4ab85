"""What can be wrong in a configuration, in plain words, English and French: one line each, with file and line.

Every sentence says what is wrong and what to write instead. pydantic's error types are translated here; its own
words are never shown, nor is any value that could be a secret.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from pydantic import ValidationError

from mailwatch.config.accounts import Section
from mailwatch.config.locate import Path, find_line
from mailwatch.config.model import Document
from mailwatch.config.wording import SENTENCES
from mailwatch.domain.languages import Language

MAX_SHOWN = 80  # characters of a wrong value that are repeated


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong at a path of the document; `kind` is a key of SENTENCES, `facts` fill its gaps."""

    path: Path
    kind: str
    facts: Mapping[str, object] = field(default_factory=dict)


def problems_of(error: ValidationError, data: Mapping[str, Any]) -> list[Problem]:
    """pydantic's findings as problems."""
    found = [_problem(dict(each), data) for each in error.errors(include_url=False)]
    return [each for each in found if not (each.kind == "too_short" and _at(each.path, data))]


def tell(problems: Iterable[Problem], file: str, lines: Mapping[Path, int], language: Language) -> tuple[str, ...]:
    """`FILE:LINE: key.path: sentence` for each, in the order of the file, none twice."""
    placed = sorted(((find_line(lines, each.path) or 1, each) for each in problems), key=lambda pair: pair[0])
    return tuple(dict.fromkeys(_line(each, line, file, language) for line, each in placed))


def dotted(path: Path) -> str:
    """`mailbox[2].hours`: arrays of tables and lists count from 1."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _line(problem: Problem, line: int, file: str, language: Language) -> str:
    english, french = SENTENCES[problem.kind]
    sentence = (french if language is Language.FR else english).format_map(_shown(problem.facts))
    where = dotted(problem.path)
    return f"{file}:{line}: {where}: {sentence}" if where else f"{file}:{line}: {sentence}"


def _shown(facts: Mapping[str, object]) -> dict[str, str]:
    texts = {key: " ".join(str(value).split()) for key, value in facts.items()}
    return {key: text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…" for key, text in texts.items()}


def _problem(error: dict[str, Any], data: Mapping[str, Any]) -> Problem:  # Any: pydantic's error dictionaries
    path = _path(error["loc"], data)
    kind = error["type"]
    facts = {"value": "", **error.get("ctx", {})}
    if kind == "extra_forbidden" or (kind in _NOT_A_TABLE and len(path) == 2 and path[0] == "smtp"):
        return _unknown_key(path)
    if kind == "tuple_type" and path and path[-1] in _ARRAYS and len(path) == 1:
        return Problem(path=path, kind="array_of_tables", facts={"name": path[-1]})
    if kind in _NOT_A_TABLE and path[:1] in _NAMED and len(path) <= 2:
        return Problem(path=path, kind="named_table", facts={"name": path[0]})
    if kind == "missing" and len(path) == 1:
        return Problem(path=path, kind="missing_section", facts={"name": path[0]})
    if error["loc"] and error["loc"][-1] == "[key]":
        kind = "language_key"
    if kind == "enum":
        facts["expected"] = " or ".join(language.value for language in Language)
    if kind in _CHOICES:
        facts["expected"] = str(facts["expected"]).replace("'", '"').replace(" or ", ", ")
        facts["value"] = error["input"]
    return Problem(path=path, kind=kind if kind in SENTENCES else "other", facts={"message": error["msg"], **facts})


_NOT_A_TABLE = ("model_type", "dict_type", "model_attributes_type")
_ARRAYS = ("escalation", "people", "mailbox", "rule", "absence", "absence_calendar")
_NAMED = (("imap",), ("oauth",))
_CHOICES = ("literal_error", "enum")


def _path(location: Iterable[str | int], data: Any) -> Path:
    """pydantic's location without what it adds of its own: a last part may be missing from the data, no other."""
    path: list[str | int] = []
    for part in location:
        if part == "[key]" or not isinstance(data, dict | list):
            break
        if isinstance(data, list) and isinstance(part, str):
            continue  # `hours` as one list for five days: the mistake is told once, where it stands
        path.append(part)
        data = data.get(part) if isinstance(data, dict) else data[part] if isinstance(part, int) else None
    return tuple(path)


def _at(path: Path, data: Any) -> Any:  # Any: parsed TOML
    """What stands at a path: a list whose items are all wrong looks empty to pydantic, and isn't."""
    for part in path:
        data = data[part]
    return data


def _unknown_key(path: Path) -> Problem:
    known = _keys_at(path[:-1])
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    if close:
        return Problem(path=path, kind="unknown_key_close", facts={"close": close[0]})
    return Problem(path=path, kind="unknown_key", facts={"known": ", ".join(sorted(known))})


def _keys_at(path: Path) -> list[str]:
    """The keys that the table at a path may have."""
    model: type[Section] = Document
    for part in path:
        found = model.model_fields.get(str(part))
        inner = _model_in(found.annotation) if found else None
        model = inner or model
    return list(model.fields_by_key())


def _model_in(annotation: Any) -> type[Section] | None:  # Any: a type, or a generic alias
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((model for each in get_args(annotation) if (model := _model_in(each))), None)
