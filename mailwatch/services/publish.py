"""Have a mailbox's own server send the absence notice: one Sieve script of ours, beside a person's own, never instead.

A script that a person wrote, or changed, is never replaced, changed or deleted; neither does ours take its place as
the active one. Who has a script of their own includes ours in it: it is kept ready, and empty while nobody is away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mailwatch.errors import ScriptRefused
from mailwatch.ports.scripts import Origin, Scripts, StoredScript

SCRIPT = "mailwatch"  # the name of our script on every server


class PublicationKind(StrEnum):
    """What became of it."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"
    WITHDRAWN = "withdrawn"
    NOTHING = "nothing-to-do"
    REFUSED = "refused"


class Refusal(StrEnum):
    """Why nothing answers."""

    ANOTHER_ACTIVE = "another-script-active"  # `detail` names it; ours lies ready beside it
    EDITED = "edited-by-hand"
    NAME_TAKEN = "name-taken"  # a script called as ours is somebody else's
    EXTENSIONS_MISSING = "extensions-missing"  # `detail` lists them
    QUOTA = "quota"
    SCRIPT_REFUSED = "script-refused"  # `detail` is what the server said


@dataclass(frozen=True, slots=True)
class Publication:
    """What became of one mailbox."""

    kind: PublicationKind
    refusal: Refusal | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedScript:
    """What should answer, and what the server's Sieve must be able to do for it."""

    text: str
    extensions: frozenset[str]


async def publish(scripts: Scripts, wanted: WantedScript, *, force: bool = False) -> Publication:
    """Have this script answer. `force`: also in place of ours that somebody edited. Raises SieveUnavailable."""
    if missing := wanted.extensions - scripts.extensions:
        return _refused(Refusal.EXTENSIONS_MISSING, ", ".join(sorted(missing)))
    try:
        return await _publish(scripts, wanted.text, force=force)
    except ScriptRefused as refused:
        return _refused(*_explain(refused))


async def withdraw(scripts: Scripts, empty: str, *, force: bool = False) -> Publication:
    """Have nothing of ours answer: our script is deleted, or becomes `empty` where another one includes it."""
    try:
        return await _withdraw(scripts, empty, force=force)
    except ScriptRefused as refused:
        return _refused(*_explain(refused))


async def _publish(scripts: Scripts, text: str, *, force: bool) -> Publication:
    names = await scripts.list_scripts()
    stored = await scripts.get_script(SCRIPT) if SCRIPT in names else None
    if refusal := _may_not_touch(stored, force):
        return _refused(refusal)
    is_new = stored is None or stored.text != text
    if is_new:
        await scripts.put_script(SCRIPT, text)
    active = _active(names)
    if active == SCRIPT or (active and await _runs_ours(scripts, active)):
        return Publication(PublicationKind.PUBLISHED if is_new else PublicationKind.UNCHANGED)
    if active:
        return _refused(Refusal.ANOTHER_ACTIVE, active)
    return await _activate(scripts, names)


async def _activate(scripts: Scripts, before: Mapping[str, bool]) -> Publication:
    """Dovecot lists no script that a person put in place without ManageSieve (~/.dovecot.sieve); activating ours moves
    it among the listed ones, by a name of the server's. Then that one becomes the active one again."""
    await scripts.set_active(SCRIPT)
    moved = set(await scripts.list_scripts()) - set(before) - {SCRIPT}
    if not moved:
        return Publication(PublicationKind.PUBLISHED)
    name = min(moved)
    await scripts.set_active(name)
    if await _runs_ours(scripts, name):
        return Publication(PublicationKind.PUBLISHED)
    return _refused(Refusal.ANOTHER_ACTIVE, name)


async def _withdraw(scripts: Scripts, empty: str, *, force: bool) -> Publication:
    names = await scripts.list_scripts()
    stored = await scripts.get_script(SCRIPT) if SCRIPT in names else None
    if stored is None or stored.origin is Origin.FOREIGN:
        return Publication(PublicationKind.NOTHING)
    if refusal := _may_not_touch(stored, force):
        return _refused(refusal)
    active = _active(names)
    if active and active != SCRIPT and await _runs_ours(scripts, active):
        if stored.text == empty:
            return Publication(PublicationKind.NOTHING)
        await scripts.put_script(SCRIPT, empty)
        return Publication(PublicationKind.WITHDRAWN)
    if active == SCRIPT:
        await scripts.set_active("")
    await scripts.delete_script(SCRIPT)
    return Publication(PublicationKind.WITHDRAWN)


def _may_not_touch(stored: StoredScript | None, force: bool) -> Refusal | None:
    if stored is not None and stored.origin is Origin.FOREIGN:
        return Refusal.NAME_TAKEN
    if stored is not None and stored.origin is Origin.EDITED and not force:
        return Refusal.EDITED
    return None


async def _runs_ours(scripts: Scripts, name: str) -> bool:
    return SCRIPT in (await scripts.get_script(name)).includes


def _active(names: Mapping[str, bool]) -> str:
    return next((name for name, is_active in names.items() if is_active), "")


def _refused(refusal: Refusal, detail: str = "") -> Publication:
    return Publication(PublicationKind.REFUSED, refusal, detail)


def _explain(refused: ScriptRefused) -> tuple[Refusal, str]:
    return Refusal.QUOTA if refused.code.startswith("QUOTA") else Refusal.SCRIPT_REFUSED, str(refused)
