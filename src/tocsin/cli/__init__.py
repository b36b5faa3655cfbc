"""The command line."""

from tocsin.cli.main import main

__all__ = ["main"]
