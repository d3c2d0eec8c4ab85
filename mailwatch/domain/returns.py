"""When somebody comes back, by the words of their own out-of-office reply, in French or English.

A wrong date is worse than none: only what is about a return or an absence is read, and two answers are none.

    own words ─→ sentences ─→ `de retour le …`, `back on …`                        the day itself
                          └─→ in one about an absence: `jusqu'au …`, `through …`   the last day away
                                                       `until …`                   mostly the day back
                                                       `du … au …`, `from … to …`  the last day away

English "until December 14" mostly means back on the 14th, French « jusqu'au 14 décembre » mostly still away on the
14th: either gives way by a day to what is said more clearly elsewhere. « jusqu'à lundi » and « jusqu'au lundi 14 » say
too little alone: nobody knows whether Monday is the last day or the first. A return named beside an absence may follow
it by a week: weekends and holidays lie between.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from mailwatch.domain.daynames import (
    MONTHS,
    NUMBER,
    WEEKDAY,
    WEEKDAYS,
    WHOLE_WEEKDAY,
    WRITTEN,
    UnclearDay,
    any_of,
    plain,
    read_written,
)
from mailwatch.domain.quotations import LONGEST_LINE, own_words

LONGEST_TEXT = 20_000  # characters of a text that are looked at: what a Message holds of it
NAMED_AHEAD = timedelta(days=335)  # without a year, what would lie further ahead lies behind: an old notice
NUMBERED_AHEAD = timedelta(days=3 * 365)  # with one: longer leaves are mistyped

MONDAY = 0

_DAY = timedelta(days=1)
_BETWEEN = timedelta(days=7)  # the last day away and the return: a weekend, a holiday

_DATE = rf"(?P<date>{WRITTEN}|{WHOLE_WEEKDAY}(?! (?:le |the )?[0-9]| (?:next|prochain|in|dans)\b))(?! ?[0-9])"
_PLACE_EN = (
    r"(?: (?:in|at|to|into) (?:(?:the|my|our) )?"
    r"(?:office|work|school|class|library|desk|duty|building|town|canada|country|campus|job))?"
)
_PLACE_FR = (
    r"(?: (?:(?:au|a l'|a la|en|dans|a|parmi) ?(?:mes |mon |les |nos |notre )?"
    r"(?:bureaux?|travail|poste|fonctions?|ecole|classe|bibliotheque|pays|canada|boulot|nous|vous)))?"
)
_WHEN_EN = r"(?:,| is| is on| will be)?:?(?: on| from| as of| starting| starting on| effective)?,?(?: the)? "
_WHEN_FR = r"(?:,| est| sera)?(?: prevue?)?(?: pour)? ?:?(?: des| (?:a compter|a partir) d[eu])?(?: le| ce)? "
_RETURN = (
    rf"(?<!votre )(?<!vos )(?<![-\w])retour{_PLACE_FR}{_WHEN_FR}",
    rf"\b(?:je|j'|nous|il|elle) ?(?:reviens|revient|reviendr(?:ai|a|ons)|reprends|reprendrai){_PLACE_FR}"
    rf"(?: (?:le travail|mes fonctions|mes activites|mon poste|le service))?{_WHEN_FR}",
    rf"(?:\b(?:be|am|is|are|coming|come)|'m|'re|'s|\band|[,(:|-]|^)(?: available)? ?\bback{_PLACE_EN}{_WHEN_EN}",
    rf"\bback (?:in|at) (?:the |my |our )?(?:office|work|school|library|desk){_WHEN_EN}",
    rf"(?:\b(?:will|shall|i|we|he|she|and|my|expected|expect to|plan to|hope to|scheduled to|due to)|'ll) "
    rf"return(?: date)?{_PLACE_EN}{_WHEN_EN}",
    rf"(?:\breturn(?:ing|s)|\breturn date){_PLACE_EN}{_WHEN_EN}",
    rf"\b(?:available again|reopen(?:s|ing)?){_WHEN_EN}",
    rf"\b(?:de nouveau disponible|rouvr(?:e|ira|irons|ons)(?: [ns]os portes| ses portes)?){_PLACE_FR}{_WHEN_FR}",
)
_RETURNS = re.compile(rf"(?:{'|'.join(_RETURN)}){_DATE}")
_NOT_BEFORE = re.compile(
    rf"(?:\bnot|n't) (?:be )?(?:back|return(?:ing)?){_PLACE_EN} (?:until|till|before) {_DATE}"
    rf"|\bpas (?:de retour|revenir){_PLACE_FR} avant (?:le )?{_DATE.replace('?P<date>', '?P<avant>')}"
)
# A sentence about somebody else, to whom the reader is sent meanwhile.
_OTHERS = re.compile(
    r"\b(?:collegues?|colleagues?|co-?workers?|rempla\w+|qui (?:est|sera|revient)|who (?:is|will|returns)|who's)\b"
)
_NEGATED = re.compile(r"(?:\bnot|n't|\bpas)(?: \w+)?$")

# What a sentence must speak of for its `until` and its `from … to …` to be about an absence, and mustn't.
_ABSENCE = re.compile(
    r"\b(?:absente?s?|absence|conges?|vacances|hors du bureau|exterieur|indisponibles?"
    r"|(?:pas|non) (?:\w+ )?disponibles?|fermee?s?|en (?:voyage|deplacement|formation|arret)|parental|maternite"
    r"|out of (?:the )?office|out of town|away|absent|vacation|holidays?|leave|travell?ing|unavailable"
    r"|(?:am|be|is|are|i'm|we're)(?: \w+)? (?:out|off)|not (?:be )?(?:available|in the office)|closed|ooo)\b"
)
_OTHERWISE = re.compile(
    r"\b(?:ouverte?s?|ouvre|open|inscri\w+|regist\w+|date limite|deadline|echeance|valid\w*|exclu\w*)\b"
)
_INCLUSIVE = r"(?P<inclusive>,? ?\(?(?:inclus\w*|y compris)\b)?"
_UNTIL = re.compile(
    rf"\b(?P<word>jusqu'au|jusqu'a|jusque|through|thru|until|till|til|up to)(?P<including> and including)?"
    rf"(?: le| the)? {_DATE}{_INCLUSIVE}"
)
_END_NUMBER = rf"{NUMBER}(?:,? [0-9]{{4}}\b)?"
_RANGE = re.compile(
    rf"(?:{any_of(MONTHS)} {NUMBER}(?: ?- ?| (?:to|au) )(?P<number>{_END_NUMBER})(?! ?(?:{any_of(MONTHS)}|[0-9]))"
    rf"|(?:{WRITTEN}|(?:{WEEKDAY} )?(?:le |the )?{NUMBER})(?: ?- ?| (?:au|a|to) )(?:le |the )?"
    rf"(?P<date>{WRITTEN})(?! ?[0-9]))"
)
_MONTH = re.compile(any_of(MONTHS))
_COLON = re.compile("[:：]")
_AFTER_SENTENCE = re.compile(r"(?<=[.!?]) ")
_SENTENCE = re.compile(r"[.!?;](?= |$)")
_PARAGRAPH = re.compile(r"\n\s{0,20}\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What one phrase says of the day of return: between two days, and which most likely, if that can be said."""

    earliest: date
    latest: date
    likely: date | None


