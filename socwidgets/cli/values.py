"""Parameters of a report from the command line."""

from __future__ import annotations

import argparse
from typing import Any

from socwidgets.io.parameter_file import read_parameters
from socwidgets.model.errors import ParameterError


def add_parameters(parser: argparse.ArgumentParser) -> None:
    """Add the options that give parameters of a template."""
    parser.add_argument(
        "-p", dest="pairs", action="append", default=[], metavar="NAME=VALUE",
        help="one parameter; may be repeated, and wins over -f",
    )  # fmt: skip
    parser.add_argument("-f", dest="file", metavar="FILE", help="YAML file with parameters")


def parameters_of(chosen: argparse.Namespace) -> dict[str, Any]:
    """Parameters of ``-f``, then those of ``-p``.

    Raises
    ------
    ParameterError
        If the file cannot be read or an option is no ``NAME=VALUE``.
    """
    values = {} if chosen.file is None else read_parameters(chosen.file)
    for pair in chosen.pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ParameterError(
                f"this is no parameter: {pair!r}", expected="NAME=VALUE", fix="-p stack=scan.hdr"
            )
        values[name.strip()] = value
    return values
