"""Says what is known of a file, and what its name and id may be."""

from __future__ import annotations

import re
from typing import Final, Literal, get_args

from tokenmill.conversation.files import FileRecord
from tokenmill.kit.faults import Code, Fault
from tokenmill.store.files_tables import FileRow

Purpose = Literal["assistants", "batch", "evals", "fine-tune", "user_data", "vision"]
PURPOSES: Final[tuple[Purpose, ...]] = get_args(Purpose)
USUAL_PURPOSE: Final[Purpose] = "user_data"

_ID: Final = re.compile(r"file_[0-9a-z]{26}")
_LONGEST_NAME: Final = 255
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters, line ends, and marks that turn the direction of writing, as fakers of names use."""


def record_of(row: FileRow) -> FileRecord:
    """What the row says."""
    return FileRecord(
        id=row.id,
        account_id=row.account_id,
        name=row.name,
        purpose=row.purpose,
        media_type=row.media_type,
        size=row.size,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


def inner_id(file_id: str) -> str:
    """`file-01k…` as it is kept: `file_01k…`; anything else stays what it is."""
    kept = f"file_{file_id[5:]}" if file_id.startswith("file-") else file_id
    return kept if kept.isprintable() else ""  # No database keeps U+0000.


def edge_id(file_id: str) -> str:
    """The id of a file that is, or was, an edge of a page. Raises Fault(BAD_VALUE)."""
    kept = inner_id(file_id)
    if not _ID.fullmatch(kept):
        raise Fault(Code.BAD_VALUE, "That is not the id of a file that a page has shown.", field="after")
    return kept


def missing(file_id: str) -> Fault:
    """The fault of a file that is not there, or not this account's: nobody learns which."""
    shown = file_id if file_id.isascii() and file_id.isprintable() and len(file_id) <= 64 else "that id"
    return Fault(Code.NOT_FOUND, f"There is no file '{shown}' in this account. It may have expired.")


def cleaned_name(name: str) -> str:
    """The name without the directories before it (RFC 7578, 4.2); empty where there is none.

    Raises Fault(BAD_VALUE) for a bad one.
    """
    base = name.replace("\\", "/").rpartition("/")[2].strip()
    if base in (".", ".."):
        raise _bad_name("it names no file")
    if _CONTROL.search(base):
        raise _bad_name("it has control characters")
    if len(base) > _LONGEST_NAME:
        raise _bad_name(f"it is longer than {_LONGEST_NAME} characters")
    try:
        base.encode()
    except UnicodeEncodeError:
        raise _bad_name("it is no Unicode text") from None
    return base


def purpose_of(text: str) -> Purpose:
    """The purpose. Raises Fault(BAD_VALUE)."""
    for purpose in PURPOSES:
        if text == purpose:
            return purpose
    raise Fault(Code.BAD_VALUE, f"purpose: use one of {', '.join(PURPOSES)}.", field="purpose")


def _bad_name(why: str) -> Fault:
    return Fault(Code.BAD_VALUE, f"file: the name of the file cannot be kept: {why}.", field="file")
