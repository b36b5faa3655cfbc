"""The document of live notifications: its three curls, its WebSocket sample, its frame and its errors."""

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.http import SEND, Http
from harness.patience import PATIENCE
from harness.server import NODES, Server
from harness.websocket import WebSocket

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def server(start_server: Callable[..., Server]) -> Server:
    """A server of its own: these tests count who received what."""
    return start_server()


def run_curl(name: str, server: Server, **placeholders: str) -> dict[str, object]:
    """Run a documented curl by the shell, the host and the placeholders filled in."""
    command = (FIXTURES / name).read_text().replace("http://localhost:8000", server.url)
    for placeholder, value in placeholders.items():
        assert placeholder in command
        command = command.replace(placeholder, value)
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, timeout=PATIENCE)
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


@contextlib.contextmanager
def node(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A node process that is ended with the test."""
    program = shutil.which("node")
    assert program is not None, "node is missing: make test installs it"
    process = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def assert_sent(answer: dict[str, object], *, recipients: int) -> None:
    assert list(answer) == ["success", "notificationId", "recipientCount"]
    assert answer["success"] is True
    assert re.fullmatch(r"notif_[0-9a-z]+", str(answer["notificationId"]))
    # Of several nodes it is a lower bound where one does not answer in time; that they answer, tests/nodes sees to.
    assert answer["recipientCount"] in (range(recipients + 1) if NODES > 1 else [recipients])


def test_the_info_curl_reaches_the_sender_themself(server: Server) -> None:
    with (
        WebSocket(server.url, token=server.token("user123")) as mine,
        WebSocket(server.url, token=server.token("user456")) as other,
    ):
        answer = run_curl("send_info.sh", server, YOUR_JWT_TOKEN=server.token("user123"))

        assert_sent(answer, recipients=1)
        frame = mine.recv_json()
        assert frame["userId"] == "user123"
        assert frame["type"] == "info"
        assert frame["title"] == "Device Connected"
        assert frame["message"] == "Device Camera-01 has successfully connected"
        assert frame["deviceId"] == "device123"
        assert other.silent_for(0.3)


def test_the_error_curl_with_the_documents_own_key_reaches_everybody(server: Server) -> None:
    with (
        WebSocket(server.url, token=server.token("user123")) as first,
        WebSocket(server.url, token=server.token("user456")) as second,
        WebSocket(server.url) as anonymous,
    ):
        answer = run_curl("send_error.sh", server)

        assert_sent(answer, recipients=3)
        assert first.recv_text() == second.recv_text() == anonymous.recv_text()


def test_the_user_specific_curl_reaches_that_user_alone(server: Server) -> None:
    with (
        WebSocket(server.url, token=server.token("user456")) as theirs,
        WebSocket(server.url, token=server.token("user123")) as other,
    ):
        answer = run_curl("send_to_user.sh", server, SUPERUSER_TOKEN=server.token("admin"))

        assert_sent(answer, recipients=1)
        frame = theirs.recv_json()
        assert (frame["userId"], frame["type"], frame["title"]) == ("user456", "success", "Task Completed")
        assert other.silent_for(0.3)


def test_the_websocket_sample_shows_what_is_sent(server: Server, tmp_path: Path) -> None:
    sample = (FIXTURES / "stream.js").read_text().replace("localhost:8000", f"localhost:{server.port}")
    script = tmp_path / "stream.js"
    script.write_text(sample.replace("localhost", "127.0.0.1"))

    with node("--experimental-websocket", str(script)) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "Connected to notification stream"

        answer = run_curl("send_error.sh", server)
        assert_sent(answer, recipients=1)
        shown = "".join(iter_until(process, lambda text: "timestamp" in text))
        assert "Received notification:" in shown
        assert str(answer["notificationId"]) in shown
        assert "userId: null" in shown

        assert server.stop() == 0
        assert process.stdout.readline().strip().startswith("}")
        assert process.stdout.readline().strip() == "Disconnected from notification stream"


def iter_until(process: subprocess.Popen[str], found: Callable[[str], bool]) -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line
        if found(line):
            return


def test_the_frame_has_the_documented_structure(server: Server) -> None:
    documented = json.loads((FIXTURES / "frame.json").read_text())
    with WebSocket(server.url, token=server.token("user123")) as stream:
        fields = {key: documented[key] for key in documented if key not in ("id", "timestamp")}
        answer = server.service().post(SEND, fields)
        frame = stream.recv_json()

    assert list(frame) == list(documented)
    assert [type(frame[key]) for key in frame] == [type(documented[key]) for key in documented]
    assert {**frame, "id": 0, "timestamp": 0} == {**documented, "id": 0, "timestamp": 0}
    assert frame["id"] == answer.json["notificationId"]


def test_a_frame_without_the_optional_fields_has_the_same_keys(server: Server) -> None:
    documented = json.loads((FIXTURES / "frame.json").read_text())
    with WebSocket(server.url, token=server.token("user123")) as stream:
        server.service().send("t", "m")
        frame = stream.recv_json()

    assert list(frame) == list(documented)
    assert (frame["userId"], frame["deviceId"], frame["dismissible"], frame["metadata"]) == (None, None, True, {})
    assert frame["type"] == "info"


def test_401_is_the_documented_body_and_nothing_else(server: Server) -> None:
    answer = Http(server.url).send()

    assert (answer.status, answer.body) == (401, b'{"error":"Authentication required"}')
    assert answer.headers["content-type"] == "application/json"
    assert "www-authenticate" in answer.headers


def test_403_is_the_documented_body_and_nothing_else(server: Server) -> None:
    answer = server.user("viewer").send()

    assert (answer.status, answer.body) == (403, b'{"error":"Missing required permissions: notifications"}')
    assert answer.headers["content-type"] == "application/json"


def test_500_is_the_documented_body_and_nothing_is_sent_when_the_role_cannot_be_established(
    start_server: Callable[..., Server],
) -> None:
    server = start_server(ready=False)
    server.start()
    token = server.token("user456")
    server.stop()
    server.start()
    server.tracebacks_expected = "what the store says of a user is broken"
    server.rows("UPDATE users SET permissions = 'broken' WHERE id = 'user456'")

    answer = Http(server.url, token=token).send()

    assert (answer.status, answer.body) == (500, b'{"error":"Failed to send notification"}')
    assert answer.headers["content-type"] == "application/json"
    assert server.user("admin").get("/api/notifications").json["notifications"] == []
    assert server.service().send().status == 200, "the others can go on"
