"""Says what is known of a file that was uploaded."""

from __future__ import annotations

from datetime import datetime

from tokenmill.conversation.parts import Value


class FileRecord(Value, frozen=True, kw_only=True):
    """A file, but for its bytes; `media_type` is told by them, `size` in bytes.

    `id` is as it is kept, `file_…`; whoever speaks OpenAI's protocols writes `file-…`, and both are read.
    """

    id: str
    account_id: str
    name: str
    purpose: str
    media_type: str
    size: int
    created_at: datetime
    expires_at: datetime | None
