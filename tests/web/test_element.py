"""The inbox and the bell as elements in a page of another origin."""

# ruff: noqa: E501 (texts that are what they are)

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A shop</title>
<script type="module" src="{server}/element.js"></script>
<style>tocsin-inbox {{ height: 30rem; --tocsin-accent: rgb(240, 180, 90); }} tocsin-inbox::part(title) {{ color: rgb(250, 240, 230); }}</style></head>
<body><main><h1>A shop</h1>
<tocsin-bell src="{server}" {how}></tocsin-bell>
<tocsin-inbox src="{server}" {how} theme="dark"><h2 slot="title">Your alarms</h2></tocsin-inbox></main></body></html>"""

BELL = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A shop</title>
<script type="module" src="{server}/element.js"></script></head>
<body><main><h1>A shop</h1><tocsin-bell src="{server}" token="{token}"></tocsin-bell></main></body></html>"""


class Shop(http.server.BaseHTTPRequestHandler):
    """A site of somebody else's: `/token` answers a token to those who are signed in there."""

    def do_GET(self) -> None:
        kind, body = self.server.answers[self.path]  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


Shops = Callable[[], http.server.ThreadingHTTPServer]


@pytest.fixture(scope="module")
def new_shop() -> Iterator[Shops]:
    """Opens a site, of an origin of its own."""
    open_: list[http.server.ThreadingHTTPServer] = []

    def start() -> http.server.ThreadingHTTPServer:
        open_.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop))
        threading.Thread(target=open_[-1].serve_forever, daemon=True).start()
        return open_[-1]

    yield start
    for server in open_:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def shop(new_shop: Shops) -> http.server.ThreadingHTTPServer:
    return new_shop()


