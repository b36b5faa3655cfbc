"""Users, keys, apps and devices are looked after in the admin pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from harness.server import Server
from web.people import Reader
from web.screen import Screen

At = Callable[[str], Page]


@pytest.fixture
def admin(dev: Server) -> Reader:
    return Reader(dev, superuser=True)


@pytest.fixture
def at(dev: Server, admin: Reader, new_screen: Callable[..., Screen]) -> At:
    """`at("users")`: that page, for a superuser."""
    screen = new_screen(dev).sign_in(admin)
    screen.context.grant_permissions(["clipboard-read", "clipboard-write"])
    return lambda place: screen.open(f"/admin#/{place}").page


def told(page: Page, sentence: str) -> None:
    expect(page.locator(".snack")).to_contain_text(sentence)


def agree(page: Page) -> None:
    page.get_by_role("alertdialog").locator("[data-act=yes]").click()


def test_a_user_is_made_with_rights_and_a_password(dev: Server, admin: Reader, at: At) -> None:
    page, name = at("users"), f"{admin.id}-new"
    page.get_by_role("button", name="New user").click()
    page.locator("#user-id").fill(name)
    page.locator("#user-name").fill("Ada")
    page.locator("#user-password").fill("a long enough one")
    page.locator("[name=maySend]").uncheck()
    page.get_by_role("button", name="Create").click()
    told(page, f"User “{name}” is created.")
    found = dev.service().get(f"/api/users/{name}").json
    assert found == {"id": name, "name": "Ada", "permissions": [], "superuser": False, "disabled": False}
    assert dev.http().login(name, "a long enough one")


def test_what_is_wrong_with_a_user_is_told_at_its_field_and_nothing_typed_is_lost(
    dev: Server, admin: Reader, at: At
) -> None:
    page = at("users")
    page.get_by_role("button", name="New user").click()
    page.locator("#user-id").fill(admin.id)
    page.locator("#user-name").fill("n" * 300)
    page.locator("#user-password").fill("kept")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#user-id-says")).to_have_text("There is a user with this id already.")
    expect(page.locator("#user-id")).to_be_focused()
    page.locator("#user-id").fill(f"{admin.id}-long")
    expect(page.locator("#user-id")).to_have_attribute("aria-invalid", "false")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#user-name")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#user-name-says")).not_to_be_empty()
    expect(page.locator("#user-name")).to_be_focused()
    expect(page.locator("#user-name")).to_have_value("n" * 300)
    expect(page.locator("#user-password")).to_have_value("kept")
    assert dev.service().get(f"/api/users/{admin.id}-long").status == 404


def test_bad_input_is_told_at_its_field_and_nothing_typed_is_lost_in_every_other_form(
    dev: Server, admin: Reader, at: At
) -> None:
    app = f"app-{admin.id}"
    assert dev.service().put(f"/api/apps/{app}", {"name": "Weather"}).status == 201
    for place, button, typed, wrong, says in (
        ("users", "Open", {"#open-id": "nobody-of-this-name"}, "#open-id", "User not found"),
        (f"users/{admin.id}", "Save", {"#user-name": "n" * 300}, "#user-name", "256"),
        (f"users/{admin.id}", "Save", {"#user-name": ""}, "#user-name", "must not be empty"),
        (f"users/{admin.id}", "Set the password", {}, "#password-password", "must not be empty"),
        (f"apps/{app}", "Save", {"#app-name": "Rain", "#app-quotaPerHour": "-1"}, "#app-quotaPerHour", "0"),
        (f"apps/{app}", "Install", {"#install-userId": "nobody-of-this-name"}, "#install-userId", "User not found"),
        ("look-up", "Look up", {}, "#look-up-wanted", "must not be empty"),
        ("devices", "Save", {"#device-id": "d" * 200, "#device-name": "Pump"}, "#device-id", "128"),
    ):
        page = at(place)
        for field, text in typed.items():
            page.locator(field).fill(text)
        page.get_by_role("button", name=button, exact=True).click()
        expect(page.locator(f"{wrong}-says .problem")).to_contain_text(says)
        expect(page.locator(wrong)).to_have_attribute("aria-invalid", "true")
        expect(page.locator(wrong)).to_be_focused()
        for field, text in typed.items():
            expect(page.locator(field)).to_have_value(text)


def test_a_users_rights_and_password_are_changed_each_by_itself(dev: Server, at: At, reader: Reader) -> None:
    page = at(f"users/{reader.id}")
    page.get_by_role("switch", name="Superuser").check()
    page.locator("#user-name").fill("Renamed")
    page.get_by_role("button", name="Save").click()
    told(page, "Saved.")
    found = dev.service().get(f"/api/users/{reader.id}").json
    assert (found["name"], found["superuser"], found["permissions"]) == ("Renamed", True, ["notifications"])
    page.locator("#password-password").fill("another one entirely")
    page.get_by_role("button", name="Set the password").click()
    told(page, "The password is set.")
    assert dev.service().get(f"/api/users/{reader.id}").json == found
    assert dev.http().login(reader.id, "another one entirely")


def test_a_user_who_is_disabled_is_out_at_once(
    dev: Server, at: At, reader: Reader, new_screen: Callable[..., Screen]
) -> None:
    inbox = new_screen(dev).sign_in(reader).open().until_live()
    page = at(f"users/{reader.id}")
    page.get_by_role("switch", name="Disabled").check()
    page.get_by_role("button", name="Save").click()
    told(page, "Saved.")
    expect(page.locator(".tag.error")).to_have_text("Disabled")
    expect(inbox.page.locator("tocsin-sign-in")).to_be_visible()


def test_the_last_superuser_cannot_be_taken_away(
    start_server: Callable[..., Server], new_screen: Callable[..., Screen]
) -> None:
    server = start_server()
    admin = Reader(server, superuser=True)
    for name in ("admin", "system"):
        assert server.service().put(f"/api/users/{name}", {"superuser": name != "admin"}).status == 200
    page = new_screen(server).sign_in(admin).open("/admin#/users/system").page
    page.get_by_role("switch", name="Superuser").uncheck()
    page.get_by_role("button", name="Save").click()
    told(page, "Saved.")
    page.goto(f"{server.url}/admin#/users/{admin.id}")
    page.get_by_role("switch", name="Superuser").uncheck()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("form[aria-label='Name and rights'] > .problem")).to_contain_text(
        "The last active superuser stays"
    )


def test_a_key_is_shown_once_copied_used_and_revoked(dev: Server, at: At, reader: Reader) -> None:
    page = at("keys")
    page.get_by_role("button", name="New key").click()
    page.locator("#key-userId").fill("nobody-of-this-name")
    page.locator("#key-name").fill(f"for {reader.id}")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#key-userId-says")).to_have_text("User not found")
    expect(page.locator("#key-name")).to_have_value(f"for {reader.id}")
    page.locator("#key-userId").fill(reader.id)
    page.locator("#key-expiresAt").fill("2020-01-01T00:00")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#key-expiresAt-says")).to_contain_text("must lie ahead")
    page.locator("#key-expiresAt").fill((datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="Create").click()
    key = page.locator(".secret").input_value()
    page.locator("[data-act=copy]").click()
    assert page.evaluate("() => navigator.clipboard.readText()") == key
    assert dev.http(key=key).get("/api/auth/me").json["id"] == reader.id
    page.locator("[data-act=kept]").click()
    expect(page.locator(".secret")).to_have_count(0)
    assert key not in page.locator("tocsin-admin").evaluate("(admin) => admin.shadowRoot.innerHTML")
    entry = page.locator(".entry", has_text=f"for {reader.id}")
    more = page.get_by_role("button", name="Show more")
    expect(entry.or_(more).first).to_be_visible()
    while more.count() and not entry.count():
        more.click()
        page.wait_for_timeout(200)
    entry.locator("[data-act=revoke]").click()
    agree(page)
    told(page, "is revoked")
    assert dev.http(key=key).get("/api/auth/me").status == 401


def test_an_app_gets_secrets_and_is_installed_for_somebody(dev: Server, admin: Reader, at: At, reader: Reader) -> None:
    page, name = at("apps"), f"app-{admin.id}"
    page.get_by_role("button", name="New app").click()
    page.locator("#app-id").fill(name)
    page.locator("#app-name").fill("Weather")
    page.locator("#app-quotaPerHour").fill("-1")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#app-quotaPerHour-says")).not_to_be_empty()
    expect(page.locator("#app-quotaPerHour")).to_have_attribute("aria-invalid", "true")
    page.locator("#app-quotaPerHour").fill("3")
    page.get_by_role("button", name="Create").click()
    expect(page.locator("main h1")).to_have_text(name)
    assert dev.service().get(f"/api/apps/{name}").json == {
        "id": name,
        "name": "Weather",
        "quotaPerHour": 3,
        "installForAll": False,
    }

    page.locator("[data-act=secret]").click()
    secret = page.locator(".secret").input_value()
    assert dev.http().send_from_app(reader.id, "rain", app=name, secret=secret).status == 404
    page.locator("#install-userId").fill("nobody-of-this-name")
    page.get_by_role("button", name="Install", exact=True).click()
    expect(page.locator("#install-userId-says")).to_have_text("User not found")
    page.locator("#install-userId").fill(reader.id)
    page.get_by_role("button", name="Install", exact=True).click()
    told(page, f"Installed for “{reader.id}”.")
    have_it = page.get_by_role("list", name="Who has it")
    expect(have_it.locator(".entry")).to_have_text([reader.id])
    assert dev.http().send_from_app(reader.id, "rain", app=name, secret=secret).status == 200
    page.locator("#install-userId").fill(reader.id)
    page.get_by_role("button", name="Uninstall").click()
    told(page, "Uninstalled")
    expect(have_it.locator(".entry")).to_have_count(0)
    expect(page.get_by_text("Nobody has it.")).to_be_visible()
    assert dev.http().send_from_app(reader.id, "rain", app=name, secret=secret).status == 404
    page.locator("[data-act=revoke]").click()
    agree(page)
    told(page, "is revoked")
    assert dev.http().send_from_app(reader.id, "rain", app=name, secret=secret).status == 401


def test_what_a_user_has_installed_is_listed_and_taken_away(dev: Server, admin: Reader, at: At, reader: Reader) -> None:
    service, names = dev.service(), [f"app-{admin.id}-{letter}" for letter in "ab"]
    for name in names:
        assert service.put(f"/api/apps/{name}", {"name": name}).status == 201
        assert service.put(f"/api/apps/{name}/installs/{reader.id}").status == 204
    page = at(f"users/{reader.id}")
    entries = page.locator("section[aria-labelledby=installs] .entry")
    for name in names:
        expect(entries.filter(has_text=name)).to_have_count(1)
    page.get_by_role("button", name=f"Uninstall {names[0]}").click()
    told(page, "Uninstalled")
    expect(entries.filter(has_text=names[0])).to_have_count(0)
    expect(entries.filter(has_text=names[1])).to_have_count(1)
    installs = service.get(f"/api/users/{reader.id}/installs").json["installs"]
    assert [one["appId"] for one in installs if one["appId"] in names] == [names[1]]


def test_a_device_gets_a_name_and_loses_it(dev: Server, admin: Reader, at: At) -> None:
    page, name = at("devices"), f"a-{admin.id}"
    page.locator("#device-id").fill(name)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#device-name-says")).to_have_text("This must not be empty.")
    page.locator("#device-name").fill("Pump 4")
    page.get_by_role("button", name="Save").click()
    told(page, "Saved.")
    entry = page.locator(".entry", has_text=name)
    entry.get_by_role("button", name="Rename Pump 4").click()
    expect(page.locator("#device-name")).to_be_focused()
    page.locator("#device-name").fill("Pump 5")
    page.get_by_role("button", name="Save").click()
    expect(entry.locator(".name")).to_have_text("Pump 5")
    entry.get_by_role("button", name="Delete Pump 5").click()
    agree(page)
    expect(entry).to_have_count(0)
    assert dev.service().get(f"/api/devices/{name}").status == 404
