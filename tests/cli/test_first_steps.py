"""docs/howto/first-steps.md, as written, typed into terminals."""

from __future__ import annotations

import re
import time
from pathlib import Path

from cli.command import PROGRAM, environment
from cli.shell import Shell
from harness.http import Http, inbox
from harness.patience import PATIENCE
from harness.ports import free_port

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "first-steps.md"

NEW = "for the test of first steps"


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def commands(block: str) -> list[str]:
    """What is typed of a session at a console."""
    return [line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ ")]


def wait_for_a_stream(url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while "tocsin_streams 1" not in Http(url).get("/metrics").text:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_first_steps_work_as_written(tmp_path: Path) -> None:
    port = free_port()
    page = PAGE.read_text().replace(":8000", f":{port}")
    # The first one fetches packages; the program is there already.
    _install, start, sign_in, passwords, watch = blocks(page, "console")
    url = f"http://127.0.0.1:{port}"
    env = environment(None, None, {"HOME": str(tmp_path), "TOCSIN_PORT": str(port), "TOCSIN_METRICS__PUBLIC": "true"})
    env["PATH"] = f"{PROGRAM.parent}:{env['PATH']}"
    with Shell(env) as serving, Shell(env) as admin, Shell(env) as anna:
        for line in commands(start):
            serving.type(line)
        password = serving.until(r"password: (\S+)\n")[1]
        serving.until(f"Tocsin is at {re.escape(url)}")

        export, first, second = commands(sign_in)
        admin.type(export)
        admin.type(first)
        admin.answer("Password of admin", password)
        admin.wait()
        admin.type(second)
        admin.answer("Current password", password)
        admin.answer("New password", NEW)
        admin.answer("Repeat", NEW)
        admin.wait()

        create, keys, send, call, app, doctor = blocks(page, "sh")
        admin.type(f"set -u\n{create}{keys}")
        admin.wait()
        [line] = commands(passwords)
        admin.type(line)
        admin.answer("New password for anna", NEW)
        admin.answer("Repeat", NEW)
        admin.wait()

        anna.type(export)
        [line] = commands(watch)
        anna.type(line)
        anna.answer("Password of anna", NEW)
        wait_for_a_stream(url)
        admin.type(f"{send}{call}")
        assert admin.wait().count("notif_") == 3
        for title in ("Backup done", "Backup failed", "Backup done"):
            anna.until(title)
        admin.type(app)
        assert admin.wait().count("notif_") == 1
        anna.until("The door is open")
        anna.interrupt()

        [python] = blocks(page, "python")
        (tmp_path / "first.py").write_text(python)
        admin.type("python ~/first.py")
        assert admin.wait() == "Door open\n"
        admin.type(doctor)
        admin.wait()

        admin.type("tocsin key create anna")
        key = admin.wait().strip()
        titles = [one["title"] for one in inbox(Http(url, key=key))]
        assert sorted(titles) == ["Backup done", "Backup done", "Backup failed", "Door open", "Garage door"]
        serving.interrupt()
        serving.wait()
