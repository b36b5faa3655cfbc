"""nginx and Caddy in front of nodes, with the files of deploy/."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from harness.patience import PATIENCE
from harness.ports import free_port

DEPLOY = Path(__file__).parents[2] / "deploy"


class Proxy:
    """A proxy that runs.

    Parameters:
        folder: for what it writes.
        ports: of the nodes.
    """

    name: str

    def __init__(self, folder: Path, ports: Sequence[int], *, port: int | None = None) -> None:
        self.port = port or free_port()
        self.folder = folder
        folder.mkdir()
        # Its workers run as somebody else.
        folder.chmod(0o755)
        self._log = folder / "output"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self.command(ports), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment(ports)
            )
        self._wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, ports: Sequence[int]) -> list[str]:
        raise NotImplementedError

    def environment(self, ports: Sequence[int]) -> Mapping[str, str]:
        return os.environ

    def log(self) -> str:
        """What it has said, and noted of each request."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.rglob("*")) if path.is_file())

    def close(self) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE)
        self._process.kill()
        self._process.wait(PATIENCE)

    def _wait(self) -> None:
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            assert self._process.poll() is None, self._log.read_text()
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.02)
        raise AssertionError(f"{self.name} does not listen: {self._log.read_text()}")


class Nginx(Proxy):
    """`deploy/nginx.conf` with ports that are free here, no TLS, and the sub-path beside the top.

    Parameters:
        change: of its text, for controls.
    """

    name = "nginx"

    def __init__(self, folder: Path, ports: Sequence[int], *, port: int | None = None, change: str = "") -> None:
        self._change = change
        super().__init__(folder, ports, port=port)

    def command(self, ports: Sequence[int]) -> list[str]:
        text = (DEPLOY / "nginx.conf").read_text()
        text = text.replace("127.0.0.1:8001", f"127.0.0.1:{ports[0]}").replace(
            "127.0.0.1:8002", f"127.0.0.1:{ports[1]}"
        )
        text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{self.port};")
        text = re.sub(r"^ *ssl_certificate.*\n", "", text, flags=re.MULTILINE)
        text = text.replace("/var/log/nginx/", f"{self.folder}/")
        text = re.sub(r"^( *)# (location /tocsin/ \{|    proxy_pass .*|\})$", r"\1\2", text, flags=re.MULTILINE)
        if self._change:
            text = text.replace("proxy_buffering off;", self._change)
        (self.folder / "tocsin.conf").write_text(text)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in kinds)
        http = f"http {{\n{temporary}include {self.folder}/tocsin.conf;\n}}\n"
        (self.folder / "nginx.conf").write_text(f"daemon off; pid {self.folder}/pid; events {{}}\n{http}")
        return [program("nginx"), "-p", str(self.folder), "-e", "stderr", "-c", str(self.folder / "nginx.conf")]


class Caddy(Proxy):
    """`deploy/Caddyfile` as it is: what differs here it reads from the environment."""

    name = "caddy"

    def command(self, ports: Sequence[int]) -> list[str]:
        return [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(DEPLOY / "Caddyfile")]

    def environment(self, ports: Sequence[int]) -> Mapping[str, str]:
        return os.environ | {
            "TOCSIN_DOMAIN": self.url,
            "TOCSIN_NODES": " ".join(f"127.0.0.1:{port}" for port in ports),
            "CADDY_ADMIN": f"127.0.0.1:{free_port()}",
            "XDG_DATA_HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder),
        }


class CaddyInSubPath(Caddy):
    """`deploy/Caddyfile` with the sub-path that it has in a comment, instead of the top."""

    def command(self, ports: Sequence[int]) -> list[str]:
        text = (DEPLOY / "Caddyfile").read_text()
        top = re.search(r"^\treverse_proxy \{\$.*?^\t\}\n", text, flags=re.MULTILINE | re.DOTALL)
        assert top is not None
        directives = r"redir|handle_path|reverse_proxy|flush_interval|health_\w+|lb_\w+|transport|keepalive|\}"
        text = re.sub(rf"^\t# ?(\t*(?:{directives}).*)$", r"\t\1", text.replace(top[0], ""), flags=re.MULTILINE)
        (self.folder / "Caddyfile").write_text(text)
        return [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(self.folder / "Caddyfile")]


def installed(name: str) -> bool:
    """Whether a program is here."""
    return _which(name) is not None


def program(name: str) -> str:
    found = _which(name)
    assert found is not None, f"there is no {name} here"
    return found


def _which(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
