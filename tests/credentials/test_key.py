"""API keys and app secrets: their form, and how they are compared."""

import re

import pytest

from tocsin.credentials.key import (
    DEV_APP_SECRET,
    DEV_KEY,
    is_sample,
    make_key,
    parse_key,
    secret_hash,
    secret_holds,
)


def test_a_new_key_can_be_taken_apart_and_its_secret_holds() -> None:
    made = make_key()
    parsed = parse_key(made.text)
    assert parsed is not None
    assert parsed[0] == made.id
    assert secret_holds(parsed[1], made.hash)
    assert not secret_holds(parsed[1].upper(), made.hash)
    assert not secret_holds(make_key().text, made.hash)


def test_the_form_of_a_key() -> None:
    made = make_key()
    assert re.fullmatch(r"tsn_[a-z2-7]{16}_[a-z2-7]{52}", made.text)
    assert len(made.hash) == 32


def test_no_two_keys_are_alike() -> None:
    made = [make_key() for _ in range(1000)]
    assert len({key.id for key in made}) == len({key.hash for key in made}) == 1000


def test_what_is_kept_does_not_hold_the_secret() -> None:
    made = make_key()
    secret = made.text.rpartition("_")[2]
    assert secret.encode() not in made.hash
    assert secret not in made.id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tsn_",
        "tsn__",
        "tsn_abcdefghijklmnop",
        "tsn_abcdefghijklmnop_",
        "tsn_abcdefghijklmnop_short",
        "tsn_abc_" + "a" * 52,
        "tsn_ABCDEFGHIJKLMNOP_" + "a" * 52,
        "TSN_abcdefghijklmnop_" + "a" * 52,
        "tsn_abcdefghijklmnop_" + "a" * 52 + "\n",
        " tsn_abcdefghijklmnop_" + "a" * 52,
        "tsn_abcdefghijklmnop_" + "a" * 26 + "_" + "a" * 26,
        "tsn_abcdefghijklmnop_" + "\u0661" * 52,
        "tsn_abcdefghijklmnop_" + "a" * 1_000_000,
        DEV_KEY,
        "eyJhbGciOiJIUzI1NiJ9.e30.x",
    ],
)
def test_what_has_not_the_form_is_no_key(text: str) -> None:
    assert parse_key(text) is None


def test_an_unknown_id_holds_for_no_secret() -> None:
    assert not secret_holds("", None)
    assert not secret_holds(make_key().text, None)


def test_any_text_can_be_compared() -> None:
    assert not secret_holds("\ud800\udfff\0\u00e9", secret_hash("x"))


def test_samples_are_known() -> None:
    assert is_sample(DEV_KEY)
    assert is_sample(DEV_APP_SECRET)
    assert not is_sample(make_key().text)
    assert DEV_KEY == "dev-api-key-12345"
    assert DEV_APP_SECRET == "demo-app-secret"
