"""How files are served: under one hash, compressed, cached for good, and never from anywhere else on the disk."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.http import Http, exchange
from harness.server import Server

PUBLIC = "https://example.org/tocsin"
LISTED = "https://shop.example"

INDEX = (
    """<!doctype html>
<link rel="stylesheet" href="assets/~/inbox/inbox.css">
<script type="module" src="assets/~/inbox/main.js"></script>
"""
    + "<!-- words that compress -->\n" * 40
)
MAIN = 'import { open } from "../client.js";\nopen();\n'
CLIENT = "export const open = () => {};\n" + "/* so that it is worth compressing */\n" * 30


def lay_out(top: Path) -> Path:
    """A web app of a few files."""
    for name, text in {
        "index.html": INDEX,
        "admin.html": INDEX.replace("inbox", "admin"),
        "worker.js": "self.addEventListener('install', () => {});\n",
        "manifest.webmanifest": '{"icons": [{"src": "assets/~/icon.svg"}]}',
        "client.js": CLIENT,
        "element/index.js": "export const element = 1;\n",
        "inbox/main.js": MAIN,
        "inbox/inbox.css": "main { color: red }\n",
        "icon.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "texts/ar.json": json.dumps({"inbox": "صندوق"}),
        "notes.md": "not served",
        ".hidden.js": "not served",
        "docs/docs.js": "not served here",
    }.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    (top.parent / "outside.js").write_text("secret")
    return top


def serves(tree: Path, **env: str) -> dict[str, str | None]:
    """The environment of a server of that web app."""
    path = os.pathsep.join([str(Path(__file__).parent / "served"), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"PYTHONPATH": path, "WEB_FOLDER": str(tree), **env}


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """`serving(**settings)`: a server of the web app, the same one for the same settings."""
    top = tmp_path_factory.mktemp("serving")
    tree = lay_out(top / "web")
    servers: dict[tuple[tuple[str, str], ...], Server] = {}

    def start(**env: str) -> Server:
        settings = tuple(sorted(env.items()))
        if settings not in servers:
            servers[settings] = Server(top / f"data{len(servers)}", env=serves(tree, **env))
            servers[settings].start()
        return servers[settings]

    yield start
    for server in servers.values():
        server.close()
    for server in servers.values():
        server.check_log()


def links(page: str) -> list[str]:
    return re.findall(r'(?:href|src)="([^"]+)"', page)


def plain(client: Http, path: str, **headers: str) -> str:
    answer = client.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    assert answer.status == 200, (path, answer.status)
    return answer.text


def version_of(client: Http) -> str:
    return re.findall(r"assets/(\w+)/", plain(client, "/"))[0]


def test_a_page_names_files_by_a_url_that_holds_for_good(serving: Callable[..., Server]) -> None:
    client = serving().http()
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    found = links(page.text)
    assert len(found) == 2
    for link in found:
        answer = client.get(f"/{link}")
        assert answer.status == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    style, script = (client.get(f"/{link}") for link in found)
    assert (style.headers["content-type"], script.headers["content-type"]) == (
        "text/css; charset=utf-8",
        "text/javascript; charset=utf-8",
    )
    # What it imports lies under the same hash.
    assert 'from "../client.js"' in script.text
    assert "\nopen();\n" in script.text
    assert CLIENT.removeprefix("export ") in client.get(f"/assets/{version_of(client)}/client.js").text
    assert links(client.get("/admin").text)[1].endswith("/admin/main.js")


def test_any_change_gives_other_urls_and_a_restart_the_same(
    tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    tree = lay_out(tmp_path / "web")
    server = start_server(env=serves(tree))
    before = version_of(server.http())
    server.restart()
    assert version_of(server.http()) == before
    (tree / "inbox" / "inbox.css").write_text("main { color: blue }\n")
    server.restart()
    client = server.http()
    assert version_of(client) != before
    # Nothing new is ever given out under the old name.
    assert client.get(f"/assets/{before}/inbox/inbox.css").status == 404
    assert "blue" in client.get(f"/assets/{version_of(client)}/inbox/inbox.css").text


def test_who_takes_gzip_gets_less(serving: Callable[..., Server]) -> None:
    client = serving().http()
    path = f"/assets/{version_of(client)}/client.js"
    for accepted, packed in {
        "gzip": True, "gzip, deflate, br": True, "br;q=1.0, gzip;q=0.5": True, "*": True,
        "gzip;q=0": False, "gzip;q=0.0": False, "br": False, "identity": False, "xgzip": False,
    }.items():  # fmt: skip
        answer = client.request("GET", path, headers={"Accept-Encoding": accepted})
        assert ("content-encoding" in answer.headers) is packed, accepted
        assert CLIENT.removeprefix("export ") in (gzip.decompress(answer.body) if packed else answer.body).decode()
        assert int(answer.headers["content-length"]) == len(answer.body)
        assert "Accept-Encoding" in answer.headers["vary"]
    assert len(client.request("GET", path, headers={"Accept-Encoding": "gzip"}).body) < len(CLIENT) / 4
    # What gains nothing stays as it is.
    small = client.request("GET", f"/assets/{version_of(client)}/icon.svg", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in small.headers


@pytest.mark.parametrize("path", ["/", "/admin", "/worker.js", "/element.js", "/client.js", "/manifest.webmanifest"])
def test_who_has_it_is_told_so(serving: Callable[..., Server], path: str) -> None:
    client = serving().http()
    for accepted in ({}, {"Accept-Encoding": "gzip"}):
        first = client.request("GET", path, headers=accepted)
        assert first.headers["cache-control"] == "no-cache"
        again = client.request("GET", path, headers={**accepted, "If-None-Match": f'W/"x", {first.headers["etag"]}'})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
        head = client.request("HEAD", path, headers=accepted)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == first.headers["content-length"]
        assert client.request("GET", path, headers={**accepted, "If-None-Match": '"other"'}).status == 200


def test_the_service_worker_is_told_what_the_shell_is_made_of(serving: Callable[..., Server]) -> None:
    client = serving().http()
    first, _, rest = plain(client, "/worker.js").partition("\n")
    shell = json.loads(re.fullmatch(r"self\.SHELL = (.*);", first)[1])
    assert shell["version"] == version_of(client)
    assert f"assets/{shell['version']}/inbox/main.js" in shell["files"]
    assert {client.get(f"/{path}").status for path in shell["files"]} == {200}
    assert rest.startswith("self.addEventListener")
    assert f"assets/{shell['version']}/icon.svg" in plain(client, "/manifest.webmanifest")


@pytest.mark.parametrize("entry", ["element.js", "client.js"])
def test_pages_of_listed_origins_may_import_it_and_no_others(serving: Callable[..., Server], entry: str) -> None:
    client = serving(TOCSIN_ORIGINS=LISTED).http()
    target = re.findall(r'export \* from "\./(assets/[^"]+)";', plain(client, f"/{entry}"))[0]
    for path in (f"/{entry}", f"/{target}"):
        allowed = client.request("GET", path, headers={"Origin": LISTED})
        assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (200, LISTED)
        other = client.request("GET", path, headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers
        assert "Origin" in other.headers["vary"]


HOSTILE = [
    "../outside.js", "..%2foutside.js", "%2e%2e/outside.js", "%2e%2e%2foutside.js", "..\\outside.js",
    "inbox/../../outside.js", "//etc/passwd", "/etc/passwd", "inbox/%00main.js", "inbox/main.js%00", "%ff",
    "notes.md", ".hidden.js", "docs/docs.js", "inbox", "inbox/", "", "index.html", "worker.js", "inbox/MAIN.JS",
]  # fmt: skip


def test_no_name_leads_out_of_the_tree(serving: Callable[..., Server]) -> None:
    server = serving()
    version = version_of(server.http())
    for name in HOSTILE:
        request = f"GET /assets/{version}/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answer = exchange(server.port, request.encode("latin-1"))
        assert answer.startswith(b"HTTP/1.1 404 "), name
        assert b"secret" not in answer, name


def test_every_page_says_what_it_may_do_and_that_nobody_frames_it(serving: Callable[..., Server]) -> None:
    client = serving(TOCSIN_TRUSTED_PROXIES="127.0.0.1").http()
    for path in ("/", "/admin", "/docs", "/worker.js", "/nothing-here", f"/assets/{version_of(client)}/inbox/main.js"):
        headers = client.request("GET", path, headers={"X-Forwarded-Proto": "https"}).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'"), path
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["strict-transport-security"].startswith("max-age=31536000")
        assert "strict-transport-security" not in client.get(path).headers


def test_below_a_path_everything_is_found_with_it_and_without_it(serving: Callable[..., Server]) -> None:
    client = serving(TOCSIN_BASE_URL=PUBLIC).http()
    for prefix in ("/tocsin", ""):
        page = client.get(f"{prefix}/")
        assert page.status == 200
        for link in links(page.text):
            assert not link.startswith("/"), "a page names what is beside it"
            assert client.get(f"{prefix}/{link}").status == 200
        assert client.get(f"{prefix}/admin").status == 200
        assert client.get(f"{prefix}/api/session").status == 401
        assert client.get(f"{prefix}/docs/docs.js").status == 200
    bare = client.get("/tocsin")
    assert (bare.status, bare.headers["location"]) == (308, "/tocsin/")
    assert client.get("/tocsinx/").status == 404


def test_a_page_and_its_server_agree_who_is_of_the_same_origin_below_a_path(serving: Callable[..., Server]) -> None:
    client = serving(TOCSIN_BASE_URL=PUBLIC).http()
    body = {"username": "user123", "password": "user123"}
    made = client.request("POST", "/tocsin/api/session", json=body, headers={"Origin": "http://localhost"})
    assert made.status == 201


@pytest.mark.parametrize(
    "wrong", ["https://example.org/a?b", "https://example.org/a#b", "https://a/b c", "example.org/x"]
)
def test_a_base_url_that_is_none_is_refused(start_server: Callable[..., Server], wrong: str) -> None:
    server = start_server(env={"TOCSIN_BASE_URL": wrong}, ready=False)
    server.launch()
    assert server.wait_exit(within=120) == 2
    assert "base_url" in server.log()
