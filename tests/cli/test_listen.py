"""`tocsin listen`: each notification once, whatever happens to the server, and nothing that drives a terminal."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.command import PROGRAM, Listening, environment, streams, streams_left, tocsin
from harness.http import DEV_KEY, inbox
from harness.server import Server, free_port

HOSTILE = "\x1b]0;owned\x07 \x1b[2J \r \u009b31m \u202eturned \u2066 \u2028"


def test_it_prints_what_comes(dev: Server) -> None:
    with Listening(server=dev, token=dev.token("user123")) as listening:
        listening.wait_open()
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
            except OSError:
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
                time.sleep(0.4)
                server.kill()
                server.start()
        finally:
            time.sleep(0.4)
            stop.set()
            sending.join()
        last = server.service().send("the last", "m", userId="system").json["notificationId"]
        seen: list[str] = []
        while not seen or seen[-1] != last:
            seen.append(listening.notification(within=40)["id"])
        assert "trying again in" in listening.err

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


def test_a_signal_ends_it_while_it_waits_for_the_server(start_server: Callable[..., Server]) -> None:
    server = start_server()
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

        assert listening.wait(within=10) == 1
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


def test_a_command_is_run_for_each_without_a_shell(dev: Server, tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = tmp_path / "script.py"
    script.write_text(
        "import json, os, sys\n"
        "told = json.load(sys.stdin)\n"
        f"with open({str(out)!r}, 'a') as file:\n"
        "    from_environment = [os.environ['TOCSIN_TITLE'], os.environ['TOCSIN_TYPE']]\n"
        "    print(json.dumps([sys.argv[1:], told['title'], *from_environment]), file=file)\n"
        "sys.exit(3 if told['title'] == 'fails' else 0)\n"
    )
    title = f"$(touch {tmp_path}/shell) `id` '; true"
    command = f"{sys.executable} {script} 'an argument' $HOME"
    with Listening("--exec", command, "--count", "2", server=dev, token=dev.token("user123")) as listening:
        listening.wait_open()
        dev.user("user123").send("fails", "m")
        dev.user("user123").send(title, "m", type="error")
        assert listening.wait() == 0
        assert "ended with 3" in listening.err

    ran = [json.loads(line) for line in out.read_text().splitlines()]
    assert ran == [
        [["an argument", "$HOME"], "fails", "fails", "info"],
        [["an argument", "$HOME"], title, title, "error"],
    ]
    assert not (tmp_path / "shell").exists()


def test_commands_run_one_at_a_time_in_order_and_a_slow_one_loses_nothing(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server()
    out, go = tmp_path / "out", tmp_path / "go"
    script = tmp_path / "script.sh"
    # The first one holds everything up until it is told to go on.
    script.write_text(f'echo "begin $TOCSIN_TITLE" >> {out}\nwhile [ ! -e {go} ]; do sleep 0.05; done\n'
                      f'cat > /dev/null\necho "end $TOCSIN_TITLE" >> {out}\n')  # fmt: skip
    titles = [f"n{number}" for number in range(12)]
    with Listening("--json", "--exec", f"sh {script}", "--count", "12", server=server) as listening:
        listening.wait_open()
        server.service().send(titles[0], "m", userId="system")
        assert listening.notification()["title"] == titles[0]
        for title in titles[1:6]:
            server.service().send(title, "m", userId="system")
        server.kill()
        server.start()
        for title in titles[6:]:
            server.service().send(title, "m", userId="system")
        go.touch()
        assert listening.wait(within=60) == 0

    assert out.read_text().split("\n")[:-1] == [f"{what} {title}" for title in titles for what in ("begin", "end")]


def test_a_command_that_a_signal_ended_is_said_to_be(dev: Server, tmp_path: Path) -> None:
    script = tmp_path / "script.sh"
    script.write_text("kill -9 $$\n")
    with Listening("--exec", f"sh {script}", "--count", "1", server=dev, token=dev.token("user123")) as listening:
        listening.wait_open()
        dev.user("user123").send("t", "m")
        assert listening.wait() == 0
        assert "was ended by signal 9" in listening.err


def test_a_signal_ends_it_while_a_command_runs(dev: Server) -> None:
    with Listening("--exec", "sleep 600", server=dev, token=dev.token("user123")) as listening:
        listening.wait_open()
        dev.user("user123").send("t", "m")
        listening.line()
        time.sleep(0.2)
        assert listening.end(signal.SIGINT) == 130
        assert listening.err == ""


@pytest.mark.parametrize("printing", [True, False])
def test_it_ends_quietly_when_nobody_reads_what_it_prints(printing: bool, dev: Server) -> None:
    """As before `| head`: noticed while there is nothing to print, too."""
    token, before = dev.token("user123"), streams_left(dev)
    with subprocess.Popen(
        [PROGRAM, "listen"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(dev, token, None)
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        deadline = time.monotonic() + 20
        while streams(dev) <= before:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.stdout.close()
        if printing:
            dev.user("user123").send("t", "m")
        assert process.wait(20) == 0
        assert process.stderr.read() == b""


def test_too_many_streams_are_waited_for(start_server: Callable[..., Server]) -> None:
    server = start_server(env={"TOCSIN_LIMITS__STREAMS_PER_USER": "1"})
    with Listening(server=server) as first:
        first.wait_open()
        with Listening("--count", "1", server=server) as second:
            while "too many streams" not in second.err:
                assert second.process.poll() is None, second.err
                time.sleep(0.02)
            assert first.end(signal.SIGINT) == 130
            deadline = time.monotonic() + 60
            while second.process.poll() is None and time.monotonic() < deadline:
                server.service().send("t", "m", userId="system")
                time.sleep(0.1)
            assert second.wait() == 0


def test_what_was_shown_is_delivered(dev: Server) -> None:
    with Listening("--count", "1", server=dev, token=dev.token("viewer")) as listening:
        listening.wait_open()
        id_ = dev.service().send("t", "m", userId="viewer").json["notificationId"]
        assert listening.wait() == 0
    deadline = time.monotonic() + 20
    while not dev.service().get(f"/api/notifications/{id_}/receipts").json["delivered"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_position_of_another_log_is_said_to_be_lost(dev: Server) -> None:
    with Listening("--since", "00000000-5", "--count", "1", server=dev, token=dev.token("user123")) as listening:
        listening.wait_open()
        dev.user("user123").send("after the gap", "m")
        assert listening.wait() == 0
        assert "can no longer be had" in listening.err
