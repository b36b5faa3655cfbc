"""The files of deploy/ for nginx and Caddy, in front of two nodes: what each must pass on, it does."""

from __future__ import annotations

import http.client
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from deploy.proxies import DEPLOY, Caddy, CaddyInSubPath, Nginx, Proxy, installed
from harness.http import Http
from harness.http_stream import Ndjson, Sse
from harness.patience import PATIENCE
from harness.ports import free_port
from harness.postgresql import cluster
from harness.websocket import WebSocket
from nodes.three import Nodes
from tocsin.server import KEEP_ALIVE_SECONDS

KINDS: dict[str, type[Proxy]] = {"nginx": Nginx, "caddy": Caddy}
SUB_PATH_PORT = free_port()
SOON = 10.0
"""Seconds; a ping comes every 15, and what a proxy holds back would come with it."""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    base = f"http://127.0.0.1:{SUB_PATH_PORT}/tocsin"
    env = {"TOCSIN_TRUSTED_PROXIES": "127.0.0.1", "TOCSIN_BASE_URL": base, "TOCSIN_DRAIN_SECONDS": "3"}
    nodes = Nodes(tmp_path_factory.mktemp("proxied"), cluster(), count=2, env=env)
    try:
        yield nodes.start()
    finally:
        nodes.close()


@pytest.fixture(scope="module", params=KINDS)
def proxy(request: pytest.FixtureRequest, two: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    if not installed(request.param):
        pytest.skip(f"{request.param} is not installed")
    made = KINDS[request.param](tmp_path_factory.mktemp("proxy") / request.param, [node.port for node in two.all])
    yield made
    made.close()


def test_they_let_connections_go_before_the_server_closes_them() -> None:
    files = ((DEPLOY / name).read_text() for name in ("nginx.conf", "Caddyfile"))
    kept = [re.search(r"^\s*keepalive(?:_timeout)? (\d+)s", text, re.MULTILINE) for text in files]
    assert all(found and int(found[1]) < KEEP_ALIVE_SECONDS for found in kept)


def test_what_caddy_does_at_the_top_it_does_in_the_sub_path() -> None:
    text = re.sub(r"^\t# (?=[a-z}])|^\t#(?=\t)", "\t", (DEPLOY / "Caddyfile").read_text(), flags=re.MULTILINE)
    top, below = (
        [line.strip() for line in found[0].splitlines() if not line.strip().startswith("#")]
        for found in re.finditer(r"^(\t+)reverse_proxy \{\$.*?^\1\}\n", text, re.MULTILINE | re.DOTALL)
    )
    assert top == below


def service(proxy: Proxy) -> Http:
    return Http(proxy.url, key="dev-api-key-12345")


def test_a_websocket_is_passed_on_both_ways(proxy: Proxy, two: Nodes) -> None:
    with WebSocket(proxy.url, token=two.token("user123"), subprotocol="tocsin.v1") as stream:
        stream.recv_event("caught-up")
        sent = service(proxy).send("through", userId="user123").json["notificationId"]
        assert stream.recv_event("notification", timeout=SOON)["data"]["id"] == sent
        stream.send_json({"read": sent})
        assert stream.recv_event("receipt", timeout=SOON)["data"]["id"] == sent


@pytest.mark.parametrize("kind", [Sse, Ndjson])
def test_each_part_of_a_stream_is_passed_on_at_once(kind: Any, proxy: Proxy, two: Nodes) -> None:
    with kind(proxy.url, token=two.token("user123")) as stream:
        for number in range(3):
            service(proxy).send(f"part {number}", userId="user123")
            assert came(stream)["title"] == f"part {number}"


def came(stream: Any) -> Any:
    return stream.next_notification(SOON).json if isinstance(stream, Sse) else stream.next(SOON)


def test_limits_and_the_audit_log_see_the_address_that_the_client_came_from(proxy: Proxy, two: Nodes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE, source_address=("127.0.0.9", 0))
    body = '{"username":"viewer","password":"wrong"}'
    # Of what a client claims itself, nothing is believed.
    claims = {"Content-Type": "application/json", "X-Forwarded-For": "203.0.113.1"}
    connection.request("POST", "/api/auth/login", body, claims)
    assert connection.getresponse().status == 401
    connection.close()
    newest = two[0].service().get("/api/audit").json["audit"][0]
    assert (newest["action"], newest["what"], newest["origin"]) == ("sign-in", "viewer", "127.0.0.9")


def test_tokens_in_a_query_are_not_noted(proxy: Proxy, two: Nodes) -> None:
    with WebSocket(proxy.url, token=two.token("user123")):
        pass
    assert two.token("user123") not in proxy.log()


def test_a_node_that_is_restarted_cuts_off_no_send(proxy: Proxy, two: Nodes) -> None:
    """Where other tests run beside, a node may lose sight of the log, or a proxy of both nodes, for a moment: 503, and
    nginx's word for nobody being left is 502."""
    statuses: list[int] = []
    stop = threading.Event()

    def send() -> None:
        while not stop.is_set():
            statuses.append(service(proxy).send("goes on", userId="user456").status)
            if statuses[-1] != 200:
                time.sleep(0.2)

    senders = [threading.Thread(target=send) for _ in range(2)]
    for sender in senders:
        sender.start()
    try:
        assert two[0].stop(within=60) == 0
        two[0].start(within=120)
    finally:
        stop.set()
        for sender in senders:
            sender.join(PATIENCE)
    assert set(statuses) <= {200, 502, 503}
    said = [line for line in proxy.log().splitlines() if "upstream" in line and "HTTP" in line]
    assert statuses.count(502) <= proxy.log().count("no live upstreams"), f"sends were cut off: {said}"
    assert statuses.count(200) >= 0.9 * len(statuses)


def test_a_sub_path_leads_to_it_as_the_top_does(two: Nodes, tmp_path: Path) -> None:
    for kind in (Nginx, CaddyInSubPath):
        if not installed(kind.name):
            continue
        made = kind(tmp_path / kind.name, [node.port for node in two.all], port=SUB_PATH_PORT)
        try:
            assert Http(made.url).get("/tocsin/readyz").status == 200
            assert b"<script" in Http(made.url).get("/tocsin/").body
            moved = Http(made.url).get("/tocsin")
            assert (moved.status, urlsplit(moved.headers["location"]).path) in [(301, "/tocsin/"), (302, "/tocsin/")]
            origin = {"Origin": made.url}
            with WebSocket(made.url, "/tocsin/notifications", token=two.token("user123"), headers=origin) as stream:
                two[0].service().send(kind.name, userId="user123")
                assert stream.recv_json(SOON)["title"] == kind.name
        finally:
            made.close()


@pytest.mark.fault
def test_control_a_proxy_that_buffers_keeps_a_notification_back(two: Nodes, tmp_path: Path) -> None:
    if not installed("nginx"):
        pytest.skip("nginx is not installed")
    change = "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;"
    made = Nginx(tmp_path / "nginx", [node.port for node in two.all], change=change)
    try:
        with Ndjson(made.url, token=two.token("user123")) as stream:
            service(made).send("kept back", userId="user123")
            with pytest.raises(TimeoutError):
                stream.next(2.0)
    except TimeoutError:
        # It keeps the head of the answer back, too.
        return
    finally:
        made.close()


def test_the_unit_is_one_that_systemd_understands(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    text = (Path(__file__).parents[2] / "deploy" / "tocsin.service").read_text()
    here = Path(sys.executable).with_name("tocsin")
    unit = tmp_path / "tocsin.service"
    unit.write_text(text.replace("/opt/tocsin/bin/tocsin", str(here)))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
