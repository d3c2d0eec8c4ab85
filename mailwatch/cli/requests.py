"""`mailwatch requests`: what people asked, the story of each, and what a person decides about it."""

import click

from mailwatch.cli.requests_act import assign, close, release, reopen, set_aside
from mailwatch.cli.requests_list import list_
from mailwatch.cli.requests_show import show


@click.group()
def requests() -> None:
    """List requests, tell the story of one, and settle, reopen, assign or release what people decide about.

    Answers are seen without any of this: staff reply from their own mail program, and the request is answered. These
    commands are for the rest: a request that needs no answer, an answer given by telephone, a colleague who left.

    \b
    What is late?            mailwatch requests list --standing overdue
    Why is it late?          mailwatch requests show MW-7F3K9Q
    Answered by telephone:   mailwatch requests close MW-7F3K9Q --why "by telephone"
    Taken for a robot's:     mailwatch requests list --register
                             mailwatch requests release 1234 --why "a parent"
    """


for command in (list_, show, close, set_aside, reopen, assign, release):
    requests.add_command(command)
