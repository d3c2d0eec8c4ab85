"""Whether the calendars that tell of absences can be read, and what they tell."""

from collections.abc import AsyncIterator, Mapping

from mailwatch.checkup.findings import Finding, ok, problem, warning
from mailwatch.config import Config
from mailwatch.domain.calendars import local_date
from mailwatch.domain.languages import Language
from mailwatch.domain.outings import ReadCalendar, Subscription, Validators
from mailwatch.errors import CalendarUnavailable, CalendarUnreadable, ConfigurationError
from mailwatch.ics import IcsReader, tell_calendar_problem
from mailwatch.ports import Clock


async def check_calendars(config: Config, clock: Clock, environ: Mapping[str, str]) -> AsyncIterator[Finding]:
    """Each [[absence_calendar]], read once; nothing is kept of it."""
    try:
        subscriptions = config.absence_calendars(environ)
    except ConfigurationError as error:
        for text in error.problems:
            yield problem("absences", "{text}", "{text}", text=text)
        return
    for subscription in subscriptions:
        yield await _check(config, subscription, clock)


async def _check(config: Config, subscription: Subscription, clock: Clock) -> Finding:
    about, calendar = f"absences {subscription.name}", config.calendar()
    today = local_date(calendar, clock.now())
    try:
        found = await IcsReader().read(subscription.source, subscription.takes, calendar.timezone, today, Validators())
    except (CalendarUnavailable, CalendarUnreadable) as error:
        en, fr = (tell_calendar_problem(error, language) for language in (Language.EN, Language.FR))
        return problem(about, "{english}", "{french}", english=en, french=fr)
    read = found[0] if found else ReadCalendar(absences=(), passed_over={})
    passed_over = sum(read.passed_over.values())
    if not read.absences and passed_over:
        return warning(
            about,
            "it can be read, and none of its {count} events says that somebody is away: mark them as out of office, or "
            "write category or every_event",
            "il peut être lu, mais aucun de ses {count} événements ne dit que la personne est absente : marquez-les "
            "comme absence du bureau, ou écrivez category ou every_event",
            count=passed_over,
        )
    return ok(
        about,
        "it can be read: {count} absences, {passed_over} events passed over",
        "il peut être lu : {count} absences, {passed_over} événements laissés de côté",
        count=len(read.absences),
        passed_over=passed_over,
    )
