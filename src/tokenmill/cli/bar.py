"""Shows a person at a terminal how far long work has come; a pipe gets nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Told = Callable[[int, int], None]


@contextmanager
def progress() -> Iterator[Callable[[str], Told]]:
    """Gives what begins a stage by its name, and then is told how many bytes of how many are done."""
    if not sys.stderr.isatty():
        yield lambda _: lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:

        def begin(stage: str) -> Told:
            task = bars.add_task(stage, total=None)
            return lambda done, total: bars.update(task, completed=done, total=total or None)

        yield begin
