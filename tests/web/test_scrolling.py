"""A hundred thousand notifications, scrolled to the end: never more in the document than is in sight."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen

MOST_ROWS = 60
"""In the document at once: what 800 px show, and some around."""
STRETCH = 5_000
"""So many rows are scrolled through in the time that one thing may take to be seen."""

FURTHER = """([list, size]) => {
  list.scrollTop = list.scrollHeight;
  globalThis.most = Math.max(globalThis.most ?? 0, list.querySelectorAll(".row").length);
  return list.desk.inbox.next === null || list.desk.inbox.size >= size;
}"""


def send(reader: Reader, numbers: range) -> None:
    """Send them so many, each fifth of them a warning."""
    for start in range(numbers.start, numbers.stop, STRETCH):
        sends = [
            {"title": f"number {at}", "message": "m", "userId": reader.id, "type": "info" if at % 5 else "warning"}
            for at in numbers[start : start + STRETCH]
        ]
        answer = reader.server.service().post("/api/notifications/batch", sends)
        assert answer.status == 200, answer.text


def scroll_to_the_end(screen: Screen, size: int = STRETCH) -> None:
    """Until there is no more, however many pages that takes."""
    rows = screen.page.locator("tocsin-rows").element_handle()
    for reached in range(STRETCH, size + STRETCH, STRETCH):
        screen.page.wait_for_function(FURTHER, arg=[rows, reached])


def test_a_list_of_more_than_a_page_is_read_to_its_end_and_acted_on(
    reader: Reader, window: Callable[..., Screen]
) -> None:
    send(reader, range(120))
    screen = window(reader)
    rows = screen.page.locator("tocsin-rows")
    scroll_to_the_end(screen)
    expect(screen.titles.last).to_have_text("number 0")
    rows.evaluate("(list) => { list.scrollTop = list.scrollHeight / 2; }")
    screen.do("number 60", "dismiss")
    expect(screen.row("number 60")).to_have_count(0)
    expect(screen.row("number 59")).to_be_visible()
    expect(screen.count).to_have_text("119")


def test_a_page_that_could_not_be_had_is_asked_for_again_by_hand(reader: Reader, window: Callable[..., Screen]) -> None:
    send(reader, range(120))
    screen = window(reader)
    screen.page.route("**/api/notifications?*before=*", lambda route: route.abort())
    rows = screen.page.locator("tocsin-rows")
    rows.evaluate("(list) => { list.scrollTop = list.scrollHeight; }")
    again = screen.page.locator(".instead.problem button")
    expect(again).to_be_visible()
    assert rows.evaluate("(list) => list.desk.inbox.awaitsPage") is False, (
        "what comes is kept for a page that does not come"
    )
    screen.page.unroute_all()
    again.click()
    scroll_to_the_end(screen)
    expect(screen.titles.last).to_have_text("number 0")


def test_100_000_rows_are_scrolled(
    start_server: Callable[..., Server], window: Callable[..., Screen], soak: bool
) -> None:
    many = 100_000 if soak else 5_000
    reader = Reader(start_server())
    send(reader, range(many))
    screen = window(reader)
    expect(screen.count).to_have_text(f"{many:,}")
    rows = screen.page.locator("tocsin-rows")
    scroll_to_the_end(screen, many)
    assert rows.evaluate("(list) => list.desk.inbox.size") == many
    rows.evaluate("(list) => { list.scrollTop = list.scrollHeight; }")
    expect(screen.titles.last).to_have_text("number 0")
    assert 0 < screen.page.evaluate("() => globalThis.most") <= MOST_ROWS

    # In the middle of it all, what comes above moves nothing.
    rows.evaluate("(list) => { list.scrollTop = list.scrollHeight / 2; }")
    middle = f"number {many // 2}"
    expect(screen.row(middle)).to_be_visible()
    before = screen.row(middle).bounding_box()
    reader.sent("something new")
    expect(screen.page.locator(".fresh")).to_have_text("↑ 1 new")
    after = screen.row(middle).bounding_box()
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
    expect(screen.titles.first).to_have_text(f"number {many - 5}")
