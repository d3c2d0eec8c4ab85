"""What the writer of a message wrote, without what a mail program, a gateway or habit put around it.

Line by line, each line looked at up to a bounded length: linear on any text. It prefers losing a line of the
writer's to keeping one that isn't.
"""

import re
from collections.abc import Sequence

MAX_LINES = 500  # the writer's own come first
MAX_CHARACTERS = 1000  # of the writer's own words: no rule needs more, and each costs time
LONGEST_LINE = 300  # of a line, what the patterns look at
ATTRIBUTION_LINES = 3  # mail programs wrap "Le lundi … <jean@…> a écrit :" over up to three lines
SIGNATURE_LINES = 8  # a name, a title, a school, a telephone number …

_I = re.IGNORECASE
_BLANKS = r"[ \t\u00a0\u202f]*"

# From here on nothing is the writer's own.
_BREAK = re.compile(
    r"-{2,}\s*(?:message d['’]origine|message original|original message|original appointment|forwarded message"
    r"|message transf[ée]r[ée]|message r[ée]exp[ée]di[ée]|rendez-vous d['’]origine)\s*-{0,}"
    r"|(?:begin forwarded message|d[ée]but du message (?:r[ée]exp[ée]di[ée]|transf[ée]r[ée]))\s*:"
    r"|_{10,}\s*$"
    r"|-- ?$",
    _I,
)
_FROM = re.compile(rf"[*>\s]{{0,4}}(?:de|from|exp[ée]diteur){_BLANKS}:", _I)
_FROM_NEIGHBOUR = re.compile(rf"[*>\s]{{0,4}}(?:envoy[ée]|date|[àa]|objet|sujet|sent|to|subject|cc){_BLANKS}:", _I)
# "Le lun. 3 nov. 2025 à 10 h 15, Jean <j@x> a écrit :" – "On Mon, Nov 3, 2025 at 10:15 AM Jean wrote:"
_ATTRIBUTION_START = re.compile(
    rf"[>\s]{{0,4}}(?:le{_BLANKS}\S{{0,12}}{_BLANKS}\d|le \w|on \w|\d{{4}}-\d\d-\d\d|\S.{{0,80}}<\S+@)", _I
)
_ATTRIBUTION_END = re.compile(rf"(?:\ba{_BLANKS}\s?[ée]crit|\bwrote|\b[ée]crivait){_BLANKS}:{_BLANKS}$", _I)
_DEVICE = re.compile(
    r"(?:envoy[ée] (?:de|à partir de|depuis|avec) (?:mon|ma|l['’]|un|une|outlook|courrier|yahoo|gmail|samsung|proton)"
    r"|sent from (?:my|mail|outlook|yahoo|the|samsung|proton|a )|get outlook for|obtenir outlook"
    r"|t[ée]l[ée]charg\w+ outlook"
    r"|provenance\s*: courrier|envoy[ée] par|sent (?:via|with) )",
    _I,
)
_CONFIDENTIAL = re.compile(
    r"(?:avis\b|note\b|notice\b|disclaimer|confidenti|this (?:e-?mail|message|communication)"
    r"|ce (?:courriel|message|courrier)"
    r"|l['’]information|the information|le pr[ée]sent|les renseignements|ce document)",
    _I,
)
# How every line begins that one of the patterns above may match: most lines of a letter needn't be looked at again.
_NOTABLE = re.compile(
    r"[>*\s]|[-_]{2}|de\b|from\b|exp[ée]|le\b|on\b|\d{4}-|\S.{0,80}<\S|begin f|d[ée]but du|envoy|sent|get o|obtenir"
    r"|t[ée]l[ée]ch|provenance|avis\b|note\b|notice\b|disclaimer|confidenti|th|ce |l['’]|les rens",
    _I,
)
LONGEST_CLOSING = 60

# The end of a letter, alone on its line; what follows is the signature.
_CLOSING = re.compile(
    r"(?:(?:bien |très )?cordialement|cordiales salutations"
    r"|(?:mes |nos )?(?:meilleures )?salutations(?: distinguées| cordiales)?|(?:bien )?à vous|amicalement"
    r"|respectueusement|sincèrement|bonne (?:journée|soirée|semaine|fin de (?:journée|semaine))|au plaisir"
    r"|(?:with )?(?:best|kind|kindest|warm|warmest)? ?regards|best(?: wishes)?"
    r"|(?:yours )?(?:sincerely|truly|faithfully)|sincerely yours|respectfully|cheers|take care"
    r"|have a (?:nice|good|great) (?:day|evening|weekend|week))"
    r"(?:[ ,]+(?:et )?(?:bonne journée|merci))?\s*[,.!–-]{0,3}\s*$",
    _I,
)
_THANKS = re.compile(
    r"(?:(?:un grand |mille )?merci(?: (?:beaucoup|bien|infiniment|d['’]avance|à l['’]avance|encore))?(?: et .{3,30})?"
    r"|thanks?(?: (?:you|so much|again|a lot|in advance))*"
    r"|thank you(?: (?:very much|so much|again|in advance|for your time))?|many thanks)\s*[,.!]{0,3}\s*$",
    _I,
)


