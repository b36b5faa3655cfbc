"""A notification is written in the admin pages, with what it looks like and whom it reaches before it is sent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen


@pytest.fixture
def desk(dev: Server, new_screen: Callable[..., Screen]) -> Page:
    page = new_screen(dev).sign_in(Reader(dev, superuser=True)).open("/admin#/send").page
    expect(page.locator("main h1")).to_have_text("Send")
    return page


def fill(page: Page, **fields: str) -> None:
    for name, text in fields.items():
        page.locator(f".compose [name={name}]").fill(text)


def send(page: Page) -> None:
    page.locator(".compose button[type=submit]").click()


def test_all_fields_arrive_as_they_were_typed(desk: Page, reader: Reader) -> None:
    desk.locator(".more-fields summary").click()
    fill(
        desk,
        userId=reader.id,
        title="Pump 4",
        message="stands\nstill",
        deviceId="device123",
        url="https://example.org/x",
    )
    fill(
        desk,
        icon="https://example.org/x.png",
        tags="pump,  hall 3",
        group="works",
        metadata='{"flow": 1.10, "big": 12345678901234567890}',
    )
    desk.locator("[name=type][value=warning]").check()
    desk.get_by_role("switch", name="Can be dismissed").uncheck()
    send(desk)
    expect(desk.locator(".good.notice")).to_contain_text("Sent. No stream was open, so it waits in the inbox.")
    [item] = reader.inbox()
    typed = {
        "title": "Pump 4",
        "message": "stands\nstill",
        "type": "warning",
        "userId": reader.id,
        "deviceId": "device123",
        "dismissible": False,
        "url": "https://example.org/x",
        "icon": "https://example.org/x.png",
        "tags": ["pump", "hall 3"],
        "group": "works",
    }
    assert {name: item[name] for name in typed} == typed
    assert '{"flow": 1.10, "big": 12345678901234567890}' in reader.http.get(f"/api/notifications/{item['id']}").text
    desk.get_by_role("link", name="See what becomes of it").click()
    expect(desk.locator(".whole h2")).to_have_text("Pump 4")


def test_the_preview_follows_what_is_typed(desk: Page) -> None:
    fill(desk, title="Pump 4 stands still", message="No flow.", deviceId="pump-4")
    desk.locator("[name=type][value=error]").check()
    preview = desk.locator(".preview")
    expect(preview.locator(".row .title")).to_have_text("Pump 4 stands still")
    expect(preview.locator(".whole .text")).to_have_text("No flow.")
    expect(preview.locator(".whole .word")).to_have_text("Error")
    expect(preview.locator(".whole .chip")).to_have_text("pump-4")


def test_whom_it_would_reach_is_said_before_it_is_sent(desk: Page, reader: Reader) -> None:
    reach = desk.locator(".reach")
    fill(desk, userId=reader.id)
    expect(reach).to_have_text("For 1 user, with no stream open now: it would wait in the inbox.")
    with reader.websocket(), reader.websocket(params={"deviceId": "device456"}):
        expect(reach).to_have_text("For 1 user, with 1 stream open now.")
        fill(desk, deviceId="device456")
        expect(reach).to_have_text("For 1 user, with 2 streams open now.")
    fill(desk, userId="nobody-of-this-name")
    expect(reach).to_have_text("User not found")


def test_what_is_wrong_is_told_at_its_field_and_nothing_typed_is_lost(desk: Page, reader: Reader) -> None:
    send(desk)
    for name in ("userId", "title", "message"):
        expect(desk.locator(f"#send-{name}-says")).to_have_text("This must not be empty.")
    expect(desk.locator("#send-userId")).to_be_focused()
    desk.locator(".more-fields summary").click()
    fill(desk, userId=reader.id, title="t" * 300, message="m", url="javascript:alert(1)", metadata="{no")
    send(desk)
    expect(desk.locator("#send-metadata-says")).to_contain_text("This is no JSON")
    fill(desk, metadata="[1]")
    send(desk)
    expect(desk.locator("#send-metadata-says")).to_contain_text("This must be an object")
    fill(desk, metadata='{"a": 1}')
    send(desk)
    expect(desk.locator("#send-title")).to_have_attribute("aria-invalid", "true")
    expect(desk.locator("#send-title")).to_be_focused()
    fill(desk, title="short")
    send(desk)
    expect(desk.locator("#send-url-says")).to_contain_text("must be an http, https, mailto or tel URL")
    expect(desk.locator("#send-url")).to_have_value("javascript:alert(1)")
    fill(desk, url="https://example.org", userId="nobody-of-this-name")
    send(desk)
    expect(desk.locator("#send-userId-says")).to_have_text("User not found")
    assert reader.inbox() == []
    fill(desk, userId=reader.id)
    send(desk)
    expect(desk.locator(".good.notice")).to_be_visible()
    assert [item["title"] for item in reader.inbox()] == ["short"]


def test_a_send_that_is_tried_again_after_a_cut_is_sent_once(desk: Page, reader: Reader) -> None:
    fill(desk, userId=reader.id, title="once", message="m")
    # The server takes it, but its answer gets lost.
    desk.route("**/api/notifications/send", lambda route: (route.fetch(), route.abort()))
    send(desk)
    expect(desk.locator(".compose form > .problem")).to_have_text("the server cannot be reached")
    desk.unroute("**/api/notifications/send")
    send(desk)
    expect(desk.locator(".good.notice")).to_be_visible()
    assert [item["title"] for item in reader.inbox()] == ["once"]


def test_what_is_written_stays_while_one_looks_at_another_page(desk: Page) -> None:
    fill(desk, title="half a thought")
    desk.get_by_role("link", name="Users").click()
    expect(desk.locator("main h1")).to_have_text("Users")
    desk.get_by_role("link", name="Send", exact=True).click()
    expect(desk.locator("[name=title]")).to_have_value("half a thought")
    desk.locator("[data-act=clear]").click()
    expect(desk.locator("[name=title]")).to_have_value("")


def test_everyone_is_asked_for_before_it_goes_to_everyone(
    start_server: Callable[..., Server], new_screen: Callable[..., Screen]
) -> None:
    server = start_server()
    reader = Reader(server)
    page = new_screen(server).sign_in(Reader(server, superuser=True)).open("/admin#/send").page
    page.locator("[name=to][value=all]").check()
    fill(page, title="to all", message="m")
    expect(page.locator(".reach")).to_contain_text("For 7 users,")
    send(page)
    expect(page.get_by_role("alertdialog")).to_contain_text("Send this to everyone, which is 7 users?")
    page.get_by_role("alertdialog").get_by_role("button", name="Leave it").click()
    expect(page.locator(".compose button[type=submit]")).to_have_attribute("aria-disabled", "false")
    expect(page.locator(".good.notice")).to_have_count(0)
    assert reader.inbox() == []
    send(page)
    page.get_by_role("alertdialog").locator("[data-act=yes]").click()
    expect(page.locator(".good.notice")).to_be_visible()
    assert [item["title"] for item in reader.inbox()] == ["to all"]
