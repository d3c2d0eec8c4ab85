"""IT is told by e-mail that the database takes nothing, although the outbox can't carry it."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from builders import a_calendar, an_organisation
from services.world import MONDAY, RecordingMailer
from structlog.stdlib import get_logger
from structlog.testing import capture_logs

from mailwatch.clock import MovableClock
from mailwatch.domain.incidents import AlertSettings
from mailwatch.domain.outbox import Envelope, Outcome, OutcomeKind
from mailwatch.errors import StoreUnavailable
from mailwatch.rendering import TemplateRenderer
from mailwatch.resources import templates_folder
from mailwatch.services.alert_directly import DirectAlerts
from mailwatch.services.alert_writer import AlertWriter
from mailwatch.services.progress import Progress

IT, HELEN = "informatique@cscmonavenir.example", "helen.park@cscmonavenir.example"
SETTINGS = AlertSettings(to=(IT, HELEN), account="other", sender="mailwatch@cscmonavenir.example")
WORDS = "database or disk is full"
MINUTE = timedelta(minutes=1)
UNCERTAIN = Outcome(kind=OutcomeKind.UNCERTAIN)


def do(each: Progress) -> None:
    """The database takes it."""
    with each.attempt():
        pass


def fail(each: Progress) -> None:
    """The database doesn't."""
    with suppress(StoreUnavailable), each.attempt():
        raise StoreUnavailable(WORDS)


class Worker:
    """A process: two things that write, a mailer, and its direct alerts, ticked each minute."""

    def __init__(self, settings: AlertSettings = SETTINGS) -> None:
        self.clock = MovableClock(MONDAY)
        self.mailer = RecordingMailer()
        self.beats = Progress(lambda: self.clock.now().timestamp())
        self.alerts = Progress(lambda: self.clock.now().timestamp())
        self.is_paused = False
        calendar, organisation = a_calendar(), an_organisation()
        renderer = TemplateRenderer(None, templates_folder(), lambda _: None)
        for each in (self.beats, self.alerts):
            do(each)
        self.direct = DirectAlerts(
            AlertWriter(renderer, organisation, calendar.timezone, settings, b"key" * 11),
            {"other": self.mailer},
            settings,
            [self.beats, self.alerts],
            lambda: self.is_paused,
            "mail1",
            self.clock,
            get_logger(),
        )

    async def live(self, minutes: int, *, well: tuple[Progress, ...]) -> None:
        """So many minutes in which only what is well is done."""
        for _ in range(minutes):
            self.clock.advance(MINUTE)
            for each in (self.beats, self.alerts):
                do(each) if each in well else fail(each)
            await self.direct.tick()

    @property
    def letters(self) -> list[EmailMessage]:
        """What left."""
        return [message_from_bytes(body, _class=EmailMessage, policy=policy.default) for _, body in self.mailer.letters]


def words_of(letter: EmailMessage) -> str:
    """Its text part."""
    part = letter.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


@pytest.fixture
async def worker() -> Worker:
    """One that has just started."""
    return Worker()


async def test_it_is_told_once_that_the_database_takes_nothing_and_once_that_it_does_again(worker: Worker) -> None:
    all_well = (worker.beats, worker.alerts)
    with capture_logs() as logs:
        await worker.live(20, well=all_well)
        await worker.live(15, well=())
        assert worker.letters == []
        await worker.live(60, well=())
        began = worker.letters
        await worker.live(14, well=all_well)
        assert len(worker.letters) == 2
        await worker.live(30, well=all_well)
    over = worker.letters[2:]

    assert [letter["To"] for letter in (*began, *over)] == [IT, HELEN] * 2
    assert len({letter["Message-ID"] for letter in worker.letters}) == 4
    assert {letter["Auto-Submitted"] for letter in worker.letters} == {"auto-generated"}
    text = " ".join(words_of(began[0]).split())
    assert f"- mail1, depuis le lun. 23 nov. à 10 h 20 ; message : {WORDS}" in text, "since it last took something"
    assert "Que faire : Vérifiez si la base de données fonctionne" in text
    events = [each["event"] for each in logs if each["event"].startswith("incident")]
    assert events == ["incident.opened", "incident.closed"]


