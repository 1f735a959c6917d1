"""Takes text apart into the terms by which it is found: words, and of Chinese every two neighbours."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_WIDE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_RUN = re.compile(rf"[{_WIDE}]+|[^\W_]+?(?=[{_WIDE}]|[\W_]|$)")
_STOP = frozenset(
    str.split(
        "a an and are as at be by can did do does for from has have how i in is it its me my of on or our"
        " please tell that the this to was we were what when where which who why will with you your",
    )
)


def terms_of(text: str) -> Iterator[str]:
    """The terms of `text`, in their order: words in lower case, and pairs of East Asian signs.

    Such signs stand in no spaces, so any two neighbours may be a word. One that stands alone is a term.
    """
    for run in _RUN.findall(unicodedata.normalize("NFKC", text).casefold()):
        if not "\u3040" <= run[0]:
            if run not in _STOP:
                yield run
        elif len(run) == 1:
            yield run
        else:
            yield from (run[at : at + 2] for at in range(len(run) - 1))
