"""See that a person answered. So far by one kind of evidence: the flag \\Answered on the original."""

from collections import defaultdict
from collections.abc import Sequence

from mailwatch.domain.outbox import ClaimedEntry
from mailwatch.ports import MessageSource

ANSWERED = "\\Answered"


async def find_answered(source: MessageSource, entries: Sequence[ClaimedEntry]) -> set[int]:
    """Ids of the entries whose message carries \\Answered, where the folder still has its UIDVALIDITY."""
    wanted: dict[tuple[str, int], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        for sighting in entry.sightings:
            wanted[sighting.folder, sighting.uidvalidity][sighting.uid].append(entry.id)
    found: set[int] = set()
    for (folder, uidvalidity), by_uid in wanted.items():
        state = await source.examine(folder)
        if state.uidvalidity != uidvalidity:
            continue
        for uid, flags in (await source.fetch_flags(sorted(by_uid))).items():
            if ANSWERED in flags:
                found.update(by_uid[uid])
    return found
