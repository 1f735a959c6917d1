"""Declares the options that every command takes, with what they open."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

if TYPE_CHECKING:
    from tokenmill.settings import Settings
    from tokenmill.store.database import Database

Data = Annotated[
    Path,
    typer.Option(
        "--data", metavar="DIR", help="Where the database and the secret are kept.", file_okay=False
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The settings file; DIR/tokenmill.toml if that is there."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
AccountEmail = Annotated[
    str, typer.Option("--account", metavar="EMAIL", help="The account's e-mail address.")
]

DEFAULT_DATA = Path("data")


def open_settings(data: Path, config: Path | None) -> Settings:
    """The settings that `--data`, `--config` and the environment amount to."""
    from tokenmill.settings import load_settings

    return load_settings(data, config, os.environ)


@asynccontextmanager
async def open_store(data: Path, config: Path | None) -> AsyncIterator[Database]:
    """The migrated database of `--data` and `--config`.

    Raises Fault(MISCONFIGURED) that says what to run first when there is none.
    """
    from tokenmill.store.database import open_database
    from tokenmill.store.migrate import require_migrated

    url = open_settings(data, config).database.url
    require_migrated(url)
    async with open_database(url) as database:
        yield database


def print_json(value: object) -> None:
    """One line of JSON on standard output."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def print_table(*rows: tuple[str, ...]) -> None:
    """Aligned columns, the headings first. Nothing is ever cut: ids are there to be copied."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo(line.rstrip())


def parse_moment(text: str) -> datetime:
    """`2026-11-22`, `2026-11-22T08:00` or with a zone, `…Z`; without one it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a time; write it like 2026-11-22 or 2026-11-22T08:00:00Z."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_amount(text: str) -> int:
    """`25.00` → nano-units; more than nothing, and exact."""
    from tokenmill.kit.money import parse

    try:
        amount = parse(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from None
    if amount <= 0:
        raise typer.BadParameter(f"{text!r} is not more than nothing.")
    return amount
