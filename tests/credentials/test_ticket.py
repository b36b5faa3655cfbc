"""Tickets: one stream each, for a minute."""

from typing import Any

import pytest

from tocsin.credentials import ticket
from tocsin.credentials.ticket import Tickets
from tocsin.errors import TooMany, Unauthenticated
from tocsin.principal import Principal, UserId


def principal(user: str = "ada", **more: Any) -> Principal:
    return Principal(kind="user", credential="token:t", user_id=UserId(user), **more)


def test_a_ticket_gives_back_who_it_was_issued_to_once(clock: Any) -> None:
    tickets = Tickets(clock)
    text, expires_at = tickets.issue(principal())
    assert expires_at == clock.now() + 60_000
    assert tickets.redeem(text) == principal()
    with pytest.raises(Unauthenticated):
        tickets.redeem(text)


def test_a_ticket_holds_for_a_minute(clock: Any) -> None:
    tickets = Tickets(clock)
    first, second = tickets.issue(principal())[0], tickets.issue(principal())[0]
    clock.pass_seconds(59.9)
    tickets.redeem(first)
    clock.pass_seconds(0.1)
    with pytest.raises(Unauthenticated):
        tickets.redeem(second)


def test_setting_the_clock_back_prolongs_no_ticket(clock: Any) -> None:
    tickets = Tickets(clock)
    text, _ = tickets.issue(principal())
    clock.pass_seconds(61)
    clock.wall -= 3_600_000
    with pytest.raises(Unauthenticated):
        tickets.redeem(text)


def test_a_ticket_does_not_outlive_the_credential_it_was_got_with(clock: Any) -> None:
    tickets = Tickets(clock)
    text, _ = tickets.issue(principal(expires_at=clock.now() + 10_000))
    other, _ = tickets.issue(principal(expires_at=clock.now() + 10_000))
    clock.pass_seconds(9)
    tickets.redeem(text)
    clock.pass_seconds(1)
    with pytest.raises(Unauthenticated):
        tickets.redeem(other)


@pytest.mark.parametrize("text", ["", "x", "\ud800", "a" * 1_000_000])
def test_what_is_no_ticket_is_refused(clock: Any, text: str) -> None:
    tickets = Tickets(clock)
    tickets.issue(principal())
    with pytest.raises(Unauthenticated):
        tickets.redeem(text)


def test_one_user_cannot_hold_more_than_a_hundred_open_and_others_are_not_disturbed(clock: Any) -> None:
    tickets = Tickets(clock)
    texts = []
    for _ in range(100):
        texts.append(tickets.issue(principal())[0])
        clock.pass_seconds(0.1)
    with pytest.raises(TooMany) as refused:
        tickets.issue(principal())
    assert refused.value.retry_after == 50
    tickets.issue(principal("grace"))
    tickets.redeem(texts[50])
    tickets.issue(principal())
    with pytest.raises(TooMany):
        tickets.issue(principal())
    clock.pass_seconds(50)
    tickets.issue(principal())


def test_there_is_an_end_to_all_of_them_together(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ticket.OPEN_IN_ALL == 100_000
    monkeypatch.setattr(ticket, "OPEN_IN_ALL", 500)
    tickets = Tickets(clock)
    for number in range(500):
        tickets.issue(principal(f"user{number}"))
    with pytest.raises(TooMany):
        tickets.issue(principal("one more"))
    clock.pass_seconds(60)
    tickets.issue(principal("one more"))
    assert len(tickets) == 1


def test_nothing_is_kept_of_what_is_used_or_expired(clock: Any) -> None:
    tickets = Tickets(clock)
    for number in range(1000):
        text, _ = tickets.issue(principal(f"user{number}"))
        if number % 2:
            tickets.redeem(text)
        clock.pass_seconds(1)
    assert len(tickets) <= 60
    assert len(tickets._of_holder) <= 60


def test_no_text_of_a_ticket_is_kept(clock: Any) -> None:
    tickets = Tickets(clock)
    text, _ = tickets.issue(principal())
    assert text not in repr(vars(tickets))
