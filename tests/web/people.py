"""Somebody who signs in, with an inbox of their own."""

from __future__ import annotations

from harness.server import Server
from inbox.people import Person, eventually


class Reader(Person):
    """A person with a password."""

    def __init__(self, server: Server, *, superuser: bool = False, called: str = "person") -> None:
        super().__init__(server, called=called)
        self.password = f"{self.id}'s own password"
        fields = {"permissions": ["notifications"], "superuser": superuser, "password": self.password}
        assert server.service().put(f"/api/users/{self.id}", fields).status == 200

    def wait_until_found(self, words: str, count: int) -> None:
        """The index is filled a moment behind what is kept."""
        assert eventually(lambda: len(self.http.get(f"/api/notifications?q={words}").json["notifications"]) == count)
