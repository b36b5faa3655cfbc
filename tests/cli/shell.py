"""A shell at a terminal, into which a test types; for what asks for passwords.

with Shell(env) as shell:
    shell.type("tocsin token --user admin")
    shell.answer("Password", "secret")
    shell.wait()
"""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Self

from harness.patience import PATIENCE

_AT_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
_DONE = "typed-and-done"


class Shell:
    """A bash of its own session; what it and its commands print is read as it comes."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        self._seen = ""
        self._process = subprocess.Popen(
            [sys.executable, "-c", _AT_TERMINAL, "bash", "--norc", "--noprofile", "--noediting"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**env, "PS1": "", "TERM": "dumb"},
            start_new_session=True,
        )
        os.close(slave)
        # What is typed is not to be found again among what is printed.
        self.type("stty -echo")
        self.wait()

    def type(self, line: str) -> None:
        """A line, and return."""
        os.write(self._master, line.encode() + b"\n")

    def until(self, pattern: str, within: float = PATIENCE) -> re.Match[str]:
        """Read on until something is there; what comes after it is left for the next time."""
        deadline = time.monotonic() + within
        while (found := re.search(pattern, self._seen)) is None:
            ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"no {pattern!r} in {within} s, but:\n{self._seen}"
            self._seen += os.read(self._master, 65_536).decode(errors="replace").replace("\r", "")
        self._seen = self._seen[found.end() :]
        return found

    def answer(self, prompt: str, text: str) -> None:
        """Type a password once it is asked for."""
        self.until(prompt + r"[^\n]*: ?")
        self.type(text)
        # Who has read a password throws away what was typed after it, and begins a new line.
        self.until(r"\n")

    def interrupt(self) -> None:
        """Ctrl-C."""
        os.write(self._master, b"\x03")

    def wait(self) -> str:
        """Wait until all that was typed is done, the last of it well; what was printed."""
        self.type(f"echo {_DONE[:5]}''{_DONE[5:]}=$?")
        found = self.until(rf"(?s)(.*?){_DONE}=(\d+)\n")
        assert found[2] == "0", found[1]
        return found[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # What runs in it is of its session, and ends with its terminal.
        os.killpg(self._process.pid, signal.SIGHUP)
        os.close(self._master)
        try:
            self._process.wait(10)
        finally:
            self._process.kill()
            self._process.wait(10)
