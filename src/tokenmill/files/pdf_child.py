"""Takes the words out of the PDF on standard input, within bounds that its own process cannot leave."""

from __future__ import annotations

import io
import json
import resource
import sys

MEMORY = 1 << 30
SECONDS = 20
MOST_PAGES = 2_000
MOST_CHARACTERS = 8_000_000


def main() -> None:
    """Writes `{"text", "problem"}` as JSON; one of the two is null."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    text, problem = _read(sys.stdin.buffer.read())
    sys.stdout.write(json.dumps({"text": text, "problem": problem}))


def _read(data: bytes) -> tuple[str | None, str | None]:
    from pypdf import PdfReader

    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            return None, "encrypted"
        if len(reader.pages) > MOST_PAGES:
            return None, "long"
        pages: list[str] = []
        room = MOST_CHARACTERS
        for page in reader.pages:
            words = page.extract_text().strip()
            room -= len(words)
            if room < 0:
                return None, "long"
            if words:
                pages.append(words)
    except (MemoryError, RecursionError):
        return None, "costly"
    except Exception:
        return None, "damaged"  # The library meets malformed files with errors of every kind.
    return ("\n\n".join(pages), None) if pages else (None, "empty")


if __name__ == "__main__":
    main()
