"""docs/howto/first-steps.md, as written, against a server that is not for trying out."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from cli.command import PROGRAM, environment, tocsin
from harness.http import Http, inbox
from harness.server import Server

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "first-steps.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_first_steps_work_as_written(start_server: Callable[..., Server]) -> None:
    server = start_server(dev=False)
    note = (server.data / "first-superuser.txt").read_text()
    password = note.partition("password: ")[2].strip()
    signed_in = tocsin("token", "--user", "admin", server=server, stdin=password)
    assert signed_in.status == 0
    changed = tocsin("user", "password", "--json", server=server, token=signed_in.out.strip(),
                     stdin=f"{password}\nfor the test of first steps\n")  # fmt: skip
    token = changed.json["token"]
    env = environment(server, token, {"TOCSIN_DATA": str(server.data)})
    env["PATH"] = f"{PROGRAM.parent}:{env['PATH']}"

    script = "set -eux\n" + "".join(blocks("sh"))
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("notif_") == 3
    for block in blocks("python"):
        python = subprocess.run([sys.executable, "-c", block], env=env, capture_output=True, text=True, check=False)
        assert (python.returncode, python.stdout) == (0, "Door open\n"), python.stderr

    # Anna has no password in the blocks that need no terminal; a key reads her inbox.
    key = tocsin("key", "create", "anna", server=server, token=token).out.strip()
    titles = [one["title"] for one in inbox(Http(server.url, key=key))]
    assert sorted(titles) == ["Backup done", "Backup done", "Backup failed", "Door open"]
