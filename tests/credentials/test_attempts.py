"""Attempts: failed sign-ins per account and per address."""

from typing import Any

import pytest

from tocsin.credentials import attempts as module
from tocsin.credentials.attempts import Attempts
from tocsin.errors import TooMany


def fail(attempts: Attempts, account: str, address: str, times: int = 1) -> None:
    for _ in range(times):
        attempts.check(account, address)
        attempts.failed(account, address)


def refused(attempts: Attempts, account: str, address: str) -> int:
    """Seconds to wait; 0 when not refused."""
    try:
        attempts.check(account, address)
    except TooMany as error:
        return error.retry_after
    return 0


def test_the_eleventh_failure_of_an_account_is_refused_wherever_it_comes_from(clock: Any) -> None:
    attempts = Attempts(10, clock)
    for number in range(10):
        fail(attempts, "ada", f"192.0.2.{number}")
    assert refused(attempts, "ada", "198.51.100.1") == 300


def test_the_eleventh_failure_from_an_address_is_refused_whichever_account_it_names(clock: Any) -> None:
    attempts = Attempts(10, clock)
    for number in range(10):
        fail(attempts, f"user{number}", "192.0.2.1")
    assert refused(attempts, "ada", "192.0.2.1") == 300


def test_another_account_from_another_address_is_not_affected(clock: Any) -> None:
    attempts = Attempts(10, clock)
    fail(attempts, "ada", "192.0.2.1", 10)
    assert refused(attempts, "ada", "192.0.2.1")
    assert not refused(attempts, "grace", "192.0.2.2")
    attempts.succeeded("grace", "192.0.2.2")


def test_the_limit_is_the_one_configured(clock: Any) -> None:
    attempts = Attempts(3, clock)
    fail(attempts, "ada", "192.0.2.1", 3)
    assert refused(attempts, "ada", "192.0.2.1")


def test_nobody_is_locked_out_for_longer_than_five_minutes(clock: Any) -> None:
    attempts = Attempts(10, clock)
    fail(attempts, "ada", "192.0.2.1", 10)
    clock.pass_seconds(299)
    assert refused(attempts, "ada", "192.0.2.1") == 1
    clock.pass_seconds(1)
    assert not refused(attempts, "ada", "192.0.2.1")


def test_what_is_refused_is_not_counted_so_that_asking_on_does_not_prolong_it(clock: Any) -> None:
    attempts = Attempts(10, clock)
    fail(attempts, "ada", "192.0.2.1", 10)
    for _ in range(290):
        clock.pass_seconds(1)
        assert refused(attempts, "ada", "192.0.2.1")
    clock.pass_seconds(10)
    assert not refused(attempts, "ada", "192.0.2.1")


def test_retry_after_says_when_the_next_one_is_heard(clock: Any) -> None:
    attempts = Attempts(10, clock)
    for _ in range(10):
        fail(attempts, "ada", "192.0.2.1")
        clock.pass_seconds(10)
    wait = refused(attempts, "ada", "192.0.2.1")
    assert wait == 200
    clock.pass_seconds(wait)
    fail(attempts, "ada", "192.0.2.1")
    assert refused(attempts, "ada", "192.0.2.1") == 10


def test_successes_are_not_counted_and_take_back_nothing(clock: Any) -> None:
    attempts = Attempts(10, clock)
    for _ in range(1000):
        attempts.check("ada", "192.0.2.1")
        attempts.succeeded("ada", "192.0.2.1")
    fail(attempts, "ada", "192.0.2.1", 9)
    attempts.succeeded("ada", "192.0.2.1")
    fail(attempts, "ada", "192.0.2.1")
    assert refused(attempts, "ada", "192.0.2.1")


def test_the_owner_gets_in_from_home_while_strangers_attack_the_account_for_hours(clock: Any) -> None:
    attempts = Attempts(10, clock)
    attempts.succeeded("ada", "192.0.2.1")
    for number in range(2000):
        stranger = f"2001:db8:0:{number:x}::1"
        if not refused(attempts, "ada", stranger):
            attempts.failed("ada", stranger)
        assert not refused(attempts, "ada", "192.0.2.1")
        clock.pass_seconds(5)
    assert refused(attempts, "ada", "2001:db8:1::1")
    attempts.succeeded("ada", "192.0.2.1")


