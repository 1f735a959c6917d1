"""Asks a process of its own for the words of a PDF: what a hostile one costs is paid there."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import msgspec

from tokenmill.kit.faults import Code, Fault

AT_ONCE: Final = 2
"""Processes; each may take a core and a gigabyte."""
PATIENCE: Final = 30.0
"""Seconds for one, of which it may compute twenty."""

_PROBLEMS: Final[Mapping[str, str]] = {
    "encrypted": "it is encrypted. Send it without a password",
    "long": "it is too long. Send the pages that matter",
    "costly": "reading it takes too much memory or time. Send the pages that matter, or their text",
    "damaged": "it is damaged, or no PDF",
    "empty": "it holds no text, only pictures perhaps. Send its pages as images",
}


class _Answer(msgspec.Struct):
    text: str | None = None
    problem: str | None = None


class PdfReader:
    """Reads PDFs, a few at a time."""

    def __init__(self, *, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._places = asyncio.Semaphore(AT_ONCE)

    async def words(self, data: bytes, at: str) -> str:
        """The words of all pages. Raises Fault(UNSUPPORTED), which says why there are none of `at`."""
        async with self._places:
            answer = await self._ask(data)
        if answer.text is not None:
            return answer.text
        why = _PROBLEMS.get(answer.problem or "costly", _PROBLEMS["damaged"])
        raise Fault(Code.UNSUPPORTED, f"{at}: the text of this PDF cannot be read: {why}.", field=at)

    async def _ask(self, data: bytes) -> _Answer:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-m", "tokenmill.files.pdf_child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
        )
        try:
            async with asyncio.timeout(self._patience):
                out, _ = await child.communicate(data)
            return msgspec.json.decode(out, type=_Answer)
        except (TimeoutError, msgspec.DecodeError):
            return _Answer(problem="costly")  # It was cut off, by us or by its own bounds.
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
