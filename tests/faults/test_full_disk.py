"""A full disk: sends are refused, all else is served, and it passes by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.people import eventually
from faults.database import database_file, integrity
from faults.load import Damage, judge_inbox
from faults.sending import eventually_sends
from faults.weakening import without
from harness.http import Http, inbox
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


def rows_of(server: Server, client: Http) -> int:
    """How many sessions the file has of what a cookie holds."""
    id_ = str(client.cookie).partition("tsn_")[2].partition("_")[0]
    return int(server.rows("SELECT count(*) FROM sessions WHERE id = ?", id_)[0][0])


def send_until_full(server: Server, acked: dict[str, tuple[str, str | None]]) -> None:
    """Send until it is refused, as it has to be; what was acknowledged until then is added."""
    answer = None
    for n in range(1_000):
        answer = server.service().send(f"full {n}", "m" * 8_000)
        if answer.status != 200:
            break
        acked[answer.json["notificationId"]] = (f"full {n}", None)
    assert answer is not None
    assert answer.status == 503, (answer.status, answer.text)
    assert int(answer.headers["retry-after"]) >= 1


def act_in_an_inbox(server: Server) -> None:
    """What is no send, and writes: taken, or refused as a send is."""
    user = server.user("user456")
    for id_ in [item["id"] for item in inbox(user)[:10]]:
        answers = [user.put(f"/api/notifications/{id_}/read"), user.post("/api/notifications/read-all", {})]
        for answer in answers:
            assert answer.status in (200, 204, 503), (answer.status, answer.text)
            assert answer.status != 503 or int(answer.headers["retry-after"]) >= 1


def look_at_the_rest(server: Server, token: str) -> None:
    """All that is no send is served."""
    assert server.user("user123").get("/api/notifications").status == 200
    assert server.http().post("/api/auth/login", {"username": "user456", "password": "user456"}).status == 200
    assert server.http().get("/healthz").status == 200
    with WebSocket(server.url, token=token, subprotocol="tocsin.v1") as ws:
        assert ws.recv_event("hello")


def signed_in_by_browser(server: Server) -> Http:
    """A client with a session that has just begun."""
    client = server.http(cookie=server.http().sign_in("user123"))
    assert client.get("/api/session").json["user"]["id"] == "user123"
    return client


def test_a_full_disk_refuses_sends_and_serves_the_rest(
    start_server: Callable[..., Server], small_disk: Path, tmp_path: Path, soak: bool
) -> None:
    server = start_server(data=small_disk / "data", log=tmp_path / "server.log")
    token = server.token("user123")
    signed_in = server.http(cookie=server.http().sign_in("user123"))
    server.stop()
    server.rows("UPDATE sessions SET expires_at = expires_at - 2 * 86400000")
    server.start()
    acked: dict[str, tuple[str, str | None]] = {}
    for n in range(20):
        answer = server.service().send(f"before {n}")
        acked[answer.json["notificationId"]] = (f"before {n}", None)
    filler = fill(small_disk)
    send_until_full(server, acked)
    ends = time.monotonic() + (60 if soak else 3)
    while time.monotonic() < ends:
        for n in range(3):
            answer = server.service().send(f"while full {n}", "m" * 8_000)
            if answer.status == 200:
                acked[answer.json["notificationId"]] = (f"while full {n}", None)
            assert answer.status in (200, 503)
        act_in_an_inbox(server)
        look_at_the_rest(server, token)
    assert signed_in.get("/api/session").status == 200, "it is due to be prolonged, and cannot be"
    by_browser, leaving = signed_in_by_browser(server), signed_in_by_browser(server)
    headers = {"Cookie": str(by_browser.cookie), "Origin": server.url}
    with WebSocket(server.url, headers=headers, subprotocol="tocsin.v1") as ws:
        assert ws.recv_event("hello")
    for client in (signed_in, leaving):
        assert client.delete("/api/session").status == 503, "it would be back after a restart"
        again = client.post("/api/session", {"username": "user123", "password": "user123"})
        assert again.status == 503, "the one that the cookie holds would stay"
        assert client.get("/api/session").status == 200
    assert rows_of(server, by_browser) == 0
    filler.unlink()
    assert eventually_sends(server), "writes do not work after there is space again"
    said = (tmp_path / "server.log").read_text()
    assert said.index("the store cannot take writes now") < said.index("the store takes writes again")
    assert "a command failed" not in said, "it is the disk, and no command"
    judge_inbox(inbox(server.user("user123")), acked, "user123")
    assert leaving.delete("/api/session").status == 204
    assert leaving.get("/api/session").status == 401
    assert eventually(lambda: rows_of(server, by_browser) == 1), "what began on the full disk is not written"
    server.kill()
    assert integrity(database_file(server.data)) == "ok"
    server.start()
    assert [client.get("/api/session").status for client in (by_browser, leaving)] == [200, 401]
    judge_inbox(inbox(server.user("user123")), acked, "user123")
    assert by_browser.delete("/api/sessions").status == 204
    assert by_browser.get("/api/session").status == 401


def test_control_a_server_that_promises_what_finds_no_room_is_found_out(
    start_server: Callable[..., Server], small_disk: Path
) -> None:
    server = start_server(data=small_disk / "data", env=without("refusing"))
    acked: dict[str, tuple[str, str | None]] = {}
    fill(small_disk)
    with pytest.raises(AssertionError, match="200"):
        send_until_full(server, acked)
    with pytest.raises(Damage, match="missing"):
        judge_inbox(inbox(server.user("user123")), acked, "user123")


def sign_in_again_and_again(server: Server) -> None:
    """Where a send finds no room, a session or two still may, and more once SQLite's log begins anew."""
    for _ in range(20):
        assert [signed_in_by_browser(server) for _ in range(10)]
        send_until_full(server, {})


def test_control_a_server_that_holds_no_session_which_it_cannot_write_is_found_out(
    start_server: Callable[..., Server], small_disk: Path
) -> None:
    server = start_server(data=small_disk / "data", env=without("holding"))
    token = server.token("user123")
    fill(small_disk)
    send_until_full(server, {})
    look_at_the_rest(server, token)
    with pytest.raises(AssertionError, match="503"):
        sign_in_again_and_again(server)
