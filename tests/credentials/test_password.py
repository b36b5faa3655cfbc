"""Passwords: kept as Argon2id, and taken only where somebody would not try them first."""

import threading

import pytest

from tocsin.credentials import password
from tocsin.credentials.password import hash_password, password_holds, password_refusal
from tocsin.errors import Invalid
from tocsin.samples import PASSWORDS


def test_a_password_holds_against_its_own_hash_only() -> None:
    kept = hash_password("correct horse")
    assert password_holds("correct horse", kept)
    for wrong in ("Correct horse", "correct horse ", "", "correct horse\0", "x" * 2_000_000):
        assert not password_holds(wrong, kept)


def test_the_hash_is_argon2id_of_owasps_cost_in_phc_form_and_salted() -> None:
    one, other = hash_password("correct horse"), hash_password("correct horse")
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert one != other


def test_each_sample_user_has_the_name_for_a_password_at_the_cost_of_everybodys() -> None:
    assert set(PASSWORDS) == {"user123", "user456", "viewer", "admin"}
    cost = hash_password("correct horse").split("$")[:4]
    for name, kept in PASSWORDS.items():
        assert password_holds(name, kept)
        assert kept.split("$")[:4] == cost


def test_a_user_without_a_password_is_refused_every_password() -> None:
    for text in ("", "anything", "x" * 5000, "\ud800"):
        assert not password_holds(text, None)


def test_an_unknown_user_costs_the_same_derivation_as_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the parameters that were verified, not by a stopwatch."""
    verified: list[str] = []
    real = password.Argon2id

    class Counting:
        def __new__(cls, **options: object) -> object:
            return real(**options)

        @staticmethod
        def verify_phc_encoded(secret: bytes, phc: str) -> None:
            verified.append(phc)
            real.verify_phc_encoded(secret, phc)

    kept = hash_password("correct horse")
    monkeypatch.setattr(password, "Argon2id", Counting)
    password_holds("wrong", kept)
    password_holds("wrong", None)
    password_holds("w" * 2000, kept)
    password_holds("w" * 2000, None)
    assert len(verified) == 4
    assert {phc.split("$")[3] for phc in verified} == {"m=19456,t=2,p=1"}


def test_a_text_that_is_not_hashed_is_not_taken_for_an_empty_one() -> None:
    kept = hash_password("")
    assert password_holds("", kept)
    for text in ("x" * 2000, "\ud800"):
        assert not password_holds(text, kept)


def test_the_two_forms_of_an_umlaut_are_one_password() -> None:
    assert password_holds("Tu\u0308ren zu!", hash_password("T\u00fcren zu!"))


@pytest.mark.parametrize("damaged", ["", "x", "$argon2id$", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=1"])
def test_a_damaged_hash_holds_for_nobody(damaged: str) -> None:
    assert not password_holds("correct horse", damaged)
    assert not password_holds("", damaged)


def test_too_long_or_unreadable_text_is_not_hashed() -> None:
    hash_password("x" * 1024)
    for text in ("x" * 1025, "\u00e9" * 513, "\ud800" * 8):
        with pytest.raises(Invalid):
            hash_password(text)


@pytest.mark.parametrize(
    "text",
    ["", "short77", "admin", "Password", "CHANGEME", "changeme ", "password123", "aaaaaaaaaaaa", "dev-api-key-12345"],
)
def test_weak_and_well_known_passwords_are_refused(text: str) -> None:
    assert password_refusal(text)


def test_a_user_may_not_have_their_own_name_as_password() -> None:
    assert password_refusal("Marguerite", user="marguerite")
    assert password_refusal("Marguerite", user="henri") is None


def test_in_dev_the_names_of_the_documents_are_taken_but_the_limits_stay() -> None:
    assert password_refusal("admin", user="admin", dev=True) is None
    assert password_refusal("", dev=True)
    assert password_refusal("x" * 1025, dev=True)


def test_good_passwords_are_taken() -> None:
    for text in ("correct horse", "pässwörter", "x9$kLm2!", "y" * 1023 + "z"):
        assert password_refusal(text) is None


def test_other_threads_run_while_a_password_is_hashed() -> None:
    """Else a thread would not keep the event loop free: the one promise of this module to its callers."""
    seen, done = [], threading.Event()

    def hash_some() -> None:
        for _ in range(20):
            hash_password("correct horse")
        done.set()

    thread = threading.Thread(target=hash_some)
    thread.start()
    while not done.wait(0.002):
        seen.append(1)
    thread.join()
    # Twenty hashes take far longer than forty waits of 2 ms; holding the GIL would allow about twenty.
    assert len(seen) > 40
