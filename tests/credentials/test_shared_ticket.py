"""Tickets that open one stream on whichever node they come to: each that is issued opens, once, for a minute."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tocsin.credentials.shared_ticket import LONGEST, SKEW_MS, SharedTickets
from tocsin.credentials.ticket import Tickets
from tocsin.errors import Unauthenticated
from tocsin.principal import ID_LENGTH, Principal, UserId

KEY = b"k" * 32


class Register:
    """In which the first who takes a name gets it."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    async def take(self, name: str, _seconds: float) -> bool:
        free = name not in self.taken
        self.taken.add(name)
        return free


def two(clock: Any, key: bytes = KEY) -> tuple[SharedTickets, SharedTickets]:
    register = Register()
    return (
        SharedTickets(Tickets(clock), clock, KEY, register.take),
        SharedTickets(Tickets(clock), clock, key, register.take),
    )


def principal(**more: Any) -> Principal:
    return Principal(**{"kind": "user", "credential": "token:t", "user_id": UserId("ada"), **more})


def redeem(node: SharedTickets, ticket: str) -> Principal:
    return asyncio.run(node.redeem(ticket))


def refused(node: SharedTickets, ticket: str) -> None:
    with pytest.raises(Unauthenticated):
        redeem(node, ticket)


def test_a_ticket_gives_back_on_another_node_who_it_was_issued_to_once(clock: Any) -> None:
    one, other = two(clock)
    who = principal(issued_at=clock.now() - 5, expires_at=clock.now() + 60_000)
    text, expires_at = one.issue(who)
    assert expires_at == clock.now() + 60_000
    assert redeem(other, text) == who
    refused(other, text)
    refused(one, text)


@pytest.mark.parametrize("permissions", [0, 50, 250, 5_000])
def test_however_much_somebody_may_do_the_ticket_opens_and_may_do_nothing(clock: Any, permissions: int) -> None:
    one, other = two(clock)
    allowed = frozenset(f"scope.number.{n}" for n in range(permissions))
    text, _ = one.issue(principal(permissions=allowed, superuser=True))
    assert redeem(other, text) == principal()


@pytest.mark.parametrize("name", ["\U0001f514", '"', "\\", "a"])
def test_however_long_somebodys_name_is_the_ticket_opens(clock: Any, name: str) -> None:
    one, other = two(clock)
    text, _ = one.issue(principal(user_id=UserId(name * ID_LENGTH), credential="session:" + name * ID_LENGTH))
    assert len(text) < LONGEST / 2
    assert redeem(other, text).user_id == name * ID_LENGTH


def test_a_ticket_holds_for_a_minute_and_as_much_as_clocks_may_be_apart(clock: Any) -> None:
    one, other = two(clock)
    first, second = one.issue(principal())[0], one.issue(principal())[0]
    clock.pass_seconds(60 + SKEW_MS / 1000 - 0.001)
    redeem(other, first)
    clock.pass_seconds(0.001)
    refused(other, second)


def test_a_ticket_does_not_outlive_the_credential_it_was_got_with(clock: Any) -> None:
    one, other = two(clock)
    first, second = (one.issue(principal(expires_at=clock.now() + 10_000))[0] for _ in range(2))
    clock.pass_seconds(9.999)
    redeem(other, first)
    clock.pass_seconds(0.001)
    refused(other, second)


def test_a_ticket_that_was_changed_or_sealed_with_another_key_is_refused(clock: Any) -> None:
    one, stranger = two(clock, b"s" * 32)
    text, _ = one.issue(principal())
    other, _ = one.issue(principal(user_id=UserId("grace")))
    refused(stranger, text)
    name, _, seal = text.split(".")
    for wrong in ("", "x", "..", f"{name}.{other.split('.')[1]}.{seal}", text + "a", "é" + text, "a" * 100_000):
        refused(one, wrong)
    assert redeem(one, text) == principal()
