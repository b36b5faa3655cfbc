"""JWTs that hold: what they prove, for how long, and what is remembered of them."""

from __future__ import annotations

from typing import Any

import pytest

from credentials import forge
from credentials.issuers import ID, NOW, NOW_S, NULL, OTHER, SECRET, World, by_id, claims, own, own_claims, refused
from tocsin.config import Issuer
from tocsin.credentials.jwt import LIFE_MS, TokenIssuer, Verifier
from tocsin.credentials.key_set import key_set_from_jwks
from tocsin.errors import StartError, Unauthenticated, Unavailable
from tocsin.principal import User, UserId


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.mark.parametrize(
    "changes", [{"jti": None}, {"iat": None}, {"superuser": None}, {"superuser": "true"}, {"aud": "x"}]
)
def test_our_own_tokens_are_taken_only_as_we_write_them(world: World, changes: dict[str, Any]) -> None:
    changes = {name: (NULL if name == "superuser" and value is None else value) for name, value in changes.items()}
    refused(world, own(payload=own_claims(**changes)))


def test_roles_count_only_from_ourselves_and_trusted_issuers(world: World) -> None:
    def superuser(token: str) -> bool:
        return world.verifier.verify(token, NOW).superuser

    at_other = forge.rs256(world.other)
    assert superuser(own(payload=own_claims(superuser=True)))
    assert superuser(forge.token({"alg": "RS256"}, claims(iss=OTHER, superuser=True), at_other))
    assert not superuser(forge.token({"alg": "RS256"}, claims(iss=OTHER), at_other))
    for said in (True, "true", 1, ["x"]):
        assert not superuser(by_id(world, payload=claims(superuser=said)))
    for said in ("true", "false", 1, 0, [], NULL):
        refused(world, forge.token({"alg": "RS256"}, claims(iss=OTHER, superuser=said), at_other))


def test_what_a_token_proved(world: World) -> None:
    proved = world.verifier.verify(
        by_id(world, payload=claims(sub="Zoe\u0308", iat=NOW_S - 5, nbf=NOW_S - 3, jti="x\ny")), NOW
    )
    assert (proved.issuer, proved.subject, proved.create_user) == (ID, "Zo\u00eb", False)
    assert proved.permissions == {"notifications"}
    assert (proved.issued_at, proved.not_before, proved.expires_at) == (NOW - 5000, NOW - 3000, NOW + 3_600_000)
    assert proved.token_id.isalnum()
    silent = world.verifier.verify(by_id(world, payload=claims(iat=None, permissions=NULL)), NOW)
    assert (silent.issued_at, silent.permissions) == (0, frozenset())
    brought = forge.token({"alg": "RS256"}, claims(iss=OTHER), forge.rs256(world.other))
    assert world.verifier.verify(brought, NOW).create_user


def test_a_token_of_ours_says_who_and_lasts_a_day(world: World) -> None:
    user = User(id=UserId("ada"), name="Ada", permissions=frozenset({"notifications"}), superuser=True)
    token, expires_at = world.own.issue(user, NOW + 123)
    proved = world.verifier.verify(token, NOW + 123)
    assert (proved.issuer, proved.subject, proved.superuser) == (None, "ada", True)
    assert proved.permissions == {"notifications"}
    assert proved.issued_at == NOW + 123
    assert proved.expires_at == expires_at == NOW + LIFE_MS
    world.verifier.verify(token, expires_at + 59_999)
    refused(world, token, expires_at + 60_000)
    other, _ = world.own.issue(user, NOW + 123)
    assert world.verifier.verify(other, NOW + 123).token_id != proved.token_id


def test_a_token_made_in_the_millisecond_of_a_revocation_holds_and_one_before_does_not(world: World) -> None:
    before, _ = world.own.issue(User(id=UserId("ada"), name=""), NOW + 499)
    user = User(id=UserId("ada"), name="", tokens_after=NOW + 500)
    after, _ = world.own.issue(user, NOW + 500)
    assert world.verifier.verify(before, NOW + 600).issued_at < user.tokens_after
    assert world.verifier.verify(after, NOW + 600).issued_at >= user.tokens_after


