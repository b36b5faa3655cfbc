"""What happens is seen in the admin pages while it happens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen

At = Callable[[str], Page]


@pytest.fixture
def at(dev: Server, new_screen: Callable[..., Screen]) -> At:
    """`at("sent")`: that page, for a superuser."""
    screen = new_screen(dev).sign_in(Reader(dev, superuser=True))
    return lambda place: screen.open(f"/admin#/{place}").page


def test_what_is_sent_is_seen_as_it_is_sent(at: At, reader: Reader) -> None:
    page = at("sent")
    expect(page.locator(".state")).to_have_attribute("data-state", "live")
    page.locator("input[type=search]").fill(reader.id)
    names = page.locator(".entries .name")
    expect(names).to_have_count(0)
    reader.sent("one")
    expect(names).to_have_text(["one"])
    with reader.websocket():
        reader.sent("two", type="error")
        expect(names).to_have_text(["two", "one"])
    expect(page.locator(".entry").nth(0)).to_contain_text("1 stream")
    expect(page.locator(".entry").nth(1)).to_contain_text("no stream was open")
    page.locator(".type.error").click()
    expect(names).to_have_text(["two"])


def test_a_pause_holds_it_and_nothing_is_lost_by_it(at: At, reader: Reader) -> None:
    page = at("sent")
    page.clock.install()
    page.reload()
    expect(page.locator(".state")).to_have_attribute("data-state", "live")
    page.locator("input[type=search]").fill(reader.id)
    page.locator("[data-act=pause]").click()
    expect(page.locator(".state")).to_have_text("Paused")
    for number in range(5):
        reader.sent(f"{number}")
    page.clock.run_for(5_000)
    expect(page.locator(".entries .name")).to_have_count(0)
    page.locator("[data-act=pause]").click()
    expect(page.locator(".entries .name")).to_have_text(["4", "3", "2", "1", "0"])


def test_a_server_that_is_gone_is_said_and_come_back_to(own: Server, new_screen: Callable[..., Screen]) -> None:
    server, reader = own, Reader(own)
    page = new_screen(server).sign_in(Reader(server, superuser=True)).open("/admin#/sent").page
    expect(page.locator(".state")).to_have_attribute("data-state", "live")
    server.kill()
    expect(page.locator(".state")).to_have_text("the server cannot be reached")
    server.start()
    reader.sent("after")
    expect(page.locator(".entries .name").first).to_have_text("after")
    expect(page.locator(".state")).to_have_attribute("data-state", "live")


def test_streams_are_seen_to_open_and_to_close(at: At, reader: Reader) -> None:
    page = at("streams")
    mine = page.locator("tbody tr", has_text=reader.id)
    with reader.websocket(), reader.lines(params={"deviceId": "device123", "protocol": "tocsin.v1"}):
        expect(mine).to_have_count(2)
        expect(mine.filter(has_text="WebSocket")).to_contain_text("API key")
        expect(mine.filter(has_text="NDJSON")).to_contain_text("device123")
    expect(mine).to_have_count(0)


def test_charts_show_what_was_counted(start_server: Callable[..., Server], new_screen: Callable[..., Screen]) -> None:
    server = start_server()
    reader = Reader(server)
    with reader.websocket():
        for number in range(7):
            reader.sent(f"{number}")
        for _ in range(3):
            assert server.service().send("x" * 300).status == 422
        page = new_screen(server).sign_in(Reader(server, superuser=True)).open("/admin").page
        for name, value in {
            "Sends": "7",
            "Deliveries to streams": "7",
            "Refusals": "3",
            "Streams open now": "1",
        }.items():
            expect(page.locator(".tile", has=page.get_by_role("link", name=name)).locator("dd")).to_have_text(value)
    expect(page.locator(".chart canvas")).to_have_count(5)
    pixels = "canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data"
    drawn = f"(canvas) => {pixels}.some((value) => value > 0)"
    assert all(canvas.evaluate(drawn) for canvas in page.locator(".chart canvas").all())
    sends = page.locator(".chart", has=page.get_by_role("heading", name="Sends"))
    sends.locator("summary").click()
    assert sum(int(cell) for cell in sends.locator("td").all_text_contents()) == 7
    expect(page.locator("main")).to_contain_text("since it started")
    page.get_by_role("button", name="Last day").click()
    expect(page.locator(".tile", has=page.get_by_role("link", name="Sends")).locator("dd")).to_have_text("7")


def test_what_draws_charts_is_loaded_on_the_admin_page_only(reader: Reader, new_screen: Callable[..., Screen]) -> None:
    screen = new_screen(reader.server).sign_in(reader)
    loaded: list[str] = []
    screen.page.on("request", lambda request: loaded.append(request.url))
    screen.open().until_live()
    screen.page.wait_for_load_state("networkidle")
    assert [url for url in loaded if "/admin" in url or "uplot" in url] == []


def test_the_audit_log_says_who_did_what(at: At, reader: Reader) -> None:
    page = at("audit")
    row = page.locator("tbody tr", has_text=reader.id).filter(has_text="user.create")
    expect(row).to_contain_text("user:system by key:sample")
    expect(row).to_contain_text("done")
