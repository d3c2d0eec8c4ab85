"""The compliance report's words, in French and in English: labels, shares, lengths of time. No figure is made here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import time, timedelta

from babel.dates import format_date

from mailwatch.domain.compliance import Month
from mailwatch.domain.figures import Figures, Report, Scope, ScopeKind, Share, Spread
from mailwatch.domain.languages import Language
from mailwatch.domain.standards import format_duration
from mailwatch.domain.verdicts import Kind
from mailwatch.rendering.dates import format_day, format_length, format_time_of_day

NBSP = "\u00a0"
DASH = "–"
FEW = 5  # below, a percentage alone misleads: the fraction comes first

_KINDS_FR: Mapping[Kind, str] = {
    Kind.AUTOMATIC: "automatique",
    Kind.BULK: "envoi en nombre",
    Kind.SPAM: "pourriel",
    Kind.COPY: "copie",
    Kind.UNDISCLOSED: "destinataire caché",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A figure for people. `is_detail`: it explains the line before it."""

    label: str
    value: str
    is_detail: bool = False


class ReportWords:
    """What the report says, in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def pick(self, en: str, fr: str) -> str:
        """The text in the report's language."""
        return fr if self.language is Language.FR else en

    def title(self, month: Month) -> str:
        """What it is a report of."""
        return self.pick("Service standards: ", f"Normes de service{NBSP}: ") + self.month(month)

    def month(self, month: Month) -> str:
        """`November 2026`."""
        return format_date(month.first, "LLLL yyyy", locale=self.language.value)

    def stood(self, report: Report) -> str:
        """When the figures were true, and where that time is."""
        zone = report.month.timezone
        local = report.as_of.astimezone(zone)
        clock = format_time_of_day(time(local.hour, local.minute), self.language)
        when = format_day(local.date(), self.language) + self.pick(", ", " à ") + clock
        return self.pick(f"As things stood on {when} ({zone}).", f"Situation du {when} ({zone}).")

    def provisional(self) -> str:
        """A warning, for a month that isn't over."""
        return self.pick(
            "Provisional: the month was not over then.",
            f"Chiffres provisoires{NBSP}: le mois n’était pas terminé.",
        )

    def empty(self, month: Month) -> str:
        """That there is nothing to report."""
        name = self.month(month)
        joint = "d’" if name[0] in "aeo" else "de "
        return self.pick(f"No request was received in {name}.", f"Aucune demande reçue au mois {joint}{name}.")

    def name(self, scope: Scope) -> str:
        """What the figures are of."""
        match scope.kind:
            case ScopeKind.TOTAL:
                return self.pick("Total", "Ensemble")
            case ScopeKind.DEPARTMENT:
                return self.pick(f"Department: {scope.name}", f"Service{NBSP}: {scope.name}")
            case ScopeKind.MAILBOX:
                return scope.name

    def lines(self, figures: Figures) -> Iterator[Line]:
        """Every figure, in the order in which people ask for them."""
        pick, not_due = self.pick, self.pick("limit not reached yet", "délai non échu")
        yield Line(label=pick("Requests received", "Demandes reçues"), value=self.number(figures.received))
        yield self._detail(pick("of which set aside", "dont mises de côté"), figures.set_aside)
        yield Line(label=self.acknowledged(), value=self.share(figures.acknowledged))
        yield self._detail(
            pick("missed: withheld by a rule", f"manqué{NBSP}: retenu par une règle"), figures.withheld_missed
        )
        yield self._detail(not_due, figures.acknowledged_not_due)
        yield Line(label=self.answered(), value=self.share(figures.answered))
        yield self._detail(pick("closed without an answer", "fermées sans réponse"), figures.closed_unanswered)
        yield self._detail(not_due, figures.answered_not_due)
        yield Line(label=pick("Answers", "Réponses"), value=self.number(figures.answers))
        yield from self._times(figures)
        yield Line(label=self.promised(), value=self.share(figures.promises))
        yield self._detail(pick("date not past yet", "date non passée"), figures.promises_not_due)
        yield Line(label=pick("Reopened", "Rouvertes"), value=self.number(figures.reopened))
        yield Line(label=pick("Still open", "Encore ouvertes"), value=self.number(figures.open))
        yield self._detail(pick("of which overdue", "dont en retard"), figures.overdue)
        yield Line(
            label=pick("Acknowledgements withheld", "Accusés de réception retenus"),
            value=self._counted(figures.suppressed),
        )
        kinds = {pick(str(kind), _KINDS_FR.get(kind, str(kind))): n for kind, n in figures.silent.items()}
        yield Line(label=pick("Silent register", "Registre silencieux"), value=self._counted(kinds))

    def acknowledged(self) -> str:
        """The first promise."""
        return self.pick("Acknowledged within the standard", "Accusé de réception dans le délai promis")

    def answered(self) -> str:
        """The second promise."""
        return self.pick("Answered within the standard", "Réponse dans le délai promis")

    def promised(self) -> str:
        """What acknowledgements announced."""
        return self.pick("Answered by the date announced", "Réponse au plus tard à la date annoncée")

    def definitions(self) -> Iterator[tuple[str, str]]:
        """What the public must know to read the figures."""
        pick = self.pick
        yield (
            pick("Requests received", "Demandes reçues"),
            pick(
                "Received in the month. Those set aside, since nobody had to answer them, are in no other figure.",
                "Reçues pendant le mois. Celles qui ont été mises de côté, parce qu’elles n’appelaient pas de réponse, "
                "ne figurent dans aucun autre chiffre.",
            ),
        )
        yield (
            self.acknowledged(),
            pick(
                "An acknowledgement, or the answer itself, was sent by the limit. Exactly at the limit is in time.",
                "Un accusé de réception, ou la réponse elle-même, est parti avant la fin du délai. Le tout dernier "
                "instant compte encore.",
            ),
        )
        yield (
            self.answered(),
            pick(
                "Each time an answer was due, it was written, or the request was closed, by the limit. Where the "
                "requester wrote again, that answer was due, too.",
                "Chaque fois qu’une réponse était attendue, elle a été écrite, ou la demande fermée, avant la fin du "
                "délai. Si la personne a récrit, cette réponse-là était attendue aussi.",
            ),
        )
        yield (
            pick("Time to answer", "Temps de réponse"),
            pick(
                "From the requester’s message to the answer: in hours of service, and in all. Half of the "
                "answers took no longer than the median, nine in ten no longer than the 90th percentile.",
                "Du message de la personne à la réponse, en heures de service et en tout. La moitié des "
                "réponses ont pris au plus le temps médian, et neuf sur dix au plus le 90e centile.",
            ),
        )
        yield (
            self.promised(),
            pick(
                "Among requests whose acknowledgement announced a date: answered or closed on that date or before.",
                f"Parmi les demandes dont l’accusé de réception annonçait une date{NBSP}: répondues ou fermées au plus "
                "tard ce jour-là.",
            ),
        )

    def number(self, number: int) -> str:
        """`30,000`, `30 000`."""
        return f"{number:,}".replace(",", self.pick(",", NBSP))

    def share(self, share: Share) -> str:
        """`96.4% (54 of 56)`; of a few, `3 of 4 (75.0%)`; a dash of none."""
        if share.percent is None:
            return DASH
        fraction = NBSP.join((self.number(share.met), self.pick("of", "sur"), self.number(share.of)))
        percent = self.pick(f"{share.percent:.1f}%", f"{share.percent:.1f}{NBSP}%".replace(".", ","))
        return f"{fraction} ({percent})" if share.of < FEW else f"{percent} ({fraction})"

    def length(self, length: timedelta | None) -> str:
        """Hours and minutes of service: `14 h 10 min`. Its days have no 24 hours."""
        return DASH if length is None else format_duration(length)

    def _times(self, figures: Figures) -> Iterator[Line]:
        for name, pick in (
            (self.pick("median time", "temps médian"), _median),
            (self.pick("90th percentile", "90e centile"), _p90),
        ):
            business, elapsed = pick(figures.business), pick(figures.elapsed)
            yield Line(label=name, value=self._both(business, elapsed), is_detail=True)

    def _both(self, business: timedelta | None, elapsed: timedelta | None) -> str:
        """`14 h of service, 2 days in all`."""
        if elapsed is None:
            return DASH
        total = format_length(elapsed, self.language)
        return f"{self.length(business)} {self.pick(f'of service, {total} in all', f'de service, {total} en tout')}"

    def _detail(self, label: str, count: int) -> Line:
        return Line(label=label, value=self.number(count), is_detail=True)

    def _counted(self, counts: Mapping[str, int]) -> str:
        """The sum, and what it is made of."""
        colon = self.pick(":", f"{NBSP}:")
        parts = ", ".join(f"{name}{colon} {self.number(n)}" for name, n in counts.items())
        return self.number(sum(counts.values())) + (f" ({parts})" if parts else "")


def _median(times: Spread) -> timedelta | None:
    return times.median


def _p90(times: Spread) -> timedelta | None:
    return times.p90