def test_a_clock_that_is_set_back_locks_nobody_out(world: World) -> None:
    user = User(id=UserId("ada"), name="", tokens_after=NOW)
    earlier = NOW - 3_600_000
    old, _ = world.own.issue(user, NOW)
    world.verifier.verify(old, earlier)
    new, _ = world.own.issue(user, earlier)
    assert world.verifier.verify(new, earlier).issued_at >= user.tokens_after


def test_what_is_remembered_expires_all_the_same(world: World) -> None:
    token = by_id(world, payload=claims(nbf=NOW_S, exp=NOW_S + 10))
    world.verifier.verify(token, NOW)
    refused(world, token, NOW + 70_000)
    world.verifier.verify(token, NOW)
    refused(world, token, NOW - 61_000)
    world.verifier.verify(token, NOW)


def test_what_is_remembered_goes_with_the_key_that_proved_it() -> None:
    world = World()
    token = by_id(world)
    world.verifier.verify(token, NOW)
    held = world.keys.sets[ID]
    world.keys.sets[ID] = key_set_from_jwks([forge.jwk(world.stranger, kid="k1")], "RS256")
    refused(world, token)
    world.keys.sets[ID] = held
    world.verifier.verify(token, NOW)
    del world.keys.sets[ID]
    with pytest.raises(Unavailable):
        world.verifier.verify(token, NOW)


def test_while_an_issuer_has_given_no_keys_its_tokens_are_not_said_to_be_bad() -> None:
    world = World()
    token = by_id(world)
    del world.keys.sets[ID]
    with pytest.raises(Unavailable) as refusal:
        world.verifier.verify(token, NOW)
    assert refusal.value.retry_after
    assert not world.verifier._proven, "nothing is remembered of what may be forged"
    # Whatever the keys will be, these are none of its tokens.
    refused(world, by_id(world, {"alg": "RS512"}))
    refused(world, by_id(world, {"jku": "https://evil.example/"}))
    refused(world, by_id(world, payload=claims(iss="https://unknown.example")))
    world.keys.sets[ID] = key_set_from_jwks([forge.jwk(world.stranger, kid="k1")], "RS256")
    refused(world, token)


def test_no_more_than_ten_thousand_tokens_are_remembered_and_no_forged_one() -> None:
    verifier = Verifier(TokenIssuer(SECRET), [], forge.HeldKeys({}))
    first = own()
    proved = verifier.verify(first, NOW)
    for number in range(10_050):
        verifier.verify(own(payload=own_claims(jti=str(number))), NOW)
        if number % 1000 == 0:
            verifier.verify(first, NOW)
    assert len(verifier._proven) == 10_000
    before = set(verifier._proven)
    for number in range(20):
        with pytest.raises(Unauthenticated):
            verifier.verify(own(payload=own_claims(jti=str(number)), secret=b"x" * 32), NOW)
    assert set(verifier._proven) == before
    assert verifier.verify(first, NOW) is proved  # used often, so never put out


@pytest.mark.parametrize("key", [b"", b"short", b"x" * 31])
def test_a_short_signing_key_does_not_start(key: bytes) -> None:
    with pytest.raises(StartError):
        TokenIssuer(key)


def test_a_public_key_does_not_start_as_signing_key(world: World) -> None:
    with pytest.raises(StartError):
        TokenIssuer(forge.pem(world.id).encode())


def test_issuers_that_cannot_be_told_apart_do_not_start() -> None:
    def issuer(name: str, audience: str = "a") -> Issuer:
        return Issuer(issuer=name, audience=audience, algorithm="RS256", jwks_url="https://id.example")

    own_issuer, keys = TokenIssuer(SECRET), forge.HeldKeys({})
    Verifier(own_issuer, [issuer("a"), issuer("b")], keys)
    for bad in ([issuer("tocsin")], [issuer("a"), issuer("a", "b")], [issuer("")], [issuer("a", "")]):
        with pytest.raises(StartError):
            Verifier(own_issuer, bad, keys)
