"""`mailwatch absence`: who is away, until when, and who covers."""

import click

from mailwatch.cli.absence_act import add, cancel
from mailwatch.cli.absence_import import import_
from mailwatch.cli.absence_list import list_, show
from mailwatch.cli.absence_publish import publish


@click.group()
def absence() -> None:
    """Record absences, list them, take them back.

    Whoever writes to somebody who is away learns at once when they return and whom to turn to. A mailbox may be away,
    too: a service that is closed for the summer. Absences also come from [[absence]] in the configuration, from
    calendars ([[absence_calendar]]) and from files; each source keeps what it wrote.

    \b
    Away next week:        mailwatch absence add marie@example.org --from monday --until friday
    Paul covers for her:   … --delegate paul@example.org
    In so many words:      mailwatch absence add marie@example.org "du 7 au 11 décembre"
    Closed for the summer: mailwatch absence add inscriptions@example.org --from 2027-07-01 --returns 2027-08-23
    Who is away?           mailwatch absence list
    Back early:            mailwatch absence cancel 12
    From Outlook:          mailwatch absence import calendar.ics --who marie@example.org
    """


for command in (add, list_, show, cancel, import_, publish):
    absence.add_command(command)
