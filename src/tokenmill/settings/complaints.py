"""Says what is wrong with settings, one line each, without their values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tokenmill.kit.faults import Code, Fault
from tokenmill.settings.sections import Section, Settings

ENV_PREFIX = "TOKENMILL__"


def unknown_variable(name: str) -> str | None:
    section, _, key = name.removeprefix(ENV_PREFIX).lower().partition("__")
    if section not in Settings.model_fields:
        known: Iterable[str] = Settings.model_fields
        return (
            f"{name} names no section{_near(section, known, lambda near: f'{ENV_PREFIX}{near.upper()}__…')}"
        )
    if key not in _keys(section):
        prefix = f"{ENV_PREFIX}{section.upper()}__"
        return f"{name} is not a setting{_near(key, _keys(section), lambda near: prefix + near.upper())}"
    return None


def complaint(error: Mapping[str, Any], from_environ: Mapping[str, Mapping[str, Any]], file: Path) -> str:
    """One line about one wrong setting, without its value."""
    section, *rest = (str(step) for step in error["loc"])
    key = rest[0] if rest else ""
    if error["type"] == "extra_forbidden":
        if not key:
            near = _near(section, Settings.model_fields, "[{}]".format)
            return f"[{section}] in {file} is not a section{near}"
        return f"[{section}] {key} in {file} is not a setting{_near(key, _keys(section), str)}"
    if key in from_environ.get(section, {}):
        where = f"{ENV_PREFIX}{section.upper()}__{key.upper()}"
    else:
        where = f"[{section}] {key}".rstrip() + f" in {file}"
    return f"{where} {_expectation(error)}"


def _expectation(error: Mapping[str, Any]) -> str:
    context = error.get("ctx", {})
    match error["type"].partition("_")[0]:
        case "value":
            return str(context["error"])
        case "greater":
            return f"must be {context['ge']} or more"
        case "less":
            return f"must be {context['le']} or less"
        case "literal":
            return f"must be one of {context['expected']}"
        case kind:
            return f"must be {_EXPECTED.get(kind, 'of another type')}, but is {_kind(error['input'])}"


_EXPECTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a string",
    "tuple": "a list",
    "model": "a section",
}


def _kind(value: object) -> str:
    match value:
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a float"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return f"a {type(value).__name__}"


def _keys(section: str) -> list[str]:
    """The keys of a section, as they are written."""
    model = Settings.model_fields[section].annotation
    assert isinstance(model, type)
    assert issubclass(model, Section)
    return [field.alias or name for name, field in model.model_fields.items()]


def _near(name: str, known: Iterable[str], write: Callable[[str], str]) -> str:
    """`; did you mean [server]?`, or what there is when nothing is near."""
    known = list(known)
    near = get_close_matches(name, known, n=2, cutoff=0.5)
    if near:
        return f"; did you mean {' or '.join(map(write, near))}?"
    return f"; there are {', '.join(map(write, known))}"


def misconfigured(complaints: list[str]) -> Fault:
    count = f"{len(complaints)} settings are wrong:\n  " if len(complaints) > 1 else ""
    return Fault(Code.MISCONFIGURED, count + "\n  ".join(complaints))
