"""Templates as programs: found, compiled, run in a sandbox. Every failure is a TemplateFailed that names the file."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    Template,
    TemplateError,
    TemplateNotFound,
    meta,
)
from jinja2.environment import TemplateModule
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mailwatch.domain.languages import Language
from mailwatch.errors import TemplateFailed

OURS = "mailwatch"  # the prefix by which an operator's template may extend one of ours

_AROUND = ("layout.html", "follows.txt", "precedes.txt", "away.txt", "away.html")
_ABSENCE = "away"  # the fact by which a template takes up an absence


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The templates of an acknowledgement or an absence notice in one language.

    `follows` and `precedes` point to it from the other one. `away_text` and `away_html` say who is away; text and HTML
    put that where it belongs, or are among the `unaware`: written by somebody who didn't know of absences.
    """

    subject: Template
    text: Template
    html: Template
    layout: Template
    follows: Template
    precedes: Template
    away_text: Template
    away_html: Template
    unaware: tuple[Template, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportParts:
    """The templates of a digest, a cover note or an alert in one language.

    `words` holds pieces that the others share; `html_words` the same ones, escaping what they are given: a macro's
    result counts as escaped wherever an HTML template calls it. `unaware`: as in `Parts`.
    """

    subject: Template
    text: Template
    html: Template
    layout: Template
    words: Template
    html_words: Template
    unaware: tuple[Template, ...]


class _Prefixed(PrefixLoader):
    """PrefixLoader gives a template its name without the prefix; `is_ours` needs it whole."""

    load = BaseLoader.load


def open_folders(folder: Path | None, ours: Path) -> ImmutableSandboxedEnvironment:
    """An environment over the operator's folder, if any, in which ours stand below `mailwatch/`."""
    theirs = [FileSystemLoader(folder)] if folder else []
    return ImmutableSandboxedEnvironment(
        loader=ChoiceLoader([_Prefixed({OURS: FileSystemLoader(ours)}), *theirs]),
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and name.endswith(".html"),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # looking at six files for every message costs more than rendering them
    )


def load_ours(environment: ImmutableSandboxedEnvironment, kind: str, language: Language) -> Parts:
    """Our own templates of `acknowledgement` or `notice`. Raises TemplateFailed: then the installation is broken."""
    return _gather(environment, _load_all(environment, kind, [f"{OURS}/{language}"]))


def load_theirs(
    environment: ImmutableSandboxedEnvironment, kind: str, mailbox: str, language: Language
) -> Parts | None:
    """The operator's templates for a mailbox, ours in the gaps; None where none is theirs. Raises TemplateFailed."""
    found = _load_all(environment, kind, [f"{mailbox}/{language}", str(language), f"{OURS}/{language}"])
    return None if all(map(is_ours, found)) else _gather(environment, found)


def load_our_report(environment: ImmutableSandboxedEnvironment, report: str, language: Language) -> ReportParts:
    """Our own templates of `digest`, `note` or `alert`. Raises TemplateFailed: then the installation is broken."""
    return _load_report(environment, report, [f"{OURS}/{language}"])


def load_their_report(
    environment: ImmutableSandboxedEnvironment, report: str, language: Language
) -> ReportParts | None:
    """The operator's templates of `digest`, `note` or `alert`, ours in the gaps; None where none is theirs.

    Raises TemplateFailed.
    """
    parts = _load_report(environment, report, [str(language), f"{OURS}/{language}"])
    found = parts.subject, parts.text, parts.html, parts.layout, parts.words
    return None if all(map(is_ours, found)) else parts


def open_words(template: Template) -> TemplateModule:
    """The macros of a template, to be called from others. Raises TemplateFailed."""
    try:
        return template.make_module()
    except Exception as problem:  # as in `run`
        raise TemplateFailed(template.name or "?", _explain(problem)) from problem


def is_ours(template: Template) -> bool:
    """Whether a template is one that came with the program."""
    return (template.name or "").startswith(OURS + "/")


def run(template: Template, context: Mapping[str, object]) -> str:
    """Render one template. Raises TemplateFailed, also for one that says nothing."""
    name = template.name or "?"
    try:
        # `template.render` would lay the globals, a chain of mappings, anew under every context: half of its time.
        rendered = "".join(template.root_render_func(template.new_context(dict(context), shared=True)))
    except Exception as problem:  # a template is somebody else's program: it may fail in any way
        raise TemplateFailed(name, _explain(problem)) from problem
    if not rendered or rendered.isspace():
        raise TemplateFailed(name, "it renders to nothing")
    return rendered


def omissions(parts: Parts, rendered: Sequence[str], reference: str) -> Iterable[str]:
    """What subject, text and HTML lack although they render: hardly what the operator meant."""
    for template, words in zip((parts.subject, parts.text, parts.html), rendered, strict=True):
        if reference not in words:
            yield f"{template.name}: it never states the reference, so that replies are harder to match."
    for template in parts.unaware:
        yield f"{template.name}: it never says that somebody is away (`away`); until it does, our words stand above it."
    for text, html in ((parts.text, parts.html), (parts.away_text, parts.away_html)):
        if is_ours(text) != is_ours(html):
            yield f"{text.name}, {html.name}: only one of the two is yours; text and HTML say different things."


def silences(parts: ReportParts) -> Iterable[str]:
    """What a digest lacks although it renders."""
    for template in parts.unaware:
        what = f"{template.name}: it never says what came during an absence (`away`)"
        yield f"{what}; on the first day back, our digest is sent instead."


def _load_all(environment: ImmutableSandboxedEnvironment, kind: str, places: Sequence[str]) -> list[Template]:
    names = f"{kind}.subject.txt", f"{kind}.txt", f"{kind}.html", *_AROUND
    return [_load(environment, [f"{place}/{name}" for place in places]) for name in names]


def _gather(environment: ImmutableSandboxedEnvironment, found: Sequence[Template]) -> Parts:
    subject, text, html, layout, follows, precedes, away_text, away_html = found
    return Parts(
        subject=subject,
        text=text,
        html=html,
        layout=layout,
        follows=follows,
        precedes=precedes,
        away_text=away_text,
        away_html=away_html,
        unaware=_unaware(environment, text, html),
    )


def _unaware(environment: ImmutableSandboxedEnvironment, *templates: Template) -> tuple[Template, ...]:
    """Those that never take up an absence."""
    return tuple(each for each in templates if not _names_absence(environment, each.name or ""))


def _names_absence(environment: ImmutableSandboxedEnvironment, name: str, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a template, or one that it includes or extends, takes up an absence. One that can't be read doesn't."""
    if environment.loader is None or name in seen:
        return False
    try:
        tree = environment.parse(environment.loader.get_source(environment, name)[0], name)
    except (TemplateError, OSError, UnicodeError):
        return False
    if _ABSENCE in meta.find_undeclared_variables(tree):
        return True
    used = [each for each in meta.find_referenced_templates(tree) if each]  # None: its name is worked out later
    return any(_names_absence(environment, each, seen | {name}) for each in used)


def _load_report(environment: ImmutableSandboxedEnvironment, report: str, places: Sequence[str]) -> ReportParts:
    def load(name: str, *, escaping: bool = False) -> Template:
        chosen = environment.overlay(autoescape=True) if escaping else environment
        return _load(chosen, [f"{place}/{name}" for place in places])

    subject, text, html = (load(f"{report}.{part}") for part in ("subject.txt", "txt", "html"))
    return ReportParts(
        subject=subject,
        text=text,
        html=html,
        layout=load("layout.html"),
        words=load(f"{report}.words.txt"),
        html_words=load(f"{report}.words.txt", escaping=True),
        unaware=_unaware(environment, subject, text, html),
    )


def _load(environment: Environment, names: Sequence[str]) -> Template:
    """The first of these templates that exists."""
    for name in names:
        try:
            return environment.get_template(name)
        except TemplateNotFound:
            continue
        except Exception as problem:  # syntax, encoding, permissions
            raise TemplateFailed(name, _explain(problem)) from problem
    raise TemplateFailed(names[-1], "no such template")


def _explain(problem: Exception) -> str:
    line = getattr(problem, "lineno", None)
    text = f"{type(problem).__name__}: {problem}"[:300]
    return f"line {line}: {text}" if line else text
