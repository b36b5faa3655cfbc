"""`tocsin listen --exec`: a command for each notification, one at a time, and no shell."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from api.people import eventually
from cli.command import Listening
from harness.server import Server


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
        assert listening.wait() == 0

    assert out.read_text().split("\n")[:-1] == [f"{what} {title}" for title in titles for what in ("begin", "end")]


def test_a_command_that_a_signal_ended_is_said_to_be(dev: Server, tmp_path: Path) -> None:
    script = tmp_path / "script.sh"
    script.write_text("kill -9 $$\n")
    with Listening("--exec", f"sh {script}", "--count", "1", server=dev, token=dev.token("user123")) as listening:
        listening.wait_open()
        dev.user("user123").send("t", "m")
        assert listening.wait() == 0
        assert "was ended by signal 9" in listening.err


def test_a_signal_ends_it_while_a_command_runs(dev: Server, tmp_path: Path) -> None:
    script, begun = tmp_path / "script.sh", tmp_path / "begun"
    script.write_text(f"touch {begun}\nexec sleep 600\n")
    with Listening("--exec", f"sh {script}", server=dev, token=dev.token("user123")) as listening:
        listening.wait_open()
        dev.user("user123").send("t", "m")
        listening.line()
        assert eventually(begun.exists)
        assert listening.end(signal.SIGINT) == 130
        assert listening.err == ""


def test_a_text_that_the_locale_cannot_say_reaches_the_command(
    dev: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}.items():
        monkeypatch.setenv(name, value)
    script, out = tmp_path / "script.sh", tmp_path / "out"
    script.write_text(f'printf %s "$TOCSIN_TITLE" > {out}\n')
    with Listening("--exec", f"sh {script}", "--count", "1", server=dev, token=dev.token("user123")) as listening:
        listening.wait_open()
        dev.user("user123").send("Überschwemmung 🌊", "m")
        assert listening.wait() == 0
        assert listening.err == ""
    assert out.read_bytes().decode() == "Überschwemmung 🌊"
