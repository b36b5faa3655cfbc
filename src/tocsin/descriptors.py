"""Watches whether file descriptors are left: without one, whoever connects is cut off, and nothing beneath says so."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import resource

log = logging.getLogger("tocsin.server")

EVERY_SECONDS = 1.0
_LOG_EVERY = 60.0


class DescriptorProbe:
    """Takes one now and then, and gives it back."""

    def __init__(self) -> None:
        self._logged = -_LOG_EVERY

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            if not _is_one_left() and loop.time() - self._logged >= _LOG_EVERY:
                self._logged = loop.time()
                most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
                log.warning(
                    "no file descriptors are left, and new connections are cut off: the limit is %d "
                    "(ulimit -n, or LimitNOFILE of the unit), and each stream takes one",
                    most,
                )


def _is_one_left() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        return error.errno not in (errno.EMFILE, errno.ENFILE)
    return True
