"""Shows canonical values as readable JSON, and compares them with the golden files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from tokenmill.conversation.events import Event
from tokenmill.conversation.request import Request, Turn
from tokenmill.kit.faults import Fault

PLACES = {(Turn, "at"), (Request, "tools_at")}
"""Where something was said is shown by what is dropped and refused, not by each request."""

GOLDEN = Path(__file__).parent.parent / "golden"


def shown(value: object) -> Any:
    """`{"ClassName": {members that are not at their defaults}}`, bytes as text."""
    if isinstance(value, msgspec.Struct):
        members = {}
        for field in msgspec.structs.fields(value):
            member = getattr(value, field.name)
            if (type(value), field.name) not in PLACES and (field.required or member != field.default):
                members[field.name] = shown(member)
        return {type(value).__name__: members}
    if isinstance(value, Fault):
        return {"Fault": [value.code.value, value.message, value.field]}
    if isinstance(value, tuple | list):
        return [shown(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value


def shown_events(events: Iterable[Event]) -> Any:
    """One event an entry."""
    return [shown(event) for event in events]


def check(path: Path, seen: Any) -> None:
    """Compares `seen` with the file; with GOLDEN_ACCEPT=1 the file is rewritten instead."""
    lines = seen if isinstance(seen, list) else [seen]
    text = "[\n" + ",\n".join(json.dumps(line, ensure_ascii=False) for line in lines) + "\n]\n"
    if os.environ.get("GOLDEN_ACCEPT") == "1":
        path.write_text(text)
    assert json.loads(path.read_text()) == json.loads(text), f"{path.name}: see GOLDEN_ACCEPT=1"


def check_bytes(path: Path, seen: bytes) -> None:
    """The same for bytes."""
    if os.environ.get("GOLDEN_ACCEPT") == "1":
        path.write_bytes(seen)
    assert path.read_bytes() == seen, f"{path.name}: see GOLDEN_ACCEPT=1"
