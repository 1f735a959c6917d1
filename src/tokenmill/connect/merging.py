"""Makes the new text of an agent's file out of the old one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tokenmill.connect import env_text, json_text, toml_text, yaml_text
from tokenmill.connect.template import File, Put
from tokenmill.kit.faults import Code, Fault


def merged(file: File, text: str, shown: str) -> str:
    """`text` with the file's edits; the same text when it holds them all.

    Raises Fault(CONFLICT) that names the file as `shown` when it is broken or cannot be changed here.
    """
    mark = _MARK if text.startswith(_MARK) else ""  # Some Windows editors begin a file with it.
    text = text[len(mark) :]
    try:
        for edit in file.edits:
            if file.format == "json":
                text = json_text.apply(text, edit)
            else:
                assert isinstance(edit, Put)
                text = _FLAT[file.format](text, edit)
    except ValueError as error:
        raise Fault(
            Code.CONFLICT,
            f"{shown} was left as it is, since it could not be read as {file.format.upper()} or changed: "
            f"{error}. Mend it, or put in by hand what --print shows.",
        ) from None
    return mark + text


def fresh(file: File) -> str:
    """What the file holds when there was none before."""
    return merged(file, "", file.place.shown)


_MARK: Final = "\ufeff"

_FLAT: dict[str, Callable[[str, Put], str]] = {
    "toml": toml_text.apply,
    "yaml": yaml_text.apply,
    "env": env_text.apply,
}
