"""Two windows of one person stay in step, whatever happens between them and the server."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from cli.command import tocsin
from harness.server import Server
from web.people import Reader
from web.screen import Screen


def test_two_windows_of_one_user_stay_in_step(reader: Reader, window: Callable[..., Screen]) -> None:
    one, other = window(reader), window(reader)
    for title in ("first", "second", "third", "fourth"):
        reader.sent(title)
    for screen in (one, other):
        screen.shows("fourth", "third", "second", "first")
        screen.unread("fourth", "third", "second", "first")

    one.row("third").click()
    other.unread("fourth", "second", "first")
    other.do("third", "unread")
    one.unread("fourth", "third", "second", "first")
    other.do("second", "dismiss")
    one.shows("fourth", "third", "first")
    one.page.locator("[data-act=readAll]").click()
    other.unread()
    other.shows("fourth", "third", "first")
    one.page.locator(".view[data-view=dismissed]").click()
    one.shows("second")
    one.do("second", "undismiss")
    one.shows()
    other.shows("fourth", "third", "second", "first")


def test_two_windows_stay_in_step_over_a_reload(reader: Reader, window: Callable[..., Screen]) -> None:
    screen, other = window(reader), window(reader)
    for title in ("first", "second", "third"):
        reader.sent(title)
    screen.row("third").click()
    screen.do("first", "dismiss")
    screen.shows("third", "second")
    other.shows("third", "second")
    for one in (screen, other):
        one.page.reload()
        one.until_live()
        one.shows("third", "second")
        one.unread("second")
    expect(screen.page).to_have_title("(1) Tocsin")


def test_two_windows_stay_in_step_over_a_cut_of_the_network(reader: Reader, window: Callable[..., Screen]) -> None:
    cut, other = window(reader), window(reader)
    reader.sent("before")
    cut.shows("before")
    cut.context.set_offline(True)
    expect(cut.page.locator(".state")).to_have_attribute("data-state", "offline")
    expect(cut.page.locator(".state")).to_contain_text("Offline")
    reader.sent("meanwhile")
    other.shows("meanwhile", "before")
    other.do("before", "dismiss")
    cut.shows("before")
    cut.context.set_offline(False)
    cut.until_live()
    cut.shows("meanwhile")
    cut.unread("meanwhile")


@pytest.mark.fault
def test_two_windows_stay_in_step_over_a_kill_of_the_server(own: Server, window: Callable[..., Screen]) -> None:
    server, reader = own, Reader(own)
    one, other = window(reader), window(reader)
    reader.sent("before")
    one.shows("before")
    one.row("before").click()
    other.unread()
    # One of them would never try again: its clock stands still.
    one.page.clock.install()
    one.page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    server.kill()
    for screen in (one, other):
        expect(screen.page.locator(".state")).to_have_attribute("data-state", "offline")
    server.start()
    reader.sent("after")
    other.until_live()
    expect(one.page.locator(".state")).to_have_attribute("data-state", "offline")
    one.page.get_by_role("button", name="Try now").click()
    for screen in (one, other):
        screen.until_live()
        screen.shows("after", "before")
        screen.unread("after")
    other.do("after", "dismiss")
    one.shows("before")


@pytest.mark.fault
def test_the_control_of_that_a_window_that_does_not_resume_misses_it(
    own: Server, window: Callable[..., Screen]
) -> None:
    server, reader = own, Reader(own)
    screen = window(reader)
    # Takes the position out of every address of a stream, as if it had not been kept.
    screen.page.evaluate(
        """() => { const real = WebSocket; globalThis.away = true; globalThis.WebSocket = class extends real {
             constructor(url, protocols) {
                 url.searchParams.delete("since");
                 if (globalThis.away) url.pathname = "/nowhere";
                 super(url, protocols);
             } }; }"""
    )
    server.kill()
    server.start()
    reader.sent("missed")
    screen.page.evaluate("globalThis.away = false")
    screen.until_live()
    reader.sent("seen")
    screen.shows("seen")


def test_a_gap_is_said_with_nothing_for_axe_to_find_and_the_list_read_anew(
    own: Server, window: Callable[..., Screen]
) -> None:
    server, reader = own, Reader(own)
    screen = window(reader)
    reader.sent("in the backup")
    screen.shows("in the backup")
    copy = server.data.parent / "copy.db"
    copy.write_bytes(server.service().request("POST", "/api/backup").body)
    reader.sent("lost with the disk")
    screen.shows("lost with the disk", "in the backup")
    server.stop()
    assert tocsin("restore", str(copy), "--data", str(server.data), "--replace").status == 0
    server.start()
    expect(screen.page.locator(".gap")).to_contain_text("gone from the server for good")
    screen.until_live()
    screen.is_clean_in_every_look()
    screen.shows("in the backup")
    screen.unread("in the backup")
    screen.page.locator(".gap button").click()
    expect(screen.page.locator(".gap")).to_have_count(0)
    reader.sent("afterwards")
    screen.shows("afterwards", "in the backup")
