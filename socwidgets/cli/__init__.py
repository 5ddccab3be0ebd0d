"""The command line."""

from socwidgets.cli.app import build_parser, main

__all__ = ["build_parser", "main"]
