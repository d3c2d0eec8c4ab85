"""`mailwatch check`: is everything there that the configuration names, and will it work?"""

import asyncio
from collections.abc import AsyncIterator

import click

from mailwatch.checkup import Finding, Level, check_data
from mailwatch.checkup import check as check_everything
from mailwatch.cli.invocation import Invocation
from mailwatch.clock import SystemClock
from mailwatch.domain.lines import dump_line
from mailwatch.logs import configure_logs

SIGNS = {Level.OK: ("✓", "green"), Level.WARNING: ("!", "yellow"), Level.PROBLEM: ("✗", "red")}


@click.command()
@click.option("--send-test", metavar="ADDRESS", default="", help="Send a test message from each mailbox to ADDRESS.")
@click.option("--data", is_flag=True, help="Check only what is recorded against every invariant.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def check(invocation: Invocation, send_test: str, data: bool, as_json: bool) -> None:
    """Connect to everything the configuration names; say what is wrong and what to do.

    Nothing is changed anywhere: mailboxes are opened read-only, and that is proven by comparing flags. Exit code 1
    if there is a problem; warnings don't count.
    """
    config = invocation.config()
    configure_logs("console", "error")
    clock = SystemClock()
    findings = check_data(config, clock=clock) if data else check_everything(config, clock=clock, send_test=send_test)
    if asyncio.run(_echo_all(invocation, findings, as_json)):
        raise SystemExit(1)


async def _echo_all(invocation: Invocation, findings: AsyncIterator[Finding], as_json: bool) -> int:
    """Print findings as they come; how many are problems."""
    problems = 0
    async for finding in findings:
        problems += finding.level is Level.PROBLEM
        text = invocation.pick(finding.en, finding.fr)
        if as_json:
            facts = {"level": str(finding.level), "about": finding.about, "text": text}
            click.echo(dump_line(facts))
        else:
            sign, colour = SIGNS[finding.level]
            click.echo(click.style(sign, fg=colour) + f" {finding.about}: {text}")
    if not as_json:
        click.echo(_conclusion(invocation, problems))
    return problems


def _conclusion(invocation: Invocation, problems: int) -> str:
    if not problems:
        return invocation.pick("No problem found.", "Aucun problème.")
    return invocation.pick(f"Problems: {problems}.", f"Problèmes\u00a0: {problems}.")
