"""Turns a page's bytes into text, whatever its server says they are."""

from __future__ import annotations

import codecs
import re
from typing import Final

_KNOWN: Final = frozenset(
    codecs.lookup(name).name
    for name in (
        *("utf-8", "utf-16", "utf-16-le", "utf-16-be", "gbk", "gb2312", "gb18030", "big5", "big5hkscs"),
        *("shift_jis", "cp932", "euc-jp", "iso2022_jp", "euc-kr", "cp949", "koi8-r", "koi8-u", "us-ascii"),
        *(f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16)),
        *(f"cp125{page}" for page in range(9)),
        *("cp874", "cp866", "mac-roman"),
    )
)
"""Python has codecs that are no charsets, and can unpack a bomb; only these are used."""

_WIDER: Final = {"gbk": "gb18030", "gb2312": "gb18030", "iso8859-1": "cp1252", "ascii": "cp1252"}
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([a-zA-Z0-9_:.-]{1,40})", re.IGNORECASE)
_HEAD: Final = 4_096


def decode(data: bytes, told: str | None, *, html: bool = True, cut: bool = False) -> str:
    """The text; `told` is the charset of the header. What cannot be read becomes U+FFFD.

    `cut` says that the end is missing.

    Bytes that are lawful UTF-8 are UTF-8, as hardly anything else is by accident; then the header counts,
    then what the page says of itself, then GB 18030, in which most old Chinese pages are.
    """
    for mark, charset in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(charset, "replace")
    named = [told] if told else []
    if html and (meta := _META.search(data[:_HEAD])):
        named.append(meta[1].decode("ascii"))
    candidates = ["utf-8", *filter(None, map(_known, named)), "gb18030"]
    for charset in candidates:
        try:
            return codecs.getincrementaldecoder(charset)("strict").decode(data, final=not cut)
        except UnicodeDecodeError:
            continue
    best = candidates[1] if len(candidates) > 2 else "utf-8"
    return data.decode(best, "replace")


def _known(name: str) -> str | None:
    try:
        found = codecs.lookup(name.strip()).name
    except (LookupError, ValueError):
        return None
    return _WIDER.get(found, found) if found in _KNOWN else None
