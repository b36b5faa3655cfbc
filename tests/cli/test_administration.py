"""Users, keys, apps, devices and tokens from the command line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from cli.command import Ran, tocsin
from harness.http import DEV_KEY, Http
from harness.server import Server
from live.people import superuser


@pytest.fixture
def admin(dev: Server) -> Admin:
    return Admin(dev)


class Admin:
    """Commands of a superuser against the shared server."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def __call__(self, *args: str, stdin: str = "") -> Ran:
        return tocsin(*args, server=self.server, token=DEV_KEY, stdin=stdin)

    def json(self, *args: str, stdin: str = "") -> object:
        ran = self(*args, "--json", stdin=stdin)
        assert ran.status == 0, ran.err
        return ran.json


def test_a_user_from_beginning_to_end(admin: Admin) -> None:
    password = "correct horse battery"
    made = admin.json("user", "create", "cli-anna", "--name", "Anna", "--permission", "notifications", "--password",
                      stdin=f"{password}\n")  # fmt: skip
    assert made == {
        "id": "cli-anna", "name": "Anna", "permissions": ["notifications"], "superuser": False, "disabled": False,
    }  # fmt: skip
    assert admin.json("user", "show", "cli-anna") == made
    Http(admin.server.url).login("cli-anna", password)

    again = admin("user", "create", "cli-anna")
    assert again.status == 1
    assert "already" in again.err

    changed = admin.json("user", "update", "cli-anna", "--name", "Anna B", "--superuser")
    assert changed == made | {"name": "Anna B", "superuser": True}
    # What was not given stays, the password among it.
    Http(admin.server.url).login("cli-anna", password)
    nothing = admin("user", "update", "cli-anna")
    assert nothing.status == 2
    assert "nothing to change was given" in nothing.err
    assert "--no-superuser" in nothing.err
    assert admin.json("user", "update", "cli-anna", "--no-permissions", "--no-superuser") == made | {
        "name": "Anna B", "permissions": [],
    }  # fmt: skip

    assert admin.json("user", "disable", "cli-anna")["disabled"] is True  # type: ignore[index]
    assert tocsin("token", "--user", "cli-anna", server=admin.server, stdin=password).status == 4
    assert admin.json("user", "enable", "cli-anna")["disabled"] is False  # type: ignore[index]

    admin.json("user", "password", "cli-anna", stdin="another long one\n")
    assert tocsin("token", "--user", "cli-anna", server=admin.server, stdin=password).status == 4
    token = tocsin("token", "--user", "cli-anna", server=admin.server, stdin="another long one").out.strip()
    assert Http(admin.server.url, token=token).get("/api/auth/me").json["id"] == "cli-anna"

    own = tocsin("user", "password", "--json", server=admin.server, token=token,
                 stdin="another long one\na third long one\n")  # fmt: skip
    assert own.status == 0, own.err
    assert Http(admin.server.url, token=token).get("/api/auth/me").status == 401
    assert Http(admin.server.url, token=own.json["token"]).get("/api/auth/me").status == 200

    listed = admin.json("user", "list")["users"]  # type: ignore[index]
    assert "cli-anna" in [one["id"] for one in listed]
    assert admin.json("user", "delete", "cli-anna") == {"deleted": "cli-anna"}
    assert admin("user", "show", "cli-anna").status == 6


def test_what_is_wrong_with_a_new_password_is_said_in_words(start_server: Callable[..., Server]) -> None:
    server = start_server(dev=False)
    current = (server.data / "first-superuser.txt").read_text().split("password: ")[1].split()[0]
    ran = tocsin("user", "password", server=server, token=superuser(server).token, stdin=f"{current}\nshort\n")
    assert ran.status == 1, ran.err
    assert "the new password: must be at least 8 characters" in ran.err


def test_who_may_not_set_a_password_is_not_asked_for_one(dev: Server) -> None:
    for whose in ([], ["user123"]):
        ran = tocsin("user", "password", *whose, server=dev, token="wrong", stdin="")
        assert ran.status == 4, ran.err
    assert tocsin("user", "password", "nobody", server=dev, token=DEV_KEY, stdin="").status == 6


@pytest.mark.parametrize("id_", ["a/b", "..", "ü ö", "50%", "q?x=1#y"])
def test_an_id_with_letters_of_its_own_stays_in_its_place(id_: str, admin: Admin) -> None:
    assert admin.json("user", "create", id_)["id"] == id_  # type: ignore[index]
    assert admin.json("user", "show", id_)["id"] == id_  # type: ignore[index]
    assert admin("user", "delete", id_).status == 0


