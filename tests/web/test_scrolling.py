"""A hundred thousand notifications, scrolled to the end: never more in the document than is in sight."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen

MANY = 100_000
MOST_ROWS = 60
"""In the document at once: what 800 px show, and some around."""

LAST_LINE = """(list) => {
  list.scrollTop = list.scrollHeight;
  const inbox = list.desk.inbox;
  return [inbox.size, inbox.next !== null, list.querySelectorAll(".row").length];
}"""


def test_100_000_rows_are_scrolled(start_server: Callable[..., Server], window: Callable[..., Screen]) -> None:
    server = start_server()
    reader = Reader(server)
    service = server.service()
    for start in range(0, MANY, 2_000):
        sends = [
            {"title": f"number {at}", "message": "m", "userId": reader.id, "type": "warning" if at % 5 == 0 else "info"}
            for at in range(start, start + 2_000)
        ]
        assert service.post("/api/notifications/batch", sends).status == 200
    screen = window(reader)
    expect(screen.count).to_have_text("100,000")
    rows = screen.page.locator("tocsin-rows")
    size, more, drawn = 0, True, 0
    while more:
        size, more, drawn = rows.evaluate(LAST_LINE)
        assert drawn <= MOST_ROWS
        screen.page.wait_for_function("([list, size]) => !list.desk.loading", arg=[rows.element_handle(), size])
    assert size == MANY
    rows.evaluate("(list) => { list.scrollTop = list.scrollHeight; }")
    expect(screen.titles.last).to_have_text("number 0")
    assert screen.rows.count() <= MOST_ROWS

    # In the middle of it all, what comes above moves nothing.
    rows.evaluate("(list) => { list.scrollTop = list.scrollHeight / 2; }")
    expect(screen.row("number 50000")).to_be_visible()
    before = screen.row("number 50000").bounding_box()
    reader.sent("something new")
    expect(screen.page.locator(".fresh")).to_have_text("↑ 1 new")
    after = screen.row("number 50000").bounding_box()
    assert before
    assert after
    assert abs(before["y"] - after["y"]) < 1
    assert screen.rows.count() <= MOST_ROWS
    screen.page.locator(".fresh").click()
    expect(screen.titles.first).to_have_text("something new")

    # The ends are one key away.
    screen.rows.first.locator(".main").focus()
    screen.press("End")
    expect(screen.titles.last).to_have_text("number 0")
    screen.press("Home")
    expect(screen.titles.first).to_have_text("something new")
    screen.page.locator(".type[data-type=warning]").click()
    expect(screen.titles.first).to_have_text("number 99995")
