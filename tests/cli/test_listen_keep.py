"""`tocsin listen --keep`: nothing is missed between two of its lives, and little is told twice."""

from __future__ import annotations

import re
import shlex
import signal
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from api.people import eventually
from cli.command import PROGRAM, Listening, environment, tocsin
from harness.http import DEV_KEY
from harness.patience import PATIENCE
from harness.server import Server

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "run-as-a-service.md"


def send(server: Server, *titles: str) -> None:
    for title in titles:
        server.user("user123").send(title, "m")


def titles(listening: Listening, count: int) -> list[str]:
    return [listening.notification()["title"] for _ in range(count)]


def test_what_is_sent_while_it_is_away_is_told_in_order_and_once(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server, file = start_server(), tmp_path / "place"
    options = ("--json", "--keep", str(file))
    send(server, "before the first start")
    with Listening(*options, server=server, token=server.token("user123")) as listening:
        # Nothing has come yet, and nothing may be missed from here on.
        assert eventually(file.exists)
        assert listening.end(signal.SIGKILL) == -signal.SIGKILL
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    send(server, "one", "two")
    server.kill()
    server.start()
    send(server, "three")
    with Listening(*options, server=server, token=server.token("user123")) as listening:
        assert titles(listening, 3) == ["one", "two", "three"]
        send(server, "four")
        assert titles(listening, 1) == ["four"]
        position = server.user("user123").get("/api/notifications", limit=1).json["notifications"][0]["position"]
        assert eventually(lambda: file.read_text() == f"{position}\n")
        assert listening.end() == 143
    send(server, "five")
    with Listening(*options, "--count", "1", server=server, token=server.token("user123")) as listening:
        assert titles(listening, 1) == ["five"]
        assert listening.wait() == 0
        assert listening.err == ""
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("place")] == ["place"]


@pytest.mark.fault
def test_a_command_that_was_cut_off_is_run_again_and_none_is_missed(dev: Server, tmp_path: Path) -> None:
    file, ran, begun = tmp_path / "place", tmp_path / "ran", tmp_path / "begun"
    script = tmp_path / "ring.sh"
    # Holds the second one up the first time it is run, for as long as it lives.
    script.write_text(
        f'echo "$TOCSIN_TITLE" >> {ran}\n'
        f'if [ "$TOCSIN_TITLE" = two ] && [ ! -e {begun} ]; then echo $$ > {begun}.new; mv {begun}.new {begun};'
        f" exec sleep 600; fi\n"
    )
    options = ("--keep", str(file), "--quiet", "--exec", f"sh {script}")
    with Listening(*options, server=dev, token=dev.token("user123")) as listening:
        assert eventually(file.exists)
        send(dev, "one", "two", "three")
        assert eventually(begun.exists)
        assert listening.end(signal.SIGKILL) == -signal.SIGKILL
        subprocess.run(["kill", begun.read_text().strip()], check=True)
    with Listening(*options, "--count", "2", server=dev, token=dev.token("user123")) as listening:
        assert listening.wait() == 0
        assert listening.err == ""

    assert ran.read_text().split() == ["one", "two", "two", "three"]


def test_a_server_that_is_not_there_yet_is_waited_for(killable: Server, tmp_path: Path) -> None:
    server, file, said = killable, tmp_path / "place", tmp_path / "said"
    env = environment(server, DEV_KEY, None)
    server.kill()
    with said.open("wb") as errors:
        command = [PROGRAM, "listen", "--keep", str(file), "--count", "1", "--json"]
        listening = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert eventually(lambda: "trying again in" in said.read_text())
        server.start()
        assert eventually(file.exists)
        server.service().send("it is back", "m", userId="system")
        out, _ = listening.communicate(timeout=PATIENCE)
    finally:
        listening.kill()
        listening.wait(PATIENCE)
    assert listening.returncode == 0
    assert '"it is back"' in out


@pytest.mark.parametrize("text", ["", "nonsense\n", "\xff", "00000000-5 and more"])
def test_a_file_that_holds_no_position_is_not_taken_for_a_first_start(text: str, dev: Server, tmp_path: Path) -> None:
    file = tmp_path / "place"
    file.write_bytes(text.encode("latin-1"))
    ran = tocsin("listen", "--keep", str(file), server=dev, token=DEV_KEY)

    assert ran.status == 2
    assert f"--keep: {file} holds no position" in ran.err
    assert file.read_bytes() == text.encode("latin-1")