@pytest.mark.parametrize("still_well", ["beats", "alerts"])
async def test_what_takes_heartbeats_and_no_alerts_is_told_too(worker: Worker, still_well: str) -> None:
    await worker.live(20, well=(getattr(worker, still_well),))
    assert len(worker.letters) == 2


async def test_a_process_that_was_frozen_has_until_the_next_tick(worker: Worker) -> None:
    worker.clock.advance(timedelta(hours=3))
    await worker.live(1, well=())
    await worker.live(60, well=(worker.beats, worker.alerts))
    assert worker.letters == []


async def test_what_comes_and_goes_is_one_incident(worker: Worker) -> None:
    for _ in range(5):
        await worker.live(17, well=())
        await worker.live(10, well=(worker.beats, worker.alerts))
    assert len(worker.letters) == 2


async def test_what_is_refused_for_now_leaves_later_with_the_same_bytes(worker: Worker) -> None:
    worker.mailer.answers = [Outcome(kind=OutcomeKind.DEFERRED, code=451)]
    await worker.live(16, well=())
    assert [letter["To"] for letter in worker.letters] == [IT], "the server is left alone"
    await worker.live(1, well=())
    assert [letter["To"] for letter in worker.letters] == [IT, HELEN, IT]
    first, _, again = [body for _, body in worker.mailer.letters]
    assert first == again


async def test_an_account_that_is_refused_is_not_asked_every_minute(worker: Worker) -> None:
    worker.mailer.answers = [Outcome(kind=OutcomeKind.ACCOUNT_REFUSED)] * 100
    await worker.live(16 + 60, well=())
    assert len(worker.letters) == 5


async def test_what_is_in_doubt_leaves_once_more_at_most(worker: Worker) -> None:
    worker.mailer.answers = [UNCERTAIN] * 10
    await worker.live(30, well=())
    assert len(worker.letters) == 4
    assert len({body for _, body in worker.mailer.letters}) == 2


async def test_a_fault_of_ours_is_a_doubt_and_holds_up_nobody_else(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = worker.mailer.submit

    async def break_off(envelope: Envelope, body: bytes, ready: object = None) -> Outcome:
        outcome = await submit(envelope, body)
        if envelope.recipient == IT:
            raise ZeroDivisionError
        return outcome

    monkeypatch.setattr(worker.mailer, "submit", break_off)
    with capture_logs() as logs:
        await worker.live(30, well=())
    assert sorted(str(letter["To"]) for letter in worker.letters) == [HELEN, IT, IT]
    assert "submission.failed" in {each["event"] for each in logs}


async def test_seconds_since_a_heartbeat_are_no_silence_however_soon_alerts_are_wanted() -> None:
    worker = Worker(replace(SETTINGS, after=timedelta(seconds=5)))
    for _ in range(5):
        worker.clock.advance(timedelta(seconds=52))
        do(worker.beats)
        do(worker.alerts)
        worker.clock.advance(timedelta(seconds=8))
        await worker.direct.tick()
    assert worker.letters == []


async def test_nothing_leaves_while_a_person_has_paused_sending(worker: Worker) -> None:
    worker.is_paused = True
    await worker.live(30, well=())
    assert worker.letters == []
    worker.is_paused = False
    await worker.live(1, well=())
    assert len(worker.letters) == 2


async def test_what_could_not_leave_for_a_day_is_given_up_and_the_log_says_so(worker: Worker) -> None:
    worker.is_paused = True
    await worker.live(17, well=())
    worker.clock.advance(timedelta(hours=24))
    worker.is_paused = False
    with capture_logs() as logs:
        await worker.live(2, well=())
    assert worker.letters == []
    assert [each["event"] for each in logs] == ["alert.failed"] * 2
