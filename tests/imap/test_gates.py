"""Pauses, and who may hold a connection."""

from dataclasses import replace
from random import Random

import pytest
from servers.accounts import AnAccount

from mailwatch.errors import LoginRefused, MailboxUnavailable
from mailwatch.imap.gates import BackOff, Gates, SharedLogin


class Highest(Random):
    """Always the upper end."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_pauses_double_from_a_second_to_five_minutes_and_begin_anew_after_a_reset() -> None:
    back_off = BackOff(Highest())
    error = MailboxUnavailable("gone")

    pauses = [back_off.next(error) for _ in range(11)]
    back_off.reset()

    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert back_off.next(error) == 1


def test_pauses_grow_no_longer_than_they_may() -> None:
    back_off = BackOff(Highest(), 30.0)

    assert [back_off.next(MailboxUnavailable("gone")) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_pauses_are_spread_over_the_whole_span_below_the_ceiling() -> None:
    pauses = []
    for seed in range(200):
        back_off = BackOff(Random(seed))
        pauses.append([back_off.next(MailboxUnavailable("gone")) for _ in range(5)][-1])

    assert min(pauses) < 1
    assert max(pauses) > 15


def test_a_server_gets_the_pause_it_asks_for_and_no_two_come_back_at_once() -> None:
    error = MailboxUnavailable("throttled", back_off=299.961)

    pauses = {BackOff(Random(seed)).next(error) for seed in range(50)}

    assert min(pauses) >= 299.961
    assert len(pauses) == 50


def test_no_server_can_send_us_away_for_a_day() -> None:
    assert BackOff(Highest()).next(MailboxUnavailable("go", back_off=999_999.0)) <= 3601


def test_a_refused_password_is_tried_again_after_a_minute_and_then_every_quarter_of_an_hour() -> None:
    back_off = BackOff(Random(1))

    assert [back_off.next(LoginRefused("no")) for _ in range(3)] == [60, 900, 900]


async def test_a_refusal_counts_for_all_mailboxes_of_the_account() -> None:
    login = SharedLogin()
    with pytest.raises(LoginRefused):
        async with login.attempt():
            raise LoginRefused("the password is wrong")

    with pytest.raises(LoginRefused, match="wrong"):
        async with login.attempt():
            raise AssertionError("nobody may knock now")


@pytest.mark.parametrize(
    ("mailboxes", "limit", "staying"),
    [(1000, 0, 1000), (10, 10, 10), (11, 10, 8), (1000, 20, 16), (3, 2, 1), (2, 1, 0)],
)
def test_past_a_server_s_limit_some_stay_and_a_fifth_of_the_connections_is_for_visits(
    mailboxes: int, limit: int, staying: int
) -> None:
    accounts = [AnAccount(username=f"u{n}", max_connections=limit) for n in range(mailboxes)]

    places = Gates(accounts).assign_places(accounts)

    assert [place.may_stay for place in places] == [True] * staying + [False] * (mailboxes - staying)


def test_past_an_account_s_limit_its_other_mailboxes_visit_and_other_accounts_stay() -> None:
    accounts = [AnAccount(username="shared", per_account=2)] * 3 + [AnAccount(username="other", per_account=2)]

    assert [place.may_stay for place in Gates(accounts).assign_places(accounts)] == [True, False, False, True]


def test_servers_have_limits_of_their_own() -> None:
    account = AnAccount(username="same", per_account=1, max_connections=1)
    accounts = [account, replace(account, server="other")]
    here, there = Gates(accounts).assign_places(accounts)

    assert here.may_stay
    assert there.may_stay
    assert not set(here.connections) & set(there.connections)


async def test_a_place_is_free_again_after_a_failure() -> None:
    accounts = [AnAccount(per_account=1, max_connections=1)]
    [place] = Gates(accounts).assign_places(accounts)
    for _ in range(3):
        with pytest.raises(MailboxUnavailable):
            async with place.entered():
                raise MailboxUnavailable("gone")

    assert not any(gate.locked() for gate in place.connections)