@pytest.fixture(scope="module")
def server(shop: http.server.ThreadingHTTPServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that lists the origin of the shop, and no other."""
    server = Server(tmp_path_factory.mktemp("listing") / "data", env={"TOCSIN_ORIGINS": address(shop)})
    server.start()
    yield server
    server.close()
    server.check_log()


def address(shop: http.server.ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{shop.server_address[1]}"


def test_one_tag_shows_the_inbox_in_a_page_of_another_origin(
    server: Server, shop: http.server.ThreadingHTTPServer, new_screen: Callable[..., Screen]
) -> None:
    reader = Reader(server)
    reader.sent("Pressure is rising", type="warning")
    token = server.http().login(reader.id, reader.password)
    shop.answers = {  # type: ignore[attr-defined]
        "/": ("text/html", PAGE.format(server=server.url, how='token-provider="/token"').encode()),
        "/token": ("application/json", f'{{"token": "{token}"}}'.encode()),
        "/favicon.ico": ("image/x-icon", b""),
    }
    screen = new_screen(server)
    page = screen.page
    streams: list[str] = []
    page.on("websocket", lambda socket: streams.append(socket.url))
    page.add_init_script(
        """globalThis.told = [];
        for (const name of ["tocsin-notification", "tocsin-unread", "tocsin-open", "tocsin-state"])
          addEventListener(name, ({ detail }) => told.push([name, detail]));"""
    )
    page.goto(address(shop) + "/")
    screen.until_live()
    screen.shows("Pressure is rising")
    expect(page.locator("tocsin-bell [part=counter]")).to_have_text("1")
    expect(page.locator("tocsin-inbox h2[slot=title]")).to_be_visible()

    # The page's own style reaches the parts, and no other text of the inbox.
    assert colour(screen, ".row .title") == "rgb(250, 240, 230)"
    assert page.locator("tocsin-inbox").evaluate("(one) => getComputedStyle(one).colorScheme") == "dark"
    assert page.locator("tocsin-inbox .badge .icon").first.evaluate("(one) => one.getBBox().width > 0")

    reader.sent("An error", type="error")
    screen.shows("An error", "Pressure is rising")
    expect(page.locator("tocsin-bell [part=counter]")).to_have_text("2")
    screen.row("An error").click()
    expect(page.locator("tocsin-bell [part=counter]")).to_have_text("1")
    told = page.evaluate("() => told")
    names = [name for name, _ in told]
    assert ["tocsin-state", {"state": "live"}] in told
    assert "An error" in [detail["title"] for name, detail in told if name == "tocsin-notification"]
    assert {"tocsin-unread", "tocsin-open"} <= set(names)

    # Both elements share one stream, and the bell opens an inbox of its own.
    assert len(streams) == 1
    page.locator("tocsin-bell").get_by_role("button").first.click()
    expect(page.locator("tocsin-bell .row")).to_have_count(2)
    screen.press("Escape")
    expect(page.locator("tocsin-bell .row")).to_have_count(0)
    assert screen.axe() == []


def test_a_bell_alone_tells_what_comes_and_opens_it(
    server: Server, shop: http.server.ThreadingHTTPServer, new_screen: Callable[..., Screen]
) -> None:
    reader = Reader(server)
    reader.sent("of before")
    token = server.http().login(reader.id, reader.password)
    shop.answers = {  # type: ignore[attr-defined]
        "/": ("text/html", BELL.format(server=server.url, token=token).encode()),
        "/favicon.ico": ("image/x-icon", b""),
    }
    screen = new_screen(server)
    page, bell = screen.page, screen.page.locator("tocsin-bell")
    page.goto(address(shop) + "/")
    expect(bell.locator("[part=counter]")).to_have_text("1")
    page.wait_for_function("() => document.querySelector('tocsin-bell').feed.state === 'live'")
    reader.sent("Pressure is rising", type="error")
    toast = bell.locator(".toast")
    expect(toast.locator(".title")).to_have_text("Pressure is rising")
    expect(bell.get_by_role("alert").filter(has_text="Pressure is rising")).to_have_count(1)
    assert screen.axe() == []
    toast.locator(".main").click()
    expect(bell.locator(".whole h2")).to_have_text("Pressure is rising")
    expect(toast).to_have_count(0)
    reader.sent("Another", type="error")
    expect(toast).to_have_count(1)
    reader.sent("Fire", type="emergency")
    alarm = page.get_by_role("alertdialog")
    expect(alarm).to_have_count(1)
    expect(alarm.get_by_role("heading")).to_have_text("Fire")
    alarm.get_by_role("button", name="Acknowledge").click()
    expect(alarm).to_have_count(0)

    # An inbox that is put beside it tells from now on.
    page.evaluate(
        """(src) => { const inbox = document.createElement("tocsin-inbox"); inbox.src = src;
             inbox.token = document.querySelector("tocsin-bell").token; document.querySelector("main").append(inbox); }""",
        server.url,
    )
    beside = page.locator("main > tocsin-inbox")
    expect(beside.locator(".row").first).to_be_visible()
    reader.sent("Told once", type="error")
    expect(beside.locator(".toast .title")).to_have_text("Told once")
    expect(toast.filter(has_text="Told once")).to_have_count(0)


def test_whom_the_server_does_not_let_in_is_told_so_once_and_gets_in_with_a_token_that_holds(
    server: Server, shop: http.server.ThreadingHTTPServer, new_screen: Callable[..., Screen]
) -> None:
    reader = Reader(server)
    reader.sent("Fire", type="emergency")
    token = server.http().login(reader.id, reader.password)
    given = {"bad": b'{"token": "not.a.token"}', "none": b"an error page", "good": f'{{"token": "{token}"}}'.encode()}
    answers = shop.answers = {  # type: ignore[attr-defined]
        "/": ("text/html", PAGE.format(server=server.url, how='token-provider="/token"').encode()),
        "/token": ("application/json", given["bad"]),
        "/favicon.ico": ("image/x-icon", b""),
    }
    screen = new_screen(server)
    page, state, trouble = screen.page, screen.page.locator(".state"), screen.page.locator("tocsin-inbox .instead")
    page.add_init_script(
        """globalThis.out = []; addEventListener("tocsin-signed-out", ({ target }) => out.push(target.localName));"""
    )
    page.goto(address(shop) + "/")
    expect(state).to_have_attribute("data-state", "ended")
    expect(trouble).to_contain_text("Authentication required")
    page.get_by_role("button", name="Try again").click()
    expect(trouble).to_contain_text("Authentication required")
    assert sorted(page.evaluate("() => out")) == ["tocsin-bell", "tocsin-inbox"]
    answers["/token"] = ("application/json", given["good"])
    page.get_by_role("button", name="Try again").click()
    alarm = page.get_by_role("alertdialog")
    expect(alarm.get_by_role("heading")).to_have_text("Fire")
    screen.until_live()

    # Where the page gives none, that is said, and it comes by itself once there is one.
    answers["/token"] = ("application/json", given["none"])
    page.reload()
    expect(state).to_have_attribute("data-state", "offline")
    expect(trouble).to_contain_text("this page was given no token to sign in with")
    answers["/token"] = ("application/json", given["good"])
    screen.until_live()
    expect(alarm).to_be_visible()
    assert page.evaluate("() => out") == []


def test_a_page_of_an_origin_that_is_not_listed_gets_nothing(
    start_server: Callable[..., Server], new_shop: Shops, new_screen: Callable[..., Screen]
) -> None:
    # Of `--dev` every page of this machine is let in.
    server = start_server(dev=False, env={"TOCSIN_ORIGINS": "https://somewhere.example"})
    shop = new_shop()
    shop.answers = {  # type: ignore[attr-defined]
        "/": ("text/html", PAGE.format(server=server.url, how='token="x"').encode()),
        "/favicon.ico": ("image/x-icon", b""),
    }
    screen = new_screen(server)
    screen.page.goto(address(shop) + "/")
    screen.until(lambda: any("blocked by CORS policy" in error for error in screen.errors))
    assert screen.page.evaluate("() => customElements.get('tocsin-inbox') === undefined")
    screen.errors.clear()


def test_the_demo_page_shows_both_with_nothing_for_axe_to_find(
    reader: Reader, new_screen: Callable[..., Screen]
) -> None:
    reader.sent("Pressure is rising", type="warning")
    screen = new_screen(reader.server).sign_in(reader).open("/demo").until_live()
    screen.shows("Pressure is rising")
    expect(screen.page.locator("tocsin-bell [part=counter]")).to_have_text("1")
    expect(screen.page.locator("#events")).to_contain_text("tocsin-unread")
    screen.is_clean_in_every_look()
    screen.page.locator("tocsin-bell").get_by_role("button").first.click()
    expect(screen.page.locator("tocsin-bell .row")).to_have_count(1)
    screen.is_clean_in_every_look()


def test_the_demo_page_says_that_nobody_is_signed_in_and_asks_for_nothing(
    reader: Reader, new_screen: Callable[..., Screen]
) -> None:
    reader.sent("Pressure is rising", type="warning")
    screen = new_screen(reader.server)
    refused: list[str] = []
    screen.page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
    screen.open("/demo")
    nobody = screen.page.get_by_text("Nobody is signed in here.")
    expect(nobody).to_be_visible()
    screen.page.wait_for_load_state("networkidle")
    assert refused == []
    screen.is_clean_in_every_look()
    # A token does, too, and so does signing in meanwhile.
    screen.page.get_by_label("Token").fill(reader.server.http().login(reader.id, reader.password))
    screen.page.get_by_role("button", name="Show").click()
    screen.until_live().shows("Pressure is rising")
    expect(nobody).to_be_hidden()
    screen.open("/demo")
    expect(nobody).to_be_visible()
    screen.sign_in(reader).page.get_by_role("button", name="Show").click()
    screen.until_live().shows("Pressure is rising")
    assert refused == []


def colour(screen: Screen, what: str) -> str:
    return str(screen.page.locator(f"tocsin-inbox {what}").first.evaluate("(one) => getComputedStyle(one).color"))
