"""Shows a worker the embedded server that its parent process keeps."""

from __future__ import annotations

from typing import Self, assert_never

import msgspec

from tokenmill.engines.embedded.status import Down, Loading, Ready, Status
from tokenmill.engines.embedded.supervisor import EmbeddedServer


class News(msgspec.Struct, frozen=True):
    """How the server is, on its way between processes; exactly one of the three is there."""

    loading: Loading | None = None
    ready: Ready | None = None
    down: Down | None = None

    @classmethod
    def of(cls, status: Status) -> Self:
        """Loading times are the machine's monotonic clock, which all processes share."""
        match status:
            case Loading():
                return cls(loading=status)
            case Ready():
                return cls(ready=status)
            case Down():
                return cls(down=status)
            case other:
                assert_never(other)

    @property
    def status(self) -> Status:
        """What was told."""
        told = self.loading or self.ready or self.down
        assert told is not None
        return told


class EmbeddedMirror(EmbeddedServer):
    """Starts nothing and ends nothing: it is as it was last told to be."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """The child is the parent's."""

    def take(self, news: News) -> None:
        """From now on the server is like that."""
        self._become(news.status)