def test_at_home_guessing_is_limited_too(clock: Any) -> None:
    attempts = Attempts(10, clock)
    attempts.succeeded("ada", "192.0.2.1")
    fail(attempts, "ada", "192.0.2.1", 10)
    assert refused(attempts, "ada", "192.0.2.1")
    assert refused(attempts, "ada", "192.0.2.2")


def test_an_address_is_at_home_for_one_account_and_thirty_days(clock: Any) -> None:
    attempts = Attempts(10, clock)
    attempts.succeeded("mallory", "192.0.2.66")
    attempts.succeeded("ada", "192.0.2.1")
    clock.pass_seconds(30 * 24 * 3600 - 1)
    for number in range(10):
        fail(attempts, "ada", f"198.51.100.{number}")
    assert refused(attempts, "ada", "192.0.2.66")
    assert not refused(attempts, "ada", "192.0.2.1")
    clock.pass_seconds(1)
    assert refused(attempts, "ada", "192.0.2.1")


def test_of_a_hundred_guesses_at_once_ten_learn_their_outcome(clock: Any) -> None:
    attempts = Attempts(10, clock)
    for number in range(100):
        attempts.check("ada", f"192.0.2.{number}")
    told = 0
    for number in range(99):
        try:
            attempts.failed("ada", f"192.0.2.{number}")
            told += 1
        except TooMany:
            pass
    assert told == 10
    with pytest.raises(TooMany):
        attempts.succeeded("ada", "192.0.2.99")


def test_an_ipv6_subscriber_is_one_address(clock: Any) -> None:
    attempts = Attempts(10, clock)
    for number in range(10):
        fail(attempts, f"user{number}", f"2001:db8:1:2:{number:x}::{number:x}")
    assert refused(attempts, "ada", "2001:db8:1:2:ffff::1")
    assert not refused(attempts, "ada", "2001:db8:1:3::1")


def test_the_two_forms_of_an_account_name_are_one(clock: Any) -> None:
    attempts = Attempts(2, clock)
    fail(attempts, "zo\u00eb", "192.0.2.1")
    fail(attempts, "zoe\u0308", "192.0.2.2")
    assert refused(attempts, "zo\u00eb", "192.0.2.3")


def test_an_account_cannot_be_taken_for_an_address(clock: Any) -> None:
    attempts = Attempts(1, clock)
    fail(attempts, "192.0.2.7", "192.0.2.1")
    assert not refused(attempts, "ada", "192.0.2.7")


def test_setting_the_clock_changes_nothing(clock: Any) -> None:
    attempts = Attempts(10, clock)
    fail(attempts, "ada", "192.0.2.1", 10)
    clock.wall += 10 * 365 * 86_400_000
    assert refused(attempts, "ada", "192.0.2.1") == 300


def test_memory_has_an_end_and_long_names_take_no_more(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.REMEMBERED == 100_000
    monkeypatch.setattr(module, "REMEMBERED", 100)
    attempts = Attempts(10, clock)
    for number in range(1000):
        account, address = f"{number}" * 10_000, f"10.0.{number // 250}.{number % 250}"
        fail(attempts, account, address)
        attempts.succeeded(account, address)
    held = [attempts._accounts._times, attempts._addresses._times, attempts._familiar]
    assert [len(each) for each in held] == [100, 100, 100]
    assert max(len(key) for each in held for key in each) <= 32


def test_who_mistypes_keeps_nobody_else_at_the_address_out(clock: Any) -> None:
    attempts = Attempts(10, clock)
    fail(attempts, "ada", "192.0.2.1", 10)
    assert refused(attempts, "ada", "192.0.2.1")
    assert not refused(attempts, "grace", "192.0.2.1")


def test_one_guess_at_each_account_ends_at_the_limit(clock: Any) -> None:
    attempts = Attempts(10, clock)
    for number in range(10):
        fail(attempts, f"user{number}", "192.0.2.1")
    assert refused(attempts, "somebody else", "192.0.2.1")
