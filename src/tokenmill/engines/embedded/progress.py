"""Shows a person how far a model's download has come."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LINE_EVERY = 10  # per cent


class FetchProgress(Protocol):
    """What a fetch tells its watcher; all sizes are in bytes.

    `started` comes once for each source that is tried and says anew how much is already there.
    """

    def waiting(self) -> None:
        """Another process is fetching the same model."""
        ...

    def started(self, total: int, already: int, source: str) -> None:
        """Bytes will now come from this source."""
        ...

    def advanced(self, count: int) -> None:
        """So many more bytes are on disk."""
        ...

    def verifying(self) -> None:
        """All bytes are there, and their hash is being computed."""
        ...

    def failed(self, source: str, reason: str) -> None:
        """This source is given up."""
        ...

    def finished(self) -> None:
        """The fetch is over, well or not."""
        ...


class SilentProgress:
    """Tells nobody."""

    def waiting(self) -> None: ...
    def started(self, total: int, already: int, source: str) -> None: ...
    def advanced(self, count: int) -> None: ...
    def verifying(self) -> None: ...
    def failed(self, source: str, reason: str) -> None: ...
    def finished(self) -> None: ...


class LineProgress:
    """A plain line for every tenth of the way, for logs and pipes."""

    def __init__(self, display: str, stream: TextIO | None = None) -> None:
        self._display = display
        self._stream = sys.stderr if stream is None else stream
        self._total = 1
        self._done = 0
        self._shown = 0

    def waiting(self) -> None:
        self._say("another process is fetching it; waiting")

    def started(self, total: int, already: int, source: str) -> None:
        self._total, self._done = max(total, 1), already
        self._shown = self._percent()
        kept = f", {_megabytes(already)} already here" if already else ""
        self._say(f"fetching {_megabytes(total)} from {source}{kept}")

    def advanced(self, count: int) -> None:
        self._done += count
        if self._percent() >= self._shown + _LINE_EVERY:
            self._shown = self._percent()
            self._say(f"{self._shown} % of {_megabytes(self._total)}")

    def verifying(self) -> None:
        self._say("checking its hash")

    def failed(self, source: str, reason: str) -> None:
        self._say(f"not from {source}: {reason}")

    def finished(self) -> None: ...

    def _percent(self) -> int:
        return self._done * 100 // self._total

    def _say(self, text: str) -> None:
        print(f"model {self._display}: {text}", file=self._stream, flush=True)


class BarProgress:
    """A moving bar with speed and time left, for terminals."""

    def __init__(self, display: str, stream: TextIO | None = None) -> None:
        self._display = display
        self._stream = sys.stderr if stream is None else stream
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def waiting(self) -> None:
        self._running().print(f"Another process is fetching {self._display}; waiting for it.")

    def started(self, total: int, already: int, source: str) -> None:
        bar = self._running()
        if self._task is not None:
            bar.remove_task(self._task)
        self._task = bar.add_task(f"{self._display} from {source}", total=total, completed=already)

    def advanced(self, count: int) -> None:
        if self._task is not None:
            self._running().advance(self._task, count)

    def verifying(self) -> None:
        if self._task is not None:
            self._running().update(self._task, description=f"{self._display}: checking its hash")

    def failed(self, source: str, reason: str) -> None:
        self._running().print(f"{self._display}: not from {source}: {reason}", markup=False, highlight=False)

    def finished(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
            self._task = None

    def _running(self) -> Progress:
        if self._bar is None:
            from rich import progress as rich_progress
            from rich.console import Console

            self._bar = rich_progress.Progress(
                rich_progress.TextColumn("{task.description}"),
                rich_progress.BarColumn(),
                rich_progress.DownloadColumn(),
                rich_progress.TransferSpeedColumn(),
                rich_progress.TimeRemainingColumn(),
                console=Console(file=self._stream),
            )
            self._bar.start()
        return self._bar


def for_stream(display: str, stream: TextIO | None = None) -> FetchProgress:
    """A bar where a person watches, lines elsewhere; both on standard error unless told otherwise."""
    chosen = sys.stderr if stream is None else stream
    return BarProgress(display, chosen) if chosen.isatty() else LineProgress(display, chosen)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
