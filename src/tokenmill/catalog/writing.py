"""Writes an entry as the file that would be read as the same entry."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec.inspect as shapes
from msgspec import json

from tokenmill.catalog.effect import idle_fields
from tokenmill.catalog.entries import Model, Target
from tokenmill.kit import money


def written(entry: Target | Model) -> dict[str, Any]:
    """Every field under the name it has in a file, None where it is absent; amounts as exact decimals."""
    fields = _written(entry, shapes.type_info(type(entry)))
    assert isinstance(fields, dict)
    return fields


def write_entry(entry: Target | Model) -> str:
    """A `[[targets]]` or `[[models]]` table of TOML with every field; what has no effect yet says so."""
    idle = {field.partition(".")[0] for field in idle_fields(entry)}
    lines = ["[[targets]]" if isinstance(entry, Target) else "[[models]]"]
    for field, value in written(entry).items():
        if isinstance(entry, Model) and field == "family" and value is None:
            lines.append(f'# family = "{entry.markup}"  # guessed from the id')
            continue
        note = "  # no effect yet" if field in idle else ""
        lines.append(f"{field} = {_toml(value)}{note}")
    return "\n".join(lines) + "\n"


def _written(value: Any, shape: shapes.Type) -> object:
    match shape:
        case shapes.Metadata(extra={"written": "amount"}):
            return Decimal(money.show(value))
        case shapes.Metadata():
            return _written(value, shape.type)
        case shapes.UnionType():
            inner = next(member for member in shape.types if not isinstance(member, shapes.NoneType))
            return None if value is None else _written(value, inner)
        case shapes.StructType():
            return {
                field.encode_name: _written(getattr(value, field.name), field.type) for field in shape.fields
            }
        case shapes.VarTupleType():
            return [_written(item, shape.item_type) for item in value]
        case _:
            return value


def _toml(value: object) -> str:
    match value:
        case None:
            return '"none"'
        case bool():
            return "true" if value else "false"
        case str():
            # TOML's strings are JSON's, but for one character that has to be escaped.
            return json.encode(value).decode().replace("\x7f", "\\u007f")
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.isoformat()
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            members = [f"{name} = {_toml(member)}" for name, member in value.items() if member is not None]
            return f"{{ {', '.join(members)} }}" if members else '"none"'
        case _:
            return repr(value)
