"""The shell: small, installable, there without a network."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from harness.server import Server
from web.cutting import CuttingProxy
from web.people import Reader
from web.screen import Screen

WEB = Path(__file__).parents[2] / "src" / "tocsin" / "web"
BUDGET = 60_000
"""Bytes from the server until the inbox stands and is live, whatever they are: files and answers, as they are
compressed, with all headers, and the stream's handshake. Not the service worker, which fetches afterwards what may be
needed later."""

TYPES = ("info", "success", "warning", "error")


def test_a_first_view_of_thirty_notifications_is_within_its_budget(
    reader: Reader, new_screen: Callable[..., Screen]
) -> None:
    for at in range(30):
        reader.sent(f"Backup of machine {at} has ended", message=f"{at} files, {at} GB, no errors", type=TYPES[at % 4])
    with CuttingProxy(reader.server.port) as wire:
        screen = new_screen(reader.server, service_workers="block").sign_in(reader)
        screen.page.goto(wire.url)
        screen.until_live()
        expect(screen.titles.first).to_have_text("Backup of machine 29 has ended")
        screen.page.wait_for_load_state("networkidle")
        assert wire.carried > 20_000, "the page was got without the wire"
        assert wire.carried <= BUDGET, f"{wire.carried} bytes in {wire.connections} connections"


@pytest.mark.soak
def test_a_first_view_is_painted_within_half_a_second(reader: Reader, new_screen: Callable[..., Screen]) -> None:
    """With nothing kept, the median of five; on a machine that has nothing else to do."""
    painted = []
    for _ in range(5):
        screen = new_screen(reader.server, service_workers="block").sign_in(reader).open().until_live()
        [paint] = screen.page.evaluate(
            "() => performance.getEntriesByName('first-contentful-paint').map((e) => e.startTime)"
        )
        painted.append(paint)
    assert sorted(painted)[2] <= 500, painted


def test_what_will_be_imported_is_named_in_the_pages(dev: Server) -> None:
    """Or the modules would be found one after another."""
    for page, entry in (("/", "app/main.js"), ("/admin", "admin/main.js")):
        text = dev.http().get(page).text
        place = re.findall(r"assets/\w+/", text)[0]
        named = re.findall(rf'rel="modulepreload" href="{place}([^"]+)"', text)
        assert set(named) == imported(dev, place, entry) - {entry}
        assert len(named) == len(set(named)) <= 10


def imported(dev: Server, place: str, path: str) -> set[str]:
    """A module and all that it imports, as it is served."""
    found: set[str] = set()
    left = [path]
    while left:
        at = left.pop()
        if at in found:
            continue
        found.add(at)
        for name in re.findall(r'^import [^;"]*"(\.[^"]+\.js)";$', dev.http().get(f"/{place}{at}").text, re.MULTILINE):
            left.append(str((WEB / at).parent.joinpath(name).resolve().relative_to(WEB)))
    return found


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
