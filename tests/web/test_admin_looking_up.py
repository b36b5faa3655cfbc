"""An operator finds out why a notification did not arrive."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen


@pytest.fixture
def desk(dev: Server, new_screen: Callable[..., Screen]) -> Page:
    """The page where one looks up, for a superuser."""
    page = new_screen(dev).sign_in(Reader(dev, superuser=True)).open("/admin#/look-up").page
    expect(page.locator("main h1")).to_have_text("Look up")
    return page


def look_up(page: Page, wanted: str) -> None:
    page.locator("[name=wanted]").fill(wanted)
    page.get_by_role("button", name="Look up", exact=True).click()


def finds(page: Page, *sentences: str) -> None:
    for sentence in sentences:
        expect(page.locator(".finding", has_text=sentence)).to_be_visible()


def recipient(page: Page) -> list[str]:
    return [text.strip() for text in page.locator(".table .cell").all_text_contents()]


def test_a_story_tells_who_sent_it_by_what_to_whom_and_what_became_of_it(desk: Page, reader: Reader) -> None:
    with reader.websocket() as stream:
        id_ = reader.sent("Pump 4", message="stands still", type="warning", deviceId="device123", metadata={"flow": 0})
        seen = stream.recv_json()
        while seen["event"] != "notification":
            seen = stream.recv_json()
        stream.send_json({"received": seen["position"]})
        reader.did("PUT", id_, "read")
        reader.did("PUT", id_, "acknowledgement")
        look_up(desk, id_)
        finds(
            desk,
            "It was written to 1 open stream when it was sent.",
            "Read on",
            "Acknowledged on",
            f"1 stream of {reader.id} is open now.",
        )
    facts = desk.locator("#origin + .facts")
    expect(facts).to_contain_text("system")
    expect(facts).to_contain_text("API key sample")
    expect(facts).to_contain_text(reader.id)
    expect(facts).to_contain_text(id_)
    expect(desk.locator(".whole h2")).to_have_text("Pump 4")
    expect(desk.locator(".whole .text")).to_have_text("stands still")
    expect(desk.get_by_role("cell").first).to_contain_text(reader.id)
    assert [cell == "not" for cell in recipient(desk)[2:]] == [False, False, True]


def test_what_happens_to_it_is_seen_while_one_looks(desk: Page, reader: Reader) -> None:
    id_ = reader.sent("to be read")
    look_up(desk, id_)
    finds(
        desk,
        "No stream was open for it when it was sent",
        "it waits in the inbox",
        f"No stream of {reader.id} is open now",
    )
    reader.did("PUT", id_, "read")
    finds(desk, "Read on")


def test_an_emergency_that_nobody_acknowledged_is_said(desk: Page, reader: Reader) -> None:
    look_up(desk, reader.sent("Fire", type="emergency"))
    finds(desk, "It is an emergency that nobody has acknowledged.")


def test_a_disabled_user_is_said_to_be_disabled(desk: Page, reader: Reader) -> None:
    assert reader.server.service().put(f"/api/users/{reader.id}", {"disabled": True}).status == 200
    look_up(desk, reader.id)
    finds(desk, f"{reader.id} is disabled", f"No stream of {reader.id} is open now")


def test_an_unknown_user_and_an_unknown_id_are_said_to_be_unknown(desk: Page) -> None:
    look_up(desk, "nobody-of-this-name")
    finds(desk, "There is no user “nobody-of-this-name”: a send to them is answered with 404.")
    expect(desk.locator(".refusals")).to_contain_text("the app is not installed for them")
    look_up(desk, "notif_01k8a3mb1hfh8rth5fu2t50idi")
    expect(desk.locator("main")).to_contain_text(
        "There is no notification with the id notif_01k8a3mb1hfh8rth5fu2t50idi"
    )


def test_words_of_what_was_sent_lead_to_it(desk: Page, reader: Reader) -> None:
    reader.sent(f"Pump of {reader.id} stands still", message="no flow", deviceId=f"pump {reader.id}")
    reader.sent("of something else")
    for words in (f"PUMP OF {reader.id} stands", f"pump {reader.id}"):
        look_up(desk, words)
        expect(desk.locator("#to-them")).to_have_text(f"Sent with “{words}” in it, newest first")
        expect(desk.locator(".entry .name")).to_have_text([f"Pump of {reader.id} stands still"])
    desk.locator(".entry").click()
    expect(desk.locator(".whole .text")).to_have_text("no flow")


def test_who_may_not_send_is_said(desk: Page) -> None:
    look_up(desk, "viewer")
    finds(desk, "viewer may not send: a send with their credentials is answered with 403.")


def test_a_stream_that_hears_other_devices_only_is_pointed_out(desk: Page, reader: Reader) -> None:
    with reader.websocket(params={"deviceId": "device456"}):
        look_up(desk, reader.sent("about a camera", deviceId="device123"))
        finds(desk, "No stream was open for it", "One of the streams hears only what is about: device456.")


def test_what_was_sent_to_somebody_is_listed_and_leads_to_its_story(desk: Page, reader: Reader) -> None:
    for number in range(3):
        reader.sent(f"number {number}")
    look_up(desk, reader.id)
    entries = desk.locator(".entry", has=desk.locator(".chip", has_text=reader.id))
    expect(entries.locator(".name")).to_have_text(["number 2", "number 1", "number 0"])
    expect(entries.first).to_contain_text("no stream was open")
    entries.first.click()
    expect(desk.locator(".whole h2")).to_have_text("number 2")


def test_the_text_of_any_of_thousands_is_found(own: Server, new_screen: Callable[..., Screen]) -> None:
    server = own
    reader = Reader(server)
    first = reader.sent("the needle")
    many = [{"title": f"hay {number}", "message": "m", "userId": reader.id} for number in range(3_000)]
    assert server.service().post("/api/notifications/batch", many[:1_500]).status == 200
    middle = reader.sent("another needle")
    assert server.service().post("/api/notifications/batch", many[1_500:]).status == 200
    page = new_screen(server).sign_in(Reader(server, superuser=True)).open(f"/admin#/look-up/{first}").page
    expect(page.locator(".whole h2")).to_have_text("the needle")
    page.goto(f"{server.url}/admin#/look-up/{middle}")
    expect(page.locator(".whole h2")).to_have_text("another needle")


def test_recipients_of_a_broadcast_are_paged(own: Server, new_screen: Callable[..., Screen]) -> None:
    server = own
    for number in range(60):
        assert server.service().put(f"/api/users/user-{number:03}", {}).status == 201
    admin = Reader(server, superuser=True)
    id_ = str(server.service().send("to all").json["notificationId"])
    page = new_screen(server).sign_in(admin).open(f"/admin#/look-up/{id_}").page
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_role("button", name="Show more").click()
    expect(page.locator("tbody tr")).not_to_have_count(50)
    assert len(set(page.locator("tbody tr").all_text_contents())) == int(page.locator("tbody tr").count()) > 60
    expect(page.get_by_role("button", name="Show more")).to_have_count(0)


def test_it_is_taken_back_after_a_question(desk: Page, reader: Reader) -> None:
    id_ = reader.sent("a mistake")
    look_up(desk, id_)
    desk.get_by_role("button", name="Take it back").click()
    desk.get_by_role("alertdialog").get_by_role("button", name="Leave it").click()
    assert len(reader.inbox()) == 1
    desk.get_by_role("button", name="Take it back").click()
    desk.get_by_role("alertdialog").get_by_role("button", name="Take it back").click()
    finds(desk, "It was taken back on")
    expect(desk.get_by_role("button", name="Take it back")).to_have_count(0)
    assert reader.inbox() == []
