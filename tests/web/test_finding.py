"""Finding: filters, search as one types, names, data on demand, an empty inbox."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from harness.http import DEV_KEY
from harness.server import Server
from inbox.people import eventually
from web.people import Reader
from web.screen import Screen

PASTED_INTO = {
    "curl": ("sh", "-c"),
    "Python": (sys.executable, "-c"),
    "JavaScript": ("node", "--input-type=module", "--eval"),
    "Command line": ("sh", "-c"),
}
"""What takes the text of each tab of an empty inbox."""


def test_an_empty_inbox_shows_in_tabs_how_to_send_the_first_and_each_works_as_it_is_pasted(
    dev: Server, window: Callable[..., Screen]
) -> None:
    reader = Reader(dev, called="o'brien")
    screen = window(reader)
    page = screen.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("tab", name="curl").focus()
    shown = {}
    for tab in PASTED_INTO:
        expect(page.get_by_role("tab", name=tab)).to_be_focused()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        page.locator(".example .copy").click()
        expect(page.locator(".example .copy")).to_have_text("Copied")
        shown[tab] = str(page.evaluate("() => navigator.clipboard.readText()"))
        page.get_by_role("tab", name=tab).focus()
        screen.press("ArrowRight")
    assert len(set(shown.values())) == len(PASTED_INTO)
    assert all("YOUR_TOKEN" in text for text in shown.values())
    # The key of a superuser would tell everybody, were it not said whom it is for.
    for tab, key in zip(PASTED_INTO, (DEV_KEY, DEV_KEY, reader.key, DEV_KEY), strict=True):
        shown[tab] = shown[tab].replace("YOUR_TOKEN", key)
    tools = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    running = {
        tab: subprocess.Popen(
            [*into, shown[tab]], env=tools, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for tab, into in PASTED_INTO.items()
    }
    said = {tab: process.communicate(timeout=120)[0] for tab, process in running.items()}
    assert {tab: process.returncode for tab, process in running.items()} == dict.fromkeys(running, 0), said
    screen.shows(*["Hello"] * 4)
    assert {item["userId"] for item in reader.inbox()} == {reader.id}


def test_without_tls_the_first_send_is_copied_the_old_way(dev: Server, new_screen: Callable[..., Screen]) -> None:
    screen = new_screen(dev).sign_in(Reader(dev))
    screen.context.grant_permissions(["clipboard-read", "clipboard-write"])
    # As in a page over plain http from elsewhere on the network.
    screen.page.add_init_script(
        "Object.defineProperty(navigator, 'clipboard', { configurable: true, value: undefined });"
    )
    screen.open().until_live()
    screen.page.locator(".example .copy").click()
    expect(screen.page.locator(".example .copy")).to_have_text("Copied")
    read = "() => { delete navigator.clipboard; return navigator.clipboard.readText(); }"
    assert str(screen.page.evaluate(read)).startswith(f"curl {dev.url}/api/notifications/send")


def test_filters_by_type_device_app_and_unread(dev: Server, reader: Reader, window: Callable[..., Screen]) -> None:
    service = dev.service()
    assert service.put(f"/api/devices/camera-{reader.id}", {"name": "Camera at the gate"}).status == 201
    assert service.put(f"/api/apps/{reader.id}", {"name": "Backups"}).status == 201
    reader.sent("from an app", appId=reader.id)
    reader.sent("about the camera", deviceId=f"camera-{reader.id}", type="warning")
    reader.sent("plain")
    screen = window(reader)
    everything = ("plain", "about the camera", "from an app")
    screen.shows(*everything)
    expect(screen.row("about the camera").locator(".chip")).to_have_text("Camera at the gate")
    expect(screen.row("from an app").locator(".chip")).to_have_text("Backups")

    screen.page.locator(".type[data-type=warning]").click()
    screen.shows("about the camera")
    screen.page.locator(".type[data-type=info]").click()
    screen.shows(*everything)
    screen.page.locator(".type[data-type=info]").click()
    screen.page.locator(".type[data-type=warning]").click()
    screen.page.get_by_label("Device", exact=True).select_option("Camera at the gate")
    screen.shows("about the camera")
    reader.sent("another of it", deviceId=f"camera-{reader.id}")
    reader.sent("not of it")
    screen.shows("another of it", "about the camera")
    screen.page.get_by_label("Device", exact=True).select_option("All devices")
    screen.page.get_by_label("App", exact=True).select_option("Backups")
    screen.shows("from an app")
    screen.page.get_by_label("App", exact=True).select_option("All apps")
    screen.row("plain").click()
    screen.page.locator(".view[data-view=unread]").click()
    expect(screen.titles).to_have_text(["not of it", "another of it", "about the camera", "from an app"])


def test_search_finds_as_one_types_and_what_comes_meanwhile(reader: Reader, window: Callable[..., Screen]) -> None:
    for title in ("Pressure is rising", "Backup finished", "Pressure has fallen"):
        reader.sent(title)
    reader.wait_until_found("pres", 2)
    screen = window(reader)
    search = screen.page.get_by_label("Search titles and messages")
    search.press_sequentially("pres")
    screen.shows("Pressure has fallen", "Pressure is rising")
    search.press_sequentially("sure ris")
    screen.shows("Pressure is rising")
    reader.sent("Pressure is rising again")
    reader.sent("Nothing of that")
    screen.shows("Pressure is rising again", "Pressure is rising")
    search.fill("nowhere to be found")
    expect(screen.page.locator(".instead")).to_contain_text("Nothing matches.")
    screen.page.get_by_role("button", name="Show everything").click()
    expect(screen.rows).to_have_count(5)


def test_what_is_typed_stays_whatever_happens_meanwhile(reader: Reader, window: Callable[..., Screen]) -> None:
    for title in ("Pressure is rising", "Backup finished"):
        reader.sent(title)
    reader.wait_until_found("pres", 1)
    screen = window(reader)
    search = screen.page.get_by_label("Search titles and messages")
    for letter in "pres":
        search.press_sequentially(letter)
        screen.page.evaluate(
            """async () => {
                const inbox = document.querySelector("tocsin-app").renderRoot.querySelector("tocsin-inbox");
                inbox.requestUpdate();
                await inbox.updateComplete;
            }"""
        )
    expect(search).to_have_value("pres")
    screen.shows("Pressure is rising")


def test_marking_all_as_read_reads_what_the_filter_shows(reader: Reader, window: Callable[..., Screen]) -> None:
    reader.sent("a warning", type="warning")
    reader.sent("an error", type="error")
    screen = window(reader)
    screen.page.locator(".type[data-type=warning]").click()
    screen.shows("a warning")
    screen.page.locator("[data-act=readAll]").click()
    expect(screen.count).to_have_text("1")
    assert eventually(lambda: reader.unread() == {"error": 1})
    # What the server cannot mark as a whole is not offered, by hand or by key.
    screen.page.locator(".type[data-type=warning]").click()
    screen.page.get_by_label("Search titles and messages").fill("error")
    screen.shows("an error")
    expect(screen.page.locator("[data-act=readAll]")).to_have_count(0)
    screen.row("an error").locator(".main").focus()
    screen.press("Shift+M", "x")
    expect(screen.page.locator(".selection")).to_be_visible()
    assert reader.unread() == {"error": 1}


def test_a_notification_is_read_when_it_is_opened_and_shows_its_data_on_demand(
    reader: Reader, window: Callable[..., Screen]
) -> None:
    reader.sent("An error", type="error", message="line one\nline two", metadata={"code": "TIMEOUT", "tries": 3})
    screen = window(reader)
    expect(screen.row("An error").locator(".word")).to_have_text("Error")
    screen.row("An error").click()
    whole = screen.page.locator(".whole")
    expect(whole.locator(".text")).to_have_text("line one\nline two", use_inner_text=True)
    expect(whole.locator("pre")).to_be_hidden()
    whole.locator(".data summary").click()
    expect(whole.locator("pre")).to_contain_text('"code": "TIMEOUT"')
    screen.unread()
    assert eventually(lambda: reader.inbox()[0]["read"] is not None)


def test_a_withdrawn_notification_goes_from_before_ones_eyes(reader: Reader, window: Callable[..., Screen]) -> None:
    id_ = reader.sent("a mistake")
    screen = window(reader)
    screen.row("a mistake").click()
    assert reader.server.service().delete(f"/api/notifications/{id_}").status == 204
    screen.shows()
    expect(screen.page.locator(".whole")).to_have_count(0)


@pytest.mark.parametrize("density", ["comfortable", "compact"])
def test_no_row_overlaps_the_next(reader: Reader, window: Callable[..., Screen], density: str) -> None:
    for at in range(4):
        reader.sent(f"{at} " + "long " * 40, message="text " * 60, deviceId="device123")
    screen = window(reader)
    screen.page.locator("tocsin-inbox").evaluate("(inbox, density) => { inbox.density = density; }", density)
    expect(screen.rows).to_have_count(4)
    for row in screen.rows.all():
        inside = row.locator(".lines").bounding_box()
        outside = row.bounding_box()
        assert inside
        assert outside
        assert inside["height"] <= outside["height"]