@pytest.mark.parametrize(
    ("name", "sentence"), [("", "cannot be read: Is a directory"), ("nowhere/place", "nowhere is not there")]
)
def test_what_can_be_no_file_is_a_mistake_of_usage(name: str, sentence: str, dev: Server, tmp_path: Path) -> None:
    ran = tocsin("listen", "--keep", str(tmp_path / name), server=dev, token=DEV_KEY)

    assert ran.status == 2
    assert sentence in ran.err


def test_a_first_start_may_begin_after_a_position_and_later_ones_go_on_from_the_file(
    dev: Server, tmp_path: Path
) -> None:
    send(dev, "zero", "one", "two")
    position = dev.user("user123").get("/api/notifications", limit=3).json["notifications"][2]["position"]
    options = ("--json", "--keep", str(tmp_path / "place"), "--since", position, "--count", "1")
    for title in ("one", "two"):
        with Listening(*options, server=dev, token=dev.token("user123")) as listening:
            assert titles(listening, 1) == [title]
            assert listening.wait() == 0


def test_a_gap_is_said_once(dev: Server, tmp_path: Path) -> None:
    file = tmp_path / "place"
    file.write_text("00000000-5\n")
    for times in (1, 0):
        with Listening("--keep", str(file), "--count", "1", server=dev, token=dev.token("user123")) as listening:
            listening.wait_open()
            send(dev, "after it")
            assert listening.wait() == 0
            assert listening.err.count("can no longer be had") == times


def test_a_file_that_cannot_be_written_ends_a_first_start_and_no_later_one(dev: Server, tmp_path: Path) -> None:
    file, token = tmp_path / "place", dev.token("user123")
    beside = tmp_path / "place.partial"
    beside.mkdir()
    ran = tocsin("listen", "--keep", str(file), server=dev, token=token)
    assert ran.status == 1
    assert ran.err.endswith(f"tocsin: --keep: {file} cannot be written: Is a directory\n")

    beside.rmdir()
    with Listening("--json", "--keep", str(file), "--count", "2", server=dev, token=token) as listening:
        assert eventually(file.exists)
        beside.mkdir()
        send(dev, "one", "two")
        assert titles(listening, 2) == ["one", "two"]
        assert listening.wait() == 0
        assert listening.err.count("cannot be written") == 2


def test_quietly_it_prints_nothing_and_runs_the_command(dev: Server, tmp_path: Path) -> None:
    out = tmp_path / "out"
    ran = subprocess.Popen(
        [PROGRAM, "listen", "-q", "--count", "1", "--keep", str(tmp_path / "place"), "--exec", f"tee {out}"],
        env=environment(dev, dev.token("user123"), None),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert eventually((tmp_path / "place").exists)
        send(dev, "t")
        told, _ = ran.communicate(timeout=PATIENCE)
    finally:
        ran.kill()
        ran.wait(PATIENCE)
    # What the command itself prints is its own.
    assert told == out.read_text()
    assert told.count("\n") == 1

    refused = tocsin("listen", "--quiet", server=dev, token=DEV_KEY)
    assert refused.status == 2
    assert "--quiet without --exec" in refused.err


def test_the_unit_of_the_page_rings(dev: Server, tmp_path: Path) -> None:
    [line] = re.findall(r"^ExecStart=/opt/tocsin/bin/tocsin listen (.*)$", PAGE.read_text(), re.MULTILINE)
    ring, rung = tmp_path / "ring", tmp_path / "rung"
    ring.write_text(f'#!/bin/sh\necho "$TOCSIN_TITLE" > {rung}\n')
    ring.chmod(0o700)
    line = line.replace("/var/lib/tocsin-ring", str(tmp_path)).replace("/usr/local/bin/ring", str(ring))
    with Listening(*shlex.split(line), "--count", "1", server=dev, token=dev.token("user123")) as listening:
        assert eventually((tmp_path / "position").exists)
        dev.user("user123").send("the door", "m", deviceId="door-1")
        assert listening.wait() == 0
    assert rung.read_text() == "the door\n"
