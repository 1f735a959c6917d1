"""Brings text into the one form in which phrases are looked for."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

STOP: Final = "\n"
"""In folded text: the end of a sentence or a line."""
GAP: Final = " "
"""In folded text: anything else that is no letter and no digit."""

_STOPS: Final = frozenset("\n\r\v\f\x85\u2028\u2029。！？!?；;")
_CIRCLED: Final = ((0x1F150, 0x1F169), (0x1F170, 0x1F189), (0x1F1E6, 0x1F1FF))
"""Letters A to Z in signs that Unicode does not take apart."""

FREE: Final = "\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u2e80-\U0010ffff"
"""As a class of a regular expression: scripts that put no spaces between words."""


def _pairs(name: str) -> Iterator[tuple[str, str]]:
    """What stands for what, of a data file with `a = bcd` in each line."""
    for line in files("tokenmill.moderation").joinpath("lists", name).read_text("utf-8").splitlines():
        meant, equals, others = line.partition("=")
        if equals and not line.startswith("#"):
            for other in others.replace(" ", ""):
                yield other, meant.strip()


class _Folds(dict[int, str]):
    """How each character folds; worked out when it is first met.

    One character at a time, so that text folds to the same wherever it is cut.
    """

    def __init__(self) -> None:
        super().__init__()
        self._means = dict(_pairs("lookalikes.txt")) | dict(_pairs("traditional.txt"))

    def __missing__(self, code: int) -> str:
        folded = self[code] = self._fold(chr(code))
        return folded

    def _fold(self, character: str) -> str:
        if character in _STOPS:
            return STOP
        if character in self._means:
            return self._means[character]
        for first, last in _CIRCLED:
            if first <= ord(character) <= last:
                return chr(ord("a") + ord(character) - first)
        if unicodedata.category(character) in ("Cf", "Mn", "Me"):  # Zero width, or laid over a letter.
            return ""
        return "".join(map(self._plain, unicodedata.normalize("NFKD", character)))

    def _plain(self, part: str) -> str:
        if unicodedata.category(part) in ("Cf", "Mn", "Me"):
            return ""
        low = self._means.get(part, part).casefold()
        return "".join(self._means.get(each, each) if each.isalnum() else GAP for each in low)


_FOLDS: Final = _Folds()


def fold(text: str) -> str:
    """`text` with letters and digits in one form, and all else as `GAP` or `STOP`.

    Width, case, accents, letters that look alike and traditional characters are evened out, and what has no
    width is gone. `fold(a + b) == fold(a) + fold(b)`.
    """
    return text.translate(_FOLDS)


def squeeze(folded: str) -> str:
    """Folded text without what stands between letters."""
    return folded.replace(GAP, "").replace(STOP, "")
