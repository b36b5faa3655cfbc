"""`tocsin listen`: each notification once, whatever happens to the server, and nothing that drives a terminal."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import IO

import pytest

from cli.command import PROGRAM, Listening, environment, streams, streams_left, tocsin
from harness.http import DEV_KEY, inbox
from harness.patience import PATIENCE
from harness.ports import free_port
from harness.server import Server

HOSTILE = "\x1b]0;owned\x07 \x1b[2J \r \u009b31m \u202eturned \u2066 \u2028"


def test_it_prints_what_comes(dev: Server) -> None:
    with Listening(server=dev, token=dev.token("user123")) as listening:
        listening.wait_open()
        deadline = time.monotonic() + PATIENCE
        while not listening.begun:
            assert time.monotonic() < deadline, listening.err
            time.sleep(0.02)
        dev.user("user123").send("Door open", "for ten\nminutes", type="warning", deviceId="door-1")

        first = listening.line()
        assert "warning" in first
        assert "Door open  [door-1]" in first
        assert listening.line() == "    for ten"
        assert listening.line() == "    minutes"


def test_with_json_a_line_is_the_object_and_its_position(dev: Server) -> None:
    user = dev.user("user123")
    with Listening("--json", server=dev, token=dev.token("user123")) as listening:
        listening.wait_open()
        id_ = user.send("t", "m", metadata={"a": 1}).json["notificationId"]

        assert listening.notification() == user.get(f"/api/notifications/{id_}").json


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_no_text_drives_the_terminal(options: list[str], dev: Server) -> None:
    user = dev.user("user123")
    with Listening(*options, "--count", "1", server=dev, token=dev.token("user123")) as listening:
        listening.wait_open()
        user.send(HOSTILE, f"{HOSTILE}\n{HOSTILE}", deviceId="cam-9", metadata={HOSTILE: HOSTILE})
        assert listening.wait() == 0

        lines = [listening.line(1) for _ in range(1 if options else 3)]
        shown = "\n".join(lines)
        assert not [
            c for c in shown if c != "\n" and (ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2066\u2028")
        ]
        assert "owned" in shown
        if options:
            assert json.loads(lines[0])["title"] == HOSTILE
        else:
            assert "\\x1b]0;owned\\x07" in lines[0]
            assert lines[1].startswith("    ")


def test_it_goes_on_after_a_position(dev: Server) -> None:
    user, token = dev.user("user456"), dev.token("user456")
    for title in ("one", "two", "three"):
        user.send(title, "m", deviceId="since-test")
    newest = user.get("/api/notifications", limit=3).json["notifications"]
    ran = tocsin(
        "listen", "--json", "--count", "2", "--since", newest[2]["position"], "--device", "since-test",
        server=dev, token=token,
    )  # fmt: skip

    assert ran.status == 0
    assert [json.loads(line)["title"] for line in ran.out.splitlines()] == ["two", "three"]


@pytest.mark.fault
def test_nothing_is_missing_and_nothing_twice_when_the_server_is_killed_and_comes_back(
    start_server: Callable[..., Server], soak: bool
) -> None:
    server = start_server()
    sent: list[str] = []
    stop = threading.Event()

    def send() -> None:
        client = server.service()
        while not stop.is_set():
            try:
                answer = client.send(f"n{len(sent)}", "m", userId="system")
            except (OSError, HTTPException):
                time.sleep(0.02)
                continue
            if answer.status == 200:
                sent.append(answer.json["notificationId"])
            time.sleep(0.002)

    with Listening("--json", server=server) as listening:
        listening.wait_open()
        sending = threading.Thread(target=send)
        sending.start()
        try:
            for _ in range(20 if soak else 3):
                more, ends = len(sent) + 8, time.monotonic() + PATIENCE
                time.sleep(0.4)
                while len(sent) < more:
                    assert time.monotonic() < ends, "nothing is taken"
                    time.sleep(0.02)
                server.kill()
                server.start()
        finally:
            time.sleep(0.4)
            stop.set()
            sending.join()
        last = server.service().send("the last", "m", userId="system").json["notificationId"]
        seen: list[str] = []
        while not seen or seen[-1] != last:
            seen.append(listening.notification()["id"])
        assert "trying again in" in listening.err
        assert listening.begun > 1, "it did not say that it is back"

    kept = [one["id"] for one in inbox(server.service())]
    assert len(sent) > 20
    # A send whose answer was cut off may have been kept: what is in the store is the measure.
    assert set(sent) <= set(seen)
    assert seen == kept[::-1]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_without_a_trace(number: int, status: int, dev: Server) -> None:
    with Listening(server=dev) as listening:
        listening.wait_open()

        assert listening.end(number) == status
        assert listening.err == ""


def test_a_signal_ends_it_while_it_waits_for_the_server(killable: Server) -> None:
    server = killable
    with Listening(server=server) as listening:
        listening.wait_open()
        server.kill()
        while "cannot be reached" not in listening.err:
            time.sleep(0.02)

        assert listening.end(signal.SIGINT) == 130
        assert "Traceback" not in listening.err


def test_it_stops_when_its_key_is_revoked(dev: Server) -> None:
    made = tocsin("key", "create", "user456", "--json", server=dev, token=DEV_KEY).json
    with Listening(server=dev, token=made["key"]) as listening:
        listening.wait_open()
        assert tocsin("key", "revoke", made["id"], server=dev, token=DEV_KEY).status == 0

        assert listening.wait() == 1
        assert "4410" in listening.err


@pytest.mark.parametrize(
    ("args", "token", "status"),
    [
        ([], "wrong", 4),
        (["--since", "nonsense"], DEV_KEY, 2),
        (["--exec", "there-is-no-such-command x"], DEV_KEY, 2),
        (["--exec", "'"], DEV_KEY, 2),
        (["--url", f"http://127.0.0.1:{free_port()}"], DEV_KEY, 3),
    ],
)
def test_what_cannot_work_ends_at_once(args: list[str], token: str, status: int, dev: Server) -> None:
    ran = tocsin("listen", *args, server=dev, token=token)

    assert ran.status == status, ran.err
    assert "Traceback" not in ran.err
    assert "listening" not in ran.err


def test_a_command_that_is_not_there_is_named_without_its_arguments(dev: Server) -> None:
    ran = tocsin("listen", "--exec", "there-is-no-such-command x", server=dev, token=DEV_KEY)

    assert "no command 'there-is-no-such-command'" in ran.err


def test_an_empty_token_is_not_taken_for_none(dev: Server) -> None:
    ran = tocsin("listen", server=dev, token=None, env={"TOCSIN_TOKEN": ""})

    assert ran.status == 2
    assert "TOCSIN_TOKEN is empty" in ran.err


def hang_up(process: subprocess.Popen[bytes], reader: IO[bytes] | socket.socket, dev: Server, *, send: bool) -> None:
    """Close what it prints to, once it has a stream; see that it ends, and complains of nothing."""
    assert process.stderr is not None
    try:
        deadline = time.monotonic() + PATIENCE
        while streams(dev) == 0:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        reader.close()
        if send:
            dev.user("user123").send("t", "m")
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
    assert process.stderr.read().decode() in ("", f"tocsin: listening at {dev.url}\n")


def test_it_ends_quietly_when_the_pipe_it_prints_to_is_closed_though_there_is_nothing_to_print(dev: Server) -> None:
    assert streams_left(dev) == 0
    env = environment(dev, dev.token("user123"), None)
    with subprocess.Popen([PROGRAM, "listen"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as process:
        assert process.stdout is not None
        hang_up(process, process.stdout, dev, send=False)


def test_it_ends_quietly_when_it_can_no_longer_print(dev: Server) -> None:
    assert streams_left(dev) == 0
    env = environment(dev, dev.token("user123"), None)
    ours, theirs = socket.socketpair()
    with theirs, subprocess.Popen([PROGRAM, "listen"], stdout=theirs, stderr=subprocess.PIPE, env=env) as process:
        theirs.close()
        hang_up(process, ours, dev, send=True)


def listen_to_one(dev: Server, stdout: str, *options: str) -> tuple[int, str]:
    """Listen with standard output put elsewhere until something came; how it ended, and what it said."""
    assert streams_left(dev) == 0
    env = environment(dev, dev.token("user123"), None)
    command = ["sh", "-c", f'exec "$@" {stdout}', "sh", str(PROGRAM), "listen", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=env) as process:
        assert process.stderr is not None
        try:
            deadline = time.monotonic() + PATIENCE
            while streams(dev) == 0:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            dev.user("user123").send("t", "m")
            said = process.stderr.read().decode()
            return process.wait(PATIENCE), said.replace(f"tocsin: listening at {dev.url}\n", "")
        finally:
            process.kill()


def test_it_runs_commands_when_there_is_nothing_to_print_to(dev: Server, tmp_path: Path) -> None:
    ran = listen_to_one(dev, ">&-", "--count", "1", "--exec", f"touch {tmp_path}/done")

    assert ran == (0, "")
    assert (tmp_path / "done").exists()


def test_it_says_so_when_what_it_prints_to_is_full(dev: Server) -> None:
    assert listen_to_one(dev, ">/dev/full") == (1, "tocsin: standard output: No space left on device\n")


@pytest.mark.one_process(reason="a limit of streams is shared out among nodes")
def test_too_many_streams_are_waited_for(start_server: Callable[..., Server]) -> None:
    server = start_server(env={"TOCSIN_LIMITS__STREAMS_PER_USER": "1"})
    with Listening(server=server) as first:
        first.wait_open()
        with Listening("--count", "1", server=server) as second:
            while "too many streams" not in second.err:
                assert second.process.poll() is None, second.err
                time.sleep(0.02)
            assert first.end(signal.SIGINT) == 130
            deadline = time.monotonic() + PATIENCE
            while second.process.poll() is None and time.monotonic() < deadline:
                server.service().send("t", "m", userId="system")
                time.sleep(0.1)
            assert second.wait() == 0


def test_what_was_shown_is_delivered(start_server: Callable[..., Server]) -> None:
    # A server of its own: after a broadcast that they did not get, a user who starts anew confirms nothing.
    server = start_server()
    with Listening("--count", "1", server=server, token=server.token("viewer")) as listening:
        listening.wait_open()
        id_ = server.service().send("t", "m", userId="viewer").json["notificationId"]
        assert listening.wait() == 0
    deadline = time.monotonic() + PATIENCE
    while not server.service().get(f"/api/notifications/{id_}/receipts").json["delivered"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_position_of_another_log_is_said_to_be_lost(dev: Server) -> None:
    with Listening("--since", "00000000-5", "--count", "1", server=dev, token=dev.token("user123")) as listening:
        listening.wait_open()
        dev.user("user123").send("after the gap", "m")
        assert listening.wait() == 0
        assert "can no longer be had" in listening.err