def find_return_date(subject: str, text: str, received_on: date, banners: Sequence[str] = ()) -> date | None:
    """The day on which the writer of an out-of-office reply returns, if its own words name one. Never raises."""
    returns: set[date] = set()
    absences: list[_Reading] = []
    try:
        for sentence in _sentences(subject, text, banners):
            returns.update(_returns(sentence, received_on))
            absences += _absences(sentence, received_on)
    except (UnclearDay, OverflowError):  # a date that can't be, or that may be two
        return None
    return _agreed(returns, absences)


def _agreed(returns: set[date], absences: Sequence[_Reading]) -> date | None:
    """The one day that all phrases allow."""
    if len(returns) == 1:
        day = min(returns)
        return day if all(one.earliest <= day <= one.latest + _BETWEEN for one in absences) else None
    likely = [one.likely for one in absences if one.likely]
    if returns or not likely:
        return None
    day = max(likely)
    return day if all(one.earliest <= day <= one.latest for one in absences) else None


def _sentences(subject: str, text: str, banners: Sequence[str]) -> Iterator[str]:
    """Plain sentences of the writer's own. What follows a colon in a subject may be the subject of our message."""
    lines = map(_shortened, text[:LONGEST_TEXT].split("\n"))
    for paragraph in (_COLON.split(subject[:LONGEST_LINE])[0], *_PARAGRAPH.split(own_words("\n".join(lines), banners))):
        sentences = (sentence.strip() for sentence in _SENTENCE.split(plain(paragraph)))
        yield from (sentence for sentence in sentences if not _OTHERS.search(sentence))


def _shortened(line: str) -> str:
    """A line as short ones, without sentences that would be cut: half a date is another date."""
    if len(line) <= LONGEST_LINE:
        return line
    return "\n".join(sentence for sentence in _AFTER_SENTENCE.split(line) if len(sentence) <= LONGEST_LINE)


def _returns(sentence: str, received_on: date) -> Iterator[date]:
    """The days that a sentence names as those of a return."""
    for found in _RETURNS.finditer(sentence):
        if not _NEGATED.search(sentence[: found.start()].rstrip()) and (day := _day(found["date"], received_on)):
            yield day
    for found in _NOT_BEFORE.finditer(sentence):
        if day := _day(found["date"] or found["avant"], received_on):
            yield day


def _absences(sentence: str, received_on: date) -> Iterator[_Reading]:
    """What a sentence about an absence says of its end."""
    if not _ABSENCE.search(sentence) or _OTHERWISE.search(sentence):
        return
    for found in _UNTIL.finditer(sentence):
        if day := _day(found["date"], received_on):
            yield _until(found, day)
    for found in _RANGE.finditer(sentence):
        end = found["date"] or f"{_MONTH.findall(found[0])[0]} {found['number']}"
        if day := _day(end, received_on):
            yield _Reading(earliest=day + _DAY, latest=day + _DAY, likely=day + _DAY)


def _until(found: re.Match[str], day: date) -> _Reading:
    """An `until` as its word and its language mean it."""
    after = day + _DAY
    if found["word"] in ("through", "thru") or found["including"] or found["inclusive"]:
        return _Reading(earliest=after, latest=after, likely=after)
    if not found["word"].startswith("jusqu"):
        return _Reading(earliest=day, latest=after, likely=day)
    is_open = found["date"] in WEEKDAYS or day.weekday() == MONDAY
    return _Reading(earliest=day, latest=after, likely=None if is_open else after)


def _day(text: str, received_on: date) -> date | None:
    """The day that is named, seen from when the message came; None if it lies behind, or too far ahead."""
    if text in WEEKDAYS:
        return received_on + ((WEEKDAYS[text] - received_on.weekday() - 1) % 7 + 1) * _DAY
    named = read_written(text)
    if named is None:
        return None
    day = named.from_(received_on)
    ahead = NAMED_AHEAD if named.year is None else NUMBERED_AHEAD
    return day if received_on <= day <= received_on + ahead else None
