"""`/openapi.json`, `/asyncapi.json`, `/docs`: whole, true to the routes, and open to everybody."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from api.people import first_superuser
from harness.http import SEND, Http
from harness.server import Server
from tocsin.api.asyncapi import CLOSES
from tocsin.api.routes import ROUTES
from tocsin.live.closing import Close
from tocsin.live.stream import COMMANDS, PING


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref":
                yield item
            else:
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def resolves(document: Any, reference: str) -> bool:
    for part in reference.removeprefix("#/").split("/"):
        if not isinstance(document, dict) or part not in document:
            return False
        document = document[part]
    return True


@pytest.fixture(scope="module")
def openapi(server: Server) -> Any:
    return server.http().get("/openapi.json").json


def test_it_holds_every_route_and_no_other(openapi: Any) -> None:
    assert openapi["openapi"] == "3.1.0"
    described = {f"{method.upper()} {path}" for path, methods in openapi["paths"].items() for method in methods}
    assert described == {f"{route.method} {route.path}".replace(":path}", "}") for route in ROUTES}


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(openapi: Any) -> None:
    operations = [operation for methods in openapi["paths"].values() for operation in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert all(operation["summary"] and operation["responses"] for operation in operations)


@pytest.mark.parametrize("path", ["/openapi.json", "/asyncapi.json"])
def test_every_reference_leads_somewhere(server: Server, path: str) -> None:
    document = server.http().get(path).json
    found = set(references(document))
    assert found
    assert [reference for reference in found if not resolves(document, reference)] == []


def test_it_says_what_the_documents_say_of_sending(openapi: Any) -> None:
    send = openapi["paths"][SEND]["post"]
    assert set(send["responses"]) == {"200", "400", "401", "403", "404", "413", "415", "422", "500", "503"}
    assert send["responses"]["401"]["content"] == {
        "application/json": {"schema": {"$ref": "#/components/schemas/DocumentedError"}}
    }
    assert send["security"] == [{"bearer": []}, {"apiKey": []}, {"session": []}]
    fields = openapi["components"]["schemas"]["SendBody"]["properties"]
    assert (fields["type"]["default"], fields["dismissible"]["default"]) == ("info", True)
    app = openapi["paths"]["/v2/integrations/{app_id}/notification"]["post"]
    assert set(app["responses"]) == {"200", "400", "401", "404", "422", "429", "500", "503"}
    assert {one["name"]: one["required"] for one in app["parameters"]} == {
        "app_id": True,
        "Idempotency-Key": False,
        "uid": True,
        "message": True,
    }


def test_it_says_how_an_inbox_is_read_and_what_needs_no_body(openapi: Any) -> None:
    listing = openapi["paths"]["/api/notifications"]["get"]
    asked = {one["name"]: one["schema"] for one in listing["parameters"]}
    assert {name for name, schema in asked.items() if schema["type"] == "array"} == {
        "type", "deviceId", "appId", "group",
    }  # fmt: skip
    assert asked["type"]["items"]["enum"] == ["info", "success", "warning", "error", "emergency"]
    assert asked["unread"] == asked["dismissed"] == {"type": "boolean"}
    assert "Link" in listing["responses"]["200"]["headers"]
    item = openapi["components"]["schemas"]["InboxItem"]
    assert {"position", "first", "since", "read", "dismissed", "acknowledged"} <= set(item["required"])
    assert openapi["paths"]["/api/notifications/read-all"]["post"]["requestBody"]["required"] is False
    assert openapi["paths"]["/api/notifications/{id}/read"]["put"].get("requestBody") is None
    assert "409" in openapi["paths"]["/api/notifications/{id}/dismissal"]["put"]["responses"]


def test_only_the_documented_routes_may_fail_with_500(openapi: Any) -> None:
    failing = {
        path for path, methods in openapi["paths"].items() for one in methods.values() if "500" in one["responses"]
    }
    assert failing == {SEND, "/v2/integrations/{app_id}/notification"}


def test_the_stream_is_described_with_every_close_code(server: Server) -> None:
    document = server.http().get("/asyncapi.json").json
    assert document["asyncapi"] == "3.0.0"
    assert document["channels"]["notifications"]["address"] == "/notifications"
    messages = document["components"]["messages"]
    changes = {"notification", "enveloped", "receipt", "mark", "withdrawn", "purged"}
    told = {"hello", "caught-up", "gap", "unread", "refused", "pong"}
    assert set(messages) == changes | told | {"auth", "command", "end"}
    assert {verb for one in messages["command"]["payload"]["oneOf"] for verb in one["required"]} == COMMANDS | {PING}
    assert set(CLOSES) == set(Close)
    assert set(document["x-close-codes"]) == {str(int(code)) for code in Close}
    flat = document["components"]["schemas"]["Flat"]
    assert flat["required"] == [
        "id",
        "type",
        "title",
        "message",
        "userId",
        "deviceId",
        "dismissible",
        "metadata",
        "timestamp",
    ]


def test_the_page_needs_nothing_from_elsewhere(server: Server) -> None:
    client = server.http()
    page = client.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=|style=|https?://", page.text)
    wanted = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert {"docs/docs.js", "docs/docs.css"} <= set(wanted)
    for path in wanted:
        answer = client.get(f"/{path}")
        assert answer.status == 200, path
        assert answer.headers["x-content-type-options"] == "nosniff"
        text = answer.text.replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"https?://|innerHTML|eval\(", text) or path.endswith(".json")


def test_nothing_else_lies_below_the_page(server: Server) -> None:
    for path in ("/docs/", "/docs/index.html", "/docs/../docs.js", "/docs/%2e%2e%2fdocs.js", "/docs/x", "/docs/%ff"):
        assert server.http().get(path).status == 404, path


def test_the_page_draws_every_route(server: Server) -> None:
    """Runs the page's own script over a document made of plain objects: what a browser would show."""
    drawn = subprocess.run(
        ["node", "--input-type=module", "-e", _BROWSER + server.http().get("/docs/docs.js").text],
        env={"PATH": "/usr/bin:/usr/local/bin", "URL_OF_SERVER": server.url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert drawn.returncode == 0, drawn.stderr
    texts = json.loads(drawn.stdout)
    for route in ROUTES:
        assert route.path.replace(":path}", "}") in texts
        assert route.says in texts
    commands = [text for text in texts if text.startswith("curl ")]
    assert len(commands) == len(ROUTES)
    assert any(SEND in command and '"title": "title"' in command for command in commands)

    def command(line: str) -> str:
        method, path = line.split()
        [found] = [one for one in commands if one.startswith(f"curl -X {method} '{server.url}{path}'")]
        return found

    assert "-o backup.db" in command("POST /api/backup")
    [batched] = json.loads(command("POST /api/notifications/batch").partition("-d '")[2][:-1])
    assert batched == {"title": "title", "message": "message"}
    for line in ("PUT /api/auth/password", "DELETE /api/sessions"):
        assert "Bearer YOUR_TOKEN'" in command(line)
    assert "Bearer" not in command("DELETE /api/session")
    assert f"-b '__Host-tocsin=YOUR_SESSION' \\\n  -H 'Origin: {server.url}'" in command("DELETE /api/session")


_BROWSER = """
class Node_ {
  constructor(name) { this.name = name; this.children = []; this.dataset = {}; }
  setAttribute() {}
  addEventListener() {}
  append(...children) { this.children.push(...children); }
  replaceChildren(...children) { this.children = children; }
  set textContent(text) { this.children = [text]; }
  get texts() { return this.children.flatMap((child) => (typeof child === "string" ? [child] : child.texts)); }
}
const known = {};
globalThis.HTMLDetailsElement = Node_;
globalThis.document = {
  createElement: (name) => new Node_(name),
  getElementById: (id) => (id === "" ? null : (known[id] ??= new Node_(id))),
};
globalThis.location = { href: `${process.env.URL_OF_SERVER}/docs`, hash: "" };
globalThis.addEventListener = () => {};
const there = globalThis.fetch;
globalThis.fetch = (path) => there(new URL(path, location.href));
process.on("exit", () => console.log(JSON.stringify(known.routes.texts.map((text) => text.trim()))));
"""


def test_outside_of_trying_out_only_the_descriptions_are_open(real: Server) -> None:
    anybody = real.http()
    for path in ("/healthz", "/readyz", "/openapi.json", "/asyncapi.json", "/docs", "/docs/docs.js"):
        assert anybody.get(path).status == 200, path
    assert anybody.get("/debug").status == 404
    # A page may ask whether anybody is signed in.
    assert anybody.get("/api/session?optional=true").json == {"user": None, "expiresAt": None}
    signing_in = {("POST", "/api/auth/login"), ("POST", "/api/session")}
    closed = [route for route in ROUTES if route.path.startswith("/api/")]
    closed = [route for route in closed if (route.method, route.path) not in signing_in]
    for line in [*((route.method, route.path) for route in closed), ("GET", "/metrics")]:
        answer = anybody.request(*line)
        assert answer.status == 401, line
        assert answer.headers["www-authenticate"] == 'Bearer realm="tocsin"'
    admin = first_superuser(real)
    assert admin.get("/metrics").status == 200
    assert "tocsin_streams" in admin.get("/metrics").text
    made = admin.put("/api/users/plain", {"password": "plainly somebody", "permissions": ["notifications"]})
    assert made.status == 201
    plain = Http(real.url, token=anybody.login("plain", "plainly somebody"))
    assert plain.get("/metrics").status == 403
    for secret in ("dev-api-key-12345", "demo-app-secret"):
        assert Http(real.url, key=secret).get("/api/auth/me").status == 401
