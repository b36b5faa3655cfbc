"""The command line."""

from __future__ import annotations

import signal


def main() -> None:
    """Run `tocsin` with the arguments of this process."""
    # Ctrl-C while modules are read would be a traceback: until then it ends the process as it ends any other.
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tocsin.cli.main import main as program

    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    program()


__all__ = ["main"]
