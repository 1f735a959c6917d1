"""Changes variables in the text of a file of environment lines."""

from __future__ import annotations

import re

from tokenmill.connect.template import Put


def apply(text: str, edit: Put) -> str:
    """`text` with `NAME=value` in it; the same text when it holds that already."""
    (name,) = edit.path
    line = f"{name}={edit.value}"
    found = list(
        re.finditer(rf"^[ \t]*(?:export[ \t]+)?{re.escape(name)}[ \t]*=[^\r\n]*", text, re.MULTILINE)
    )
    if not found:
        newline = "\r\n" if "\r\n" in text else "\n"
        gap = "" if not text or text.endswith("\n") else newline
        return f"{text}{gap}{line}{newline}"
    if edit.when != "always" or all(each[0] == line for each in found):
        return text
    for each in reversed(found):  # Which one counts differs between readers, so all of them say the same.
        text = text[: each.start()] + line + text[each.end() :]
    return text
