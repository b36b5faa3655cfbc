"""`tocsin doctor` looks at the PostgreSQL and the Redis that nodes are told of, and names no password."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.command import Ran, tocsin
from harness.ports import free_port
from harness.postgresql import PASSWORD, cluster
from harness.redis import Redis


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    made = Redis()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def database() -> str:
    return cluster().database_with_tables("doctor")


def found(data: Path, database: str, broker: str = "") -> tuple[Ran, dict[str, tuple[str, str]]]:
    """What is said first, by what it is about."""
    env = {"TOCSIN_DATABASE": database, **({"TOCSIN_BROKER": broker} if broker else {})}
    ran = tocsin("doctor", "--json", "--data", str(data), env=env)
    assert PASSWORD not in ran.out + ran.err
    return ran, {one["about"]: (one["grade"], one["sentence"]) for one in reversed(ran.json["findings"])}


def test_a_broker_that_does_its_work_is_good(redis: Redis, database: str, tmp_path: Path) -> None:
    _, said = found(tmp_path, database, redis.url)
    grade, sentence = said["broker"]
    assert grade == "good"
    assert sentence.startswith("Redis ")


def test_a_broker_that_nobody_reaches_is_a_problem_and_what_it_costs_is_said(database: str, tmp_path: Path) -> None:
    ran, said = found(tmp_path, database, f"redis://:{PASSWORD}@127.0.0.1:{free_port()}")
    grade, sentence = said["broker"]
    assert (ran.status, grade) == (1, "problem")
    assert "late" in sentence


def test_a_broker_that_lets_its_user_say_nothing_is_a_problem(redis: Redis, database: str, tmp_path: Path) -> None:
    redis.say(f"ACL SETUSER quiet on >{PASSWORD} +@all -publish ~* &*")
    ran, said = found(tmp_path, database, redis.url.replace("//", f"//quiet:{PASSWORD}@"))
    grade, sentence = said["broker"]
    assert (ran.status, grade) == (1, "problem")
    assert "may not publish" in sentence


def test_without_a_broker_nothing_is_said_of_one(database: str, tmp_path: Path) -> None:
    assert "broker" not in found(tmp_path, database)[1]


def test_a_database_that_a_power_cut_would_cost_what_was_answered_is_a_problem(database: str, tmp_path: Path) -> None:
    """The tests' own cluster is such a one."""
    ran, said = found(tmp_path, database)
    assert ran.status == 1
    assert said["fsync"][0] == "problem"
    assert said["standby"][0] == "warning"
    assert said["schema"][0] == "good"


def test_a_database_that_nobody_reaches_is_a_problem(tmp_path: Path) -> None:
    ran, said = found(tmp_path, f"postgresql://tocsin:{PASSWORD}@127.0.0.1:{free_port()}/tocsin")
    assert ran.status == 1
    assert said["PostgreSQL"][0] == "problem"


def test_a_first_password_that_still_lies_about_is_told_also_where_all_else_is_in_postgresql(
    database: str, tmp_path: Path
) -> None:
    assert "password" not in found(tmp_path, database)[1]
    (tmp_path / "first-superuser.txt").write_text("user: admin\npassword: x\n")
    grade, sentence = found(tmp_path, database)[1]["password"]
    assert grade == "warning"
    assert "tocsin user password" in sentence


def test_certificates_that_are_not_there_are_named_on_one_line(tmp_path: Path) -> None:
    url = f"postgresql://127.0.0.1:{free_port()}/tocsin?sslmode=verify-full"
    for given, named in (("", f"{tmp_path}/.postgresql/root.crt"), ("&sslrootcert=/no/root.crt", "/no/root.crt")):
        ran = tocsin("doctor", "--data", str(tmp_path), env={"TOCSIN_DATABASE": url + given, "HOME": str(tmp_path)})
        [line] = [line for line in ran.out.splitlines() if line.startswith("FAIL  PostgreSQL")]
        assert named in line
        assert r"\x0a" not in line