def own_words(text: str, banners: Sequence[str] = ()) -> str:
    """What the writer wrote, about 1,000 characters of it: no quoted text, attribution, signature, closing, banner."""
    return "\n".join(_own_lines(text, banners, is_cut_at_closing=True)).strip()


def own_lines(text: str, banners: Sequence[str] = ()) -> list[str]:
    """The same with the closing and the signature, line by line: for whoever must not miss what stands below them."""
    return _own_lines(text, banners, is_cut_at_closing=False)


def is_closing(line: str) -> bool:
    """Whether a line is nothing but the end of a letter: `Cordialement,`, `Best regards`."""
    return _CLOSING.match(line) is not None


def _own_lines(text: str, banners: Sequence[str], *, is_cut_at_closing: bool) -> list[str]:
    lines = _without_banners(text, banners)
    last_quoted = max((at for at, line in enumerate(lines) if line.startswith(">")), default=-1)
    kept: list[str] = []
    length_kept = 0
    number = 0
    while number < len(lines) and length_kept < MAX_CHARACTERS:
        line = lines[number]
        if not _NOTABLE.match(line) and len(line) > LONGEST_CLOSING:
            kept.append(line)
            length_kept += len(line)
            number += 1
            continue
        if _ends_here(lines, number) or (is_cut_at_closing and length_kept and _is_closing(lines, number)):
            break
        if length := _attribution_length(lines, number):
            number += length
            if last_quoted < number:
                break  # quoted without marks: to the end
            continue
        number += 1
        if not line.startswith(">") and not _DEVICE.match(line):
            kept.append(line)
            length_kept += len(line)
    return kept


def _without_banners(text: str, banners: Sequence[str]) -> list[str]:
    lines = [line.strip()[:LONGEST_LINE] for line in text.split("\n", MAX_LINES)[:MAX_LINES]]
    known = [" ".join(banner.casefold().split()) for banner in banners if banner.strip()]
    return [line for line in lines if not _is_banner(line, known)] if known else lines


def _is_banner(line: str, banners: list[str]) -> bool:
    """Whether the line holds a banner, or is a piece of one that was wrapped."""
    folded = " ".join(line.casefold().split())
    return any(banner in folded or (len(folded) > 20 and folded in banner) for banner in banners)


def _ends_here(lines: list[str], number: int) -> bool:
    line = lines[number]
    if _BREAK.match(line):
        return True
    following = lines[number + 1 : number + 5]
    if _FROM.match(line):
        return any(_FROM_NEIGHBOUR.match(later) for later in following)
    return _CONFIDENTIAL.match(line) is not None and any("confiden" in near.lower() for near in [line, *following[:2]])


def _attribution_length(lines: list[str], number: int) -> int:
    """Of how many lines an attribution consists that begins here; 0 if none does."""
    if not _ATTRIBUTION_START.match(lines[number]):
        return int(_is_bare_attribution(lines, number))
    for length in range(1, ATTRIBUTION_LINES + 1):
        if _ATTRIBUTION_END.search(" ".join(lines[number : number + length])[-60:]):
            return length
    return 0


def _is_bare_attribution(lines: list[str], number: int) -> bool:
    """`Jean Tremblay a écrit :` without date and address, right above what it quotes."""
    if not _ATTRIBUTION_END.search(lines[number][-60:]):
        return False
    return any(line.startswith(">") for line in lines[number + 1 : number + 3])


def _is_closing(lines: list[str], number: int) -> bool:
    """A closing formula; mere thanks are one only above what looks like a signature."""
    if _CLOSING.match(lines[number]):
        return True
    if not _THANKS.match(lines[number]):
        return False
    below = 0
    for at in range(number + 1, min(len(lines), number + 3 * SIGNATURE_LINES)):
        line = lines[at]
        if line.startswith(">") or _ends_here(lines, at) or _attribution_length(lines, at):
            break
        below += bool(line)
        if below > SIGNATURE_LINES or len(line) > 60 or "?" in line:
            return False
    return True
