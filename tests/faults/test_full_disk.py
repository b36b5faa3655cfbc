"""A full disk: sends are refused, all else is served, and it passes by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faults.database import database_file, integrity
from faults.load import judge_inbox
from faults.sending import eventually_sends
from harness.http import inbox
from harness.server import Server
from harness.websocket import WebSocket


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 32 MB of its own."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("mkfs.ext4 is not installed")
    image, folder = tmp_path / "disk.img", tmp_path / "disk"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(32 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
    mounted = subprocess.run(["mount", "-o", "loop", str(image), str(folder)], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"mount is refused here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all the space that is left."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return filler


def test_a_full_disk_refuses_sends_and_serves_the_rest(
    start_server: Callable[..., Server], small_disk: Path, tmp_path: Path, soak: bool
) -> None:
    server = start_server(data=small_disk / "data", log=tmp_path / "server.log")
    token = server.token("user123")
    acked: dict[str, tuple[str, str | None]] = {}
    for n in range(20):
        answer = server.service().send(f"before {n}")
        acked[answer.json["notificationId"]] = (f"before {n}", None)
    filler = fill(small_disk)
    answer = None
    for n in range(4_000):
        answer = server.service().send(f"full {n}", "m" * 8_000)
        if answer.status != 200:
            break
        acked[answer.json["notificationId"]] = (f"full {n}", None)
    assert answer is not None
    assert answer.status == 503, (answer.status, answer.text)
    assert int(answer.headers["retry-after"]) >= 1
    ends = time.monotonic() + (60 if soak else 3)
    while time.monotonic() < ends:
        for n in range(3):
            answer = server.service().send(f"while full {n}", "m" * 8_000)
            if answer.status == 200:
                acked[answer.json["notificationId"]] = (f"while full {n}", None)
            assert answer.status in (200, 503)
        assert server.user("user123").get("/api/notifications").status == 200
        assert server.http().post("/api/auth/login", {"username": "user456", "password": "user456"}).status == 200
        assert server.http().get("/healthz").status == 200
        with WebSocket(server.url, token=token, subprotocol="tocsin.v1") as ws:
            assert ws.recv_event("hello")
    filler.unlink()
    assert eventually_sends(server), "writes do not work after there is space again"
    said = (tmp_path / "server.log").read_text()
    assert said.index("the store cannot take writes now") < said.index("the store takes writes again")
    judge_inbox(inbox(server.user("user123")), acked, "user123")
    server.kill()
    assert integrity(database_file(server.data)) == "ok"
    server.start()
    judge_inbox(inbox(server.user("user123")), acked, "user123")
