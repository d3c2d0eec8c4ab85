"""Keep what a source says of absences: new ones, changed ones, and those that it doesn't name any more.

Each source owns what it wrote, by its own uids, and touches nothing else. An absence that is over stays, whatever its
source says: what was due by it stays explainable.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from mailwatch.domain.absences import Absence
from mailwatch.ports import Transaction
from mailwatch.ports.absences import KeptAbsence

CONFIGURATION, COMMAND = "configuration", "command"  # sources; the others are `import NAME` and `calendar NAME`


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What is to be written so that a source's absences are as it says now."""

    added: Sequence[KeptAbsence] = ()
    changed: Sequence[KeptAbsence] = ()
    ended: Sequence[KeptAbsence] = ()  # it had begun: whoever was away is back today
    taken_back: Sequence[KeptAbsence] = field(default_factory=list)  # it hadn't

    @property
    def is_empty(self) -> bool:
        """Nothing changes."""
        return not (self.added or self.changed or self.ended or self.taken_back)


def revise(old: Sequence[KeptAbsence], new: Sequence[KeptAbsence], today: date) -> Revision:
    """Compare what a source said with what it says now. Pure."""
    known = {kept.uid: kept for kept in old}
    named = {kept.uid for kept in new}
    gone = [kept for kept in old if kept.uid not in named and not _is_over(kept.absence, today)]
    return Revision(
        added=[kept for kept in new if kept.uid not in known],
        changed=[kept for kept in new if kept.uid in known and _differs(kept.absence, known[kept.uid].absence)],
        ended=[_ended(kept, today) for kept in gone if kept.absence.away_from < today],
        taken_back=[kept for kept in gone if kept.absence.away_from >= today],
    )


def foresee(kept: Sequence[KeptAbsence], source: str, new: Sequence[KeptAbsence], today: date) -> tuple[Absence, ...]:
    """The absences that there will be once a source's are what it says now; new ones have no row yet. Pure."""
    revision = revise([each for each in kept if each.source == source], new, today)
    numbers = {(each.source, each.uid): each.absence.id for each in kept}
    by_name = {(each.source, each.uid): each.absence for each in kept}
    for each in (*revision.added, *revision.changed, *revision.ended):
        name = each.source, each.uid
        by_name[name] = replace(each.absence, id=numbers.get(name, 0))
    for each in revision.taken_back:
        del by_name[each.source, each.uid]
    return tuple(by_name.values())


async def keep_source(tx: Transaction, source: str, new: Sequence[KeptAbsence], today: date) -> Revision:
    """Make a source's absences what it says now; what changed."""
    revision = revise(await tx.list_kept(source), new, today)
    for kept in (*revision.added, *revision.changed, *revision.ended):
        await tx.keep_absence(kept)
    for kept in revision.taken_back:
        await tx.take_back(kept.absence.id)
    return revision


async def take_back(tx: Transaction, kept: KeptAbsence, today: date) -> Absence | None:
    """End an absence that has begun, as of today; one that hasn't never was. As it then is, or None."""
    revision = revise([kept], [], today)
    for ended in revision.ended:
        await tx.keep_absence(ended)
        return ended.absence
    for each in revision.taken_back:
        await tx.take_back(each.absence.id)
    return None


def configured(absences: Sequence[Absence]) -> list[KeptAbsence]:
    """The configuration's absences, each under a name that stays while who and first day stay."""
    kept: dict[str, KeptAbsence] = {}
    for absence in absences:
        name = natural_uid(absence)
        uid, n = name, 1
        while uid in kept:
            uid, n = f"{name} #{n + 1}", n + 1
        kept[uid] = KeptAbsence(absence=absence, source=CONFIGURATION, uid=uid, by="mailwatch")
    return list(kept.values())


def natural_uid(absence: Absence) -> str:
    """The name of an absence whose source gives it none."""
    return f"{absence.who} {absence.away_from}"


def _is_over(absence: Absence, today: date) -> bool:
    return absence.returns_on is not None and absence.returns_on <= today


def _ended(kept: KeptAbsence, today: date) -> KeptAbsence:
    return replace(kept, absence=replace(kept.absence, returns_on=today))


def _differs(one: Absence, other: Absence) -> bool:
    return replace(one, id=0) != replace(other, id=0)
