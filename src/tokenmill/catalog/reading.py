"""Turns TOML tables into entries, collecting every complaint on the way."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec.inspect as shapes
from msgspec import Struct

from tokenmill.catalog import leaves
from tokenmill.catalog.complaints import Complaint, did_you_mean, quoted

_S = TypeVar("_S", bound=Struct)


class _Absent:
    """Stands where a value could not be read; its complaint has been made."""


_ABSENT: Final = _Absent()


class Reader:
    """Reads tables by the shape of a Struct; `complaints` and `named` grow as it goes.

    `named` holds the fields that the tables set, without indexes: `models.sampling.tools`.
    """

    def __init__(self) -> None:
        self.complaints: list[Complaint] = []
        self.named: set[str] = set()

    def read(self, shape: type[_S], table: object, path: str, name: str) -> _S | None:
        """The entry in `table`, or None when something in it was complained about.

        `path` says where the table stands (`models[2] (mimo-v2.5-pro)`), `name` what it is (`models`).
        """
        value = self._value(table, shapes.type_info(shape), path, name)
        return value if isinstance(value, shape) else None

    def _value(self, value: object, shape: shapes.Type, path: str, name: str) -> object:
        match shape:
            case shapes.UnionType():
                return self._optional(value, shape, path, name)
            case shapes.StructType():
                return self._struct(value, shape, path, name)
            case shapes.VarTupleType():
                return self._list(value, shape, path, name)
        try:
            return _leaf(value, shape)
        except ValueError as wrong:
            return self._complain(path, str(wrong))

    def _complain(self, path: str, message: str) -> _Absent:
        self.complaints.append(Complaint(path, message))
        return _ABSENT

    def _optional(self, value: object, shape: shapes.UnionType, path: str, name: str) -> object:
        """TOML has no null, so "none" says that an optional field is absent, unless it is a choice itself."""
        inner = next(member for member in shape.types if not isinstance(member, shapes.NoneType))
        is_choice = isinstance(inner, shapes.LiteralType) and "none" in inner.values
        if value == "none" and not is_choice:
            return None
        return self._value(value, inner, path, name)

    def _list(self, value: object, shape: shapes.VarTupleType, path: str, name: str) -> object:
        if not isinstance(value, list):
            return self._complain(path, str(leaves.expected("a list", value)))
        if len(value) < (shape.min_length or 0):
            return self._complain(path, "is empty; name at least one")
        if shape.max_length is not None and len(value) > shape.max_length:
            return self._complain(path, f"has more than {shape.max_length} items")
        items = [
            self._value(item, shape.item_type, f"{path}[{index}]", name) for index, item in enumerate(value)
        ]
        return _ABSENT if _ABSENT in items else tuple(items)

    def _struct(self, value: object, shape: shapes.StructType, path: str, name: str) -> object:
        if value == "none" and all(field.default is None for field in shape.fields):
            return shape.cls()  # A table of optional fields is absent when all of them are.
        if not isinstance(value, dict):
            return self._complain(path, str(leaves.expected("a table", value)))
        before = len(self.complaints)
        known = {field.encode_name: field for field in shape.fields}
        for unknown in value.keys() - known.keys():
            self._complain(path, f"there is no field {quoted(unknown)}.{did_you_mean(unknown, known)}")
        read: dict[str, Any] = {}
        for written, field in known.items():
            if written in value:
                self.named.add(f"{name}.{written}")
                read[field.name] = self._value(
                    value[written], field.type, f"{path}.{written}", f"{name}.{written}"
                )
            elif field.required:
                self._complain(f"{path}.{written}", "missing")
        return _ABSENT if len(self.complaints) > before else shape.cls(**read)


def _leaf(value: object, shape: shapes.Type, description: str | None = None) -> object:
    match shape:
        case shapes.Metadata(extra={"written": "amount"}):
            return leaves.amount(value)
        case shapes.Metadata():
            return _leaf(value, shape.type, (shape.extra_json_schema or {}).get("description"))
        case shapes.BoolType():
            return leaves.flag(value)
        case shapes.IntType():
            return leaves.whole_number(value, shape)
        case shapes.FloatType():
            return leaves.number(value, shape)
        case shapes.StrType():
            return leaves.text(value, shape, description)
        case shapes.LiteralType():
            return leaves.choice(value, [str(option) for option in shape.values])
        case shapes.DateTimeType():
            return leaves.moment(value)
        case _:
            raise TypeError(f"a catalogue entry cannot hold {shape!r}")
