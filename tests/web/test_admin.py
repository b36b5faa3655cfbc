"""The admin pages hold what all pages do: who may see them, axe, the keyboard, hostile texts, languages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen
from web.test_hostile_text import HOSTILE
from web.test_keyboard import focused

WEB = Path(__file__).parents[2] / "src" / "tocsin" / "web"
TEXTS = {path.stem: json.loads(path.read_text()) for path in (WEB / "texts" / "admin").glob("*.json")}
PAGES = ("", "look-up", "sent", "send", "streams", "users", "keys", "apps", "apps/demo-app", "devices", "audit")


def heading(page: Page, text: str) -> None:
    expect(page.locator("main h1")).to_have_text(text)


# -- who may see them


def test_who_is_no_superuser_is_told_so(reader: Reader, new_screen: Callable[..., Screen]) -> None:
    screen = new_screen(reader.server).sign_in(reader).open("/admin#/users")
    heading(screen.page, "For superusers only")
    expect(screen.page.locator("main")).to_contain_text(f"Signed in as {reader.id}.")
    expect(screen.page.locator("main")).to_contain_text("A superuser can make you one")
    expect(screen.page.get_by_role("link", name="To the inbox")).to_be_visible()
    expect(screen.page.locator(".side")).to_have_count(0)
    screen.is_clean()


def test_whoever_signs_in_comes_to_the_page_they_asked_for(dev: Server, new_screen: Callable[..., Screen]) -> None:
    admin = Reader(dev, superuser=True)
    screen = new_screen(dev).open(f"/admin#/users/{admin.id}")
    screen.page.locator("input[name=name]").fill(admin.id)
    screen.page.locator("input[name=password]").fill(admin.password)
    screen.press("Enter")
    heading(screen.page, admin.id)
    expect(screen.page).to_have_title(f"{admin.id} · User · Tocsin")
    screen.page.locator(".top .who").click()
    screen.page.get_by_role("button", name="Sign out", exact=True).click()
    expect(screen.page.locator("input[name=password]")).to_be_visible()


def test_what_was_typed_outlives_the_session(dev: Server, new_screen: Callable[..., Screen]) -> None:
    admin = Reader(dev, superuser=True)
    screen = new_screen(dev).sign_in(admin).open("/admin#/devices")
    screen.page.locator("[name=id]").fill("pump-9")
    screen.page.locator("[name=name]").fill("Pump 9")
    screen.context.clear_cookies()
    screen.page.get_by_role("button", name="Save").click()
    expect(screen.page.locator(".notice")).to_contain_text("What you were doing is still there")
    screen.page.locator("tocsin-sign-in input[name=name]").fill(admin.id)
    screen.page.locator("tocsin-sign-in input[name=password]").fill(admin.password)
    screen.press("Enter")
    expect(screen.page.locator(".admin [name=id]")).to_have_value("pump-9")
    expect(screen.page.locator(".admin [name=name]")).to_have_value("Pump 9")


# -- axe, at every size


def test_axe_finds_nothing_on_the_admin_pages(dev: Server, new_screen: Callable[..., Screen]) -> None:
    admin = Reader(dev, superuser=True)
    id_ = admin.sent("of type warning", type="warning", deviceId="device123", tags=["a", "b"], metadata={"a": [1]})
    screen = new_screen(dev).sign_in(admin).open("/admin")
    for page in (*PAGES, f"users/{admin.id}", f"look-up/{id_}", f"look-up?user={admin.id}", "look-up?user=nobody"):
        screen.page.goto(f"{dev.url}/admin#/{page}")
        expect(screen.page.locator("main h1")).to_be_visible()
        expect(screen.page.locator("main [aria-busy=true]")).to_have_count(0)
        screen.page.locator("main details").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
        screen.is_clean_in_every_look()


def test_axe_finds_nothing_in_forms_that_were_refused_and_questions(
    dev: Server, new_screen: Callable[..., Screen]
) -> None:
    admin = Reader(dev, superuser=True)
    screen = new_screen(dev).sign_in(admin).open("/admin#/users")
    screen.page.get_by_role("button", name="New user").click()
    screen.page.get_by_role("button", name="Create").click()
    expect(screen.page.locator("#user-id")).to_have_attribute("aria-invalid", "true")
    screen.is_clean_in_every_look()
    screen.open(f"/admin#/users/{admin.id}")
    screen.page.get_by_role("button", name="Delete this user").click()
    expect(screen.page.get_by_role("alertdialog")).to_be_visible()
    screen.is_clean_in_every_look()


# -- the keyboard alone


def test_a_user_is_made_and_deleted_by_keyboard_alone(dev: Server, new_screen: Callable[..., Screen]) -> None:
    admin = Reader(dev, superuser=True)
    screen = new_screen(dev).sign_in(admin).open("/admin")
    heading(screen.page, "Overview")
    screen.press("Tab")
    assert focused(screen, "at.className") == "skip"
    to(screen, "at.textContent.trim() === 'Users'")
    screen.press("Enter")
    heading(screen.page, "Users")
    expect(screen.page.locator("main h1")).to_be_focused()
    screen.press("Tab", "Enter", "Tab")
    name = f"{admin.id}-made"
    screen.page.keyboard.type(name)
    screen.press("Enter")
    expect(screen.page.locator(".snack")).to_contain_text(f"User “{name}” is created.")
    screen.page.locator("#open-id").focus()
    screen.page.keyboard.type(name)
    screen.press("Enter")
    heading(screen.page, name)
    to(screen, "at.dataset.act === 'delete'")
    screen.press("Enter")
    expect(screen.page.get_by_role("alertdialog")).to_be_visible()
    screen.press("Escape")
    expect(screen.page.get_by_role("alertdialog")).to_have_count(0)
    assert dev.service().get(f"/api/users/{name}").status == 200
    to(screen, "at.dataset.act === 'delete'")
    screen.press("Enter", "Tab", "Enter")
    expect(screen.page.locator(".snack")).to_contain_text("is deleted")
    assert dev.service().get(f"/api/users/{name}").status == 404


def to(screen: Screen, what: str) -> None:
    """Go on by Tab until something has the focus."""
    for _ in range(60):
        if focused(screen, what) == "true":
            return
        screen.press("Tab")
    raise AssertionError(f"never came to {what}")


# -- hostile texts


def test_200_hostile_strings_run_nothing_in_any_field_of_the_admin_pages(
    start_server: Callable[..., Server], new_screen: Callable[..., Screen]
) -> None:
    server = start_server()
    service = server.service()
    service.keep = True
    texts = [text for text in HOSTILE if text.isprintable() and text == text.strip()]
    assert len(texts) >= 200
    sends: list[dict[str, Any]] = []
    for at, text in enumerate(texts):
        assert service.put(f"/api/devices/d{at}", {"name": text}).status == 201
        assert service.put(f"/api/users/u{at}", {"name": text}).status == 201
        assert service.put(f"/api/apps/a{at}", {"name": text}).status == 201
        assert service.post("/api/keys", {"userId": f"u{at}", "name": text}).status == 201
        about = {"userId": f"u{at}", "deviceId": text[:100].strip(), "tags": [text[:64]], "group": text[:100]}
        sends.append({"title": text, "message": text, "metadata": {text: text}, **about})
    ids = []
    for at in range(0, len(sends), 100):
        results = service.post("/api/notifications/batch", sends[at : at + 100]).json["results"]
        assert all(result["success"] for result in results), results
        ids += [str(result["notificationId"]) for result in results]
    admin = Reader(server, superuser=True)
    screen = new_screen(server).sign_in(admin)
    named = {"name": texts[0], "superuser": True}
    assert service.put(f"/api/users/{admin.id}", named).status == 200
    screen.page.on("dialog", lambda dialog: screen.errors.append(f"a dialog: {dialog.message}"))
    screen.open("/admin")
    expect(screen.page.locator(".top .who")).to_have_text(texts[0])
    for page, shown in (
        ("users", ".name"),
        ("apps", ".name"),
        ("keys", ".name"),
        ("devices", ".name"),
        ("sent", ".name"),
        ("audit", "tr"),
    ):
        screen.page.goto(f"{server.url}/admin#/{page}")
        drawn, more = screen.page.locator(f"main {shown}"), screen.page.get_by_role("button", name="Show more")
        for number in range(40, len(texts), 50):
            expect(drawn.nth(number)).to_be_visible()
            more.click()
        expect(drawn.nth(len(texts) - 1)).to_be_visible()
    for id_, text in list(zip(ids, texts, strict=True))[::20]:
        screen.page.goto(f"{server.url}/admin#/look-up/{id_}")
        expect(screen.page.locator(".whole h2")).to_have_text(text, use_inner_text=False)
        assert screen.page.locator(".whole .text").text_content() == text
    screen.page.goto(f"{server.url}/admin#/send")
    for name in ("userId", "title", "message", "deviceId"):
        screen.page.locator(f"[name={name}]").fill(texts[0])
    expect(screen.page.locator(".preview .whole h2")).to_have_text(texts[0])
    assert screen.page.evaluate("() => 'ran' in globalThis") is False


# -- languages


@pytest.mark.parametrize("language", TEXTS)
def test_every_language_says_everything_of_the_admin_pages(language: str) -> None:
    english, texts = TEXTS["en"], TEXTS[language]
    assert texts.keys() == english.keys()
    for key, text in texts.items():
        assert isinstance(text, dict) is isinstance(english[key], dict), key
        forms = text if isinstance(text, dict) else {"other": text}
        assert {"one", "other"} <= forms.keys() or not isinstance(text, dict), key
        first = english[key]["other"] if isinstance(english[key], dict) else english[key]
        assert set(re.findall(r"\{\w+\}", forms["other"])) == set(re.findall(r"\{\w+\}", first)), key
    assert not TEXTS["en"].keys() & json.loads((WEB / "texts" / "en.json").read_text()).keys()


def test_all_that_the_admin_pages_say_is_in_the_texts() -> None:
    known = {**json.loads((WEB / "texts" / "en.json").read_text()), **TEXTS["en"]}
    script = "".join(file.read_text() for file in (WEB / "admin").glob("*.js"))
    unused = [key for key in TEXTS["en"] if f'"{key}"' not in script and f"{key.split('-')[0]}-${{" not in script]
    assert [key for key in unused if not key.startswith("adminRefusal-")] == []
    assert [key for key in re.findall(r'"(admin[A-Z]\w*)"', script) if key not in known] == []


def test_the_admin_pages_stand_the_other_way_round(dev: Server, new_screen: Callable[..., Screen]) -> None:
    screen = new_screen(dev, locale="ar").sign_in(Reader(dev, superuser=True)).open("/admin#/users")
    heading(screen.page, TEXTS["ar"]["adminUsers"])
    expect(screen.page.locator("html")).to_have_attribute("dir", "rtl")
    side, main = screen.page.locator(".side").bounding_box(), screen.page.locator("main").bounding_box()
    assert side
    assert main
    assert side["x"] > main["x"]
    screen.is_clean()
