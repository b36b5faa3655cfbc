"""The shell: small, installable, there without a network."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen

WEB = Path(__file__).parents[2] / "src" / "tocsin" / "web"
BUDGET = 60_000
"""Bytes over the wire, as they are compressed, until the inbox stands; without the headers of the answers."""


def test_the_inbox_stands_within_its_budget(reader: Reader, new_screen: Callable[..., Screen]) -> None:
    reader.sent("one")
    screen = new_screen(reader.server, service_workers="block").sign_in(reader)
    network = screen.context.new_cdp_session(screen.page)
    network.send("Network.enable")
    sizes: list[float] = []
    network.on("Network.dataReceived", lambda event: sizes.append(event["encodedDataLength"]))
    screen.open().until_live()
    screen.shows("one")
    assert len(sizes) > 20
    assert sum(sizes) <= BUDGET, f"{sum(sizes)} bytes in {len(sizes)} pieces"


def test_what_will_be_imported_is_named_in_the_page() -> None:
    """Or the modules would be found one after another."""
    page = (WEB / "index.html").read_text()
    named = set(re.findall(r'rel="modulepreload" href="assets/~/([^"]+)"', page))
    assert named == imported("app/main.js") - {"app/main.js"}


def imported(path: str) -> set[str]:
    """A module and all that it imports."""
    found: set[str] = set()
    left = [path]
    while left:
        at = left.pop()
        if at in found:
            continue
        found.add(at)
        for name in re.findall(r'^(?:import|export)[^;"]*"(\.[^"]+\.js)"', (WEB / at).read_text(), re.MULTILINE):
            left.append(str((WEB / at).parent.joinpath(name).resolve().relative_to(WEB)))
    return found


def test_scripts_go_out_as_they_were_written_but_for_the_notes(dev: Server) -> None:
    client = dev.http()
    place = re.findall(r"assets/\w+/", client.get("/").text)[0]
    for path in (path for folder in ("app", "inbox", "element", "texts") for path in WEB.glob(f"{folder}/*.js")):
        written, noted = path.read_text().splitlines(), False
        served = client.get(f"/{place}{path.relative_to(WEB)}").text.splitlines()
        assert len(served) == len(written)
        for line, sent in zip(written, served, strict=True):
            begins = line.lstrip().startswith("/**") and (line.rstrip().endswith("*/") or "*/" not in line)
            if begins or noted:
                assert sent == "", (path, line)
                noted = "*/" not in line
            else:
                assert sent == re.sub(r"/\*\* @type [^*]*\*/ ?", "", line), (path, line)


def test_it_can_be_installed(reader: Reader, window: Callable[..., Screen]) -> None:
    screen = window(reader)
    network = screen.context.new_cdp_session(screen.page)
    told = network.send("Page.getAppManifest")
    assert told["errors"] == []
    manifest = json.loads(told["data"])
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        answer = screen.page.request.get(f"{reader.server.url}/{icon['src']}")
        assert answer.headers["content-type"] == icon["type"]


def test_without_a_network_it_opens_and_says_so(reader: Reader, window: Callable[..., Screen]) -> None:
    screen = window(reader)
    screen.page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    screen.context.set_offline(True)
    screen.page.reload()
    told = screen.page.get_by_text("the server cannot be reached")
    expect(told).to_be_visible()
    screen.page.get_by_role("button", name="Try again").click()
    expect(told).to_be_visible()
    # With the network it is there by itself.
    screen.context.set_offline(False)
    screen.until_live()


def test_a_server_that_is_back_is_asked_again_by_hand(
    start_server: Callable[..., Server], new_screen: Callable[..., Screen]
) -> None:
    server = start_server()
    reader = Reader(server)
    screen = new_screen(server).sign_in(reader).open().until_live()
    screen.page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    server.stop()
    screen.page.reload()
    expect(screen.page.get_by_text("the server cannot be reached")).to_be_visible()
    server.start()
    screen.page.get_by_role("button", name="Try again").click()
    screen.until_live()


def test_nothing_of_the_api_is_kept(reader: Reader, window: Callable[..., Screen]) -> None:
    reader.sent("a secret")
    screen = window(reader)
    screen.page.wait_for_function("() => navigator.serviceWorker.controller !== null")
    screen.page.reload()
    screen.shows("a secret")
    kept = screen.page.evaluate(
        """async () => (await Promise.all((await caches.keys()).map(async (name) =>
             (await (await caches.open(name)).keys()).map(({url}) => url)))).flat()"""
    )
    assert kept
    assert [url for url in kept if "/api/" in url or "/notifications" in url] == []