def test_more_users_than_a_page_are_all_listed(admin: Admin) -> None:
    http = admin.server.service()
    ids = {f"cli-many-{number:03}" for number in range(205)}
    for id_ in ids:
        assert http.put(f"/api/users/{id_}", {}).status == 201
    listed = admin.json("user", "list")["users"]  # type: ignore[index]
    for id_ in ids:
        http.delete(f"/api/users/{id_}")

    found = [one["id"] for one in listed]
    assert ids <= set(found)
    assert len(found) == len(set(found))


def test_a_name_does_not_drive_the_terminal(admin: Admin) -> None:
    admin.server.service().put("/api/users/cli-evil", {"name": "a\u202eb"})
    ran = admin("user", "list")

    assert "a\\u202eb" in ran.out


def test_a_key_from_beginning_to_end(admin: Admin) -> None:
    ran = admin("key", "create", "user123", "--name", "for the door", "--days", "2")
    key = ran.out.strip()
    assert Http(admin.server.url, key=key).get("/api/auth/me").json["id"] == "user123"

    listed = admin.json("key", "list")["keys"]  # type: ignore[index]
    found = next(one for one in listed if one["id"] == key.split("_")[1])
    assert (found["name"], found["userId"]) == ("for the door", "user123")
    left = datetime.fromisoformat(found["expiresAt"]) - datetime.now(UTC)
    assert timedelta(days=1, hours=23) < left < timedelta(days=2, hours=1)
    assert key not in admin("key", "list").out

    assert admin.json("key", "revoke", found["id"]) == {"revoked": found["id"]}
    assert Http(admin.server.url, key=key).get("/api/auth/me").status == 401
    assert admin("key", "revoke", found["id"]).status == 6


def test_an_app_from_beginning_to_end(admin: Admin) -> None:
    made = admin.json("app", "create", "cli-door", "--name", "Door", "--quota", "3")
    assert made == {"id": "cli-door", "name": "Door", "quotaPerHour": 3, "installForAll": False}
    assert admin("app", "create", "cli-door").status == 1
    secret = admin("app", "secret", "create", "cli-door").out.strip()
    http = Http(admin.server.url)

    assert http.send_from_app("user123", "m", app="cli-door", secret=secret).status == 404
    assert admin("app", "install", "cli-door", "--user", "user123").status == 0
    assert http.send_from_app("user123", "m", app="cli-door", secret=secret).status == 200
    token = admin.server.token("user123")
    assert tocsin("app", "uninstall", "cli-door", server=admin.server, token=token).status == 0
    assert http.send_from_app("user123", "m", app="cli-door", secret=secret).status == 404
    assert tocsin("app", "install", "cli-door", server=admin.server, token=token).status == 0

    assert admin.json("app", "update", "cli-door", "--for-all") == {**made, "installForAll": True}
    assert "cli-door" in admin("app", "list").out

    [listed] = admin.json("app", "secret", "list", "cli-door")["secrets"]  # type: ignore[index]
    assert listed["id"] == secret.split("_")[1]
    assert admin("app", "secret", "revoke", "cli-door", listed["id"]).status == 0
    assert http.send_from_app("user123", "m", app="cli-door", secret=secret).status == 401

    assert admin("app", "delete", "cli-door").status == 0
    assert admin("app", "delete", "cli-door").status == 6


def test_a_device_from_beginning_to_end(admin: Admin) -> None:
    assert admin.json("device", "set", "cli-cam", "Back door") == {"id": "cli-cam", "name": "Back door"}
    assert {"id": "cli-cam", "name": "Back door"} in admin.json("device", "list")["devices"]  # type: ignore[index]
    assert admin("device", "delete", "cli-cam").status == 0
    assert admin("device", "delete", "cli-cam").status == 6


def test_what_only_superusers_may_is_refused_to_others(dev: Server) -> None:
    for command in (["user", "list"], ["key", "list"], ["app", "list"], ["device", "set", "x", "y"]):
        assert tocsin(*command, server=dev, token=dev.token("user123")).status == 5


def test_a_token_is_printed_alone_and_a_ticket_opens_one_stream(dev: Server) -> None:
    token = tocsin("token", "--user", "user123", server=dev, stdin="user123\n")
    assert token.out.count("\n") == 1
    ticket = tocsin("token", "--ticket", server=dev, token=token.out.strip(), stdin="").out.strip()

    head = {"Accept": "application/x-ndjson"}
    assert Http(dev.url).request("HEAD", "/notifications", query={"ticket": ticket}, headers=head).status == 200
    assert Http(dev.url).request("HEAD", "/notifications", query={"ticket": ticket}, headers=head).status == 401


def test_a_wrong_password_is_said_to_be_one(dev: Server) -> None:
    ran = tocsin("token", "--user", "cli-nobody", server=dev, stdin="wrong\n")

    assert ran.status == 4
    assert "name or the password is wrong" in ran.err
