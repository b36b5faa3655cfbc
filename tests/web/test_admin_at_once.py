"""Two superusers at the same thing: what one has changed, the other does not change back."""

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
    screen = new_screen(dev).sign_in(Reader(dev, superuser=True))
    return lambda place: screen.open(f"/admin#/{place}").page


def test_a_new_name_or_password_gives_back_no_right_that_was_taken_meanwhile(
    dev: Server, reader: Reader, at: At
) -> None:
    admin, path = dev.service(), f"/api/users/{reader.id}"
    page = at(f"users/{reader.id}")
    expect(page.locator("[name=permissions]")).to_be_checked()
    assert admin.put(path, {"disabled": True, "permissions": []}).status == 200
    page.locator("#user-name").fill("Ada")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".snack")).to_contain_text("Saved.")
    now = {"id": reader.id, "name": "Ada", "permissions": [], "superuser": False, "disabled": True}
    assert admin.get(path).json == now
    expect(page.get_by_role("switch", name="Disabled")).to_be_checked()
    assert admin.put(path, {**now, "superuser": True}).status == 200
    page.locator("#password-password").fill("a new and long passphrase")
    page.get_by_role("button", name="Set the password").click()
    expect(page.locator(".snack")).to_contain_text("The password is set.")
    assert admin.get(path).json == {**now, "superuser": True}


def test_what_was_deleted_meanwhile_is_not_made_anew(dev: Server, reader: Reader, at: At) -> None:
    admin, app = dev.service(), f"app-{reader.id}"
    assert admin.put(f"/api/apps/{app}", {"name": "Weather", "quotaPerHour": 5}).status == 201
    for place, form, path in (
        (f"users/{reader.id}", "Name and rights", f"/api/users/{reader.id}"),
        (f"apps/{app}", "App", f"/api/apps/{app}"),
    ):
        page = at(place)
        save = page.get_by_role("form", name=form).get_by_role("button", name="Save")
        expect(save).to_be_visible()
        assert admin.delete(path).status == 204
        save.click()
        expect(page.locator("main")).to_contain_text("not found")
        assert admin.get(path).status == 404


def test_a_new_quota_gives_an_app_no_name_of_before(dev: Server, reader: Reader, at: At) -> None:
    admin, path = dev.service(), f"/api/apps/app-{reader.id}"
    assert admin.put(path, {"name": "Weather", "quotaPerHour": 5}).status == 201
    page = at(path.removeprefix("/api/"))
    expect(page.locator("#app-name")).to_have_value("Weather")
    assert admin.put(path, {"name": "Rain", "quotaPerHour": 5, "installForAll": True}).status == 200
    page.locator("#app-quotaPerHour").fill("7")
    page.get_by_role("form", name="App").get_by_role("button", name="Save").click()
    expect(page.locator("#app-name")).to_have_value("Rain")
    found = admin.get(path).json
    assert (found["name"], found["quotaPerHour"], found["installForAll"]) == ("Rain", 7, True)


def test_who_is_no_superuser_any_more_is_told_so_and_who_is_deleted_is_out(
    dev: Server, new_screen: Callable[..., Screen]
) -> None:
    admin = Reader(dev, superuser=True)
    screen = new_screen(dev).sign_in(admin).open("/admin#/sent")
    expect(screen.page.locator(".state")).to_have_attribute("data-state", "live")
    assert dev.service().put(f"/api/users/{admin.id}", {"superuser": False}).status == 200
    expect(screen.page.locator("main h1")).to_have_text("For superusers only")
    screen.open("/").until_live()
    assert dev.service().delete(f"/api/users/{admin.id}").status == 204
    expect(screen.page.get_by_text("You are signed out.")).to_be_visible()
