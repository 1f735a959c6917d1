"""Reads a catalogue file."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from tokenmill.catalog.checks import model_complaints, target_complaints
from tokenmill.catalog.complaints import Complaint, did_you_mean, fault_of, quoted
from tokenmill.catalog.effect import without_effect
from tokenmill.catalog.entries import Model, Target
from tokenmill.catalog.leaves import expected
from tokenmill.catalog.reading import Reader
from tokenmill.kit.faults import Code, Fault

_E = TypeVar("_E", bound=Target | Model)


@dataclass(frozen=True, slots=True)
class CatalogueFile:
    """What a file says; `without_effect` names the fields it sets that do nothing yet."""

    targets: tuple[Target, ...] = ()
    models: tuple[Model, ...] = ()
    without_effect: tuple[str, ...] = ()


def read_catalogue_file(path: Path) -> CatalogueFile:
    """The entries of the TOML file at `path`.

    Raises Fault(MISCONFIGURED) that names the file and, for everything that is
    wrong in it, the table, the field and what was expected there.
    """
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        raise Fault(Code.MISCONFIGURED, f"{path} is not UTF-8 text.") from None
    except OSError as error:
        raise Fault(Code.MISCONFIGURED, f"{path} cannot be read: {error.strerror}.") from error
    return read_catalogue(text, str(path))


def read_catalogue(text: str, source: str) -> CatalogueFile:
    """The entries of TOML text; `source` names it in faults, as `read_catalogue_file` raises them."""
    try:
        tables = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, ArithmeticError) as error:
        raise Fault(Code.MISCONFIGURED, f"{source} is not TOML: {error}.") from error
    reader = Reader()
    for unknown in tables.keys() - {"targets", "models"}:
        message = f"there is no such table.{did_you_mean(unknown, ('targets', 'models'))}"
        reader.complaints.append(Complaint(quoted(unknown), message))
    targets = _entries(reader, tables, "targets", Target, target_complaints)
    models = _entries(reader, tables, "models", Model, model_complaints)
    if reader.complaints:
        raise fault_of(source, reader.complaints)
    return CatalogueFile(targets, models, without_effect(reader.named, targets, models))


def _entries(
    reader: Reader,
    tables: dict[str, Any],
    name: str,
    shape: type[_E],
    complaints_of: Callable[[_E, str], Iterator[Complaint]],
) -> tuple[_E, ...]:
    found = tables.get(name, [])
    if not isinstance(found, list):
        wrong = expected(f"[[{name}]] tables, each with two brackets", found)
        reader.complaints.append(Complaint(name, str(wrong)))
        return ()
    entries = []
    for index, table in enumerate(found):
        path = f"{name}[{index}]{_label(table)}"
        entry = reader.read(shape, table, path, name)
        if entry is not None:
            reader.complaints.extend(complaints_of(entry, path))
            entries.append(entry)
    for entry_id, times in Counter(entry.id for entry in entries).items():
        if times > 1:
            reader.complaints.append(Complaint(f"{name} ({entry_id}).id", f"is used by {times} tables"))
    return tuple(entries)


def _label(table: object) -> str:
    match table:
        case {"id": str(entry_id)} if entry_id.isprintable() and len(entry_id) <= 64:
            return f" ({entry_id})"
    return ""
