"""Keeps the embedded model's server process alive, and says where it answers."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self, assert_never

import aiohttp
import msgspec
import structlog

from tokenmill.engines.embedded.child import ChildSettings, Listening, Refused, Report
from tokenmill.engines.embedded.client import ChildClient
from tokenmill.engines.embedded.models import SMALL_MODEL, ModelFile
from tokenmill.engines.embedded.status import Down, Endpoint, Loading, Ready, Status
from tokenmill.engines.embedded.templates import chat_template
from tokenmill.kit.clock import Clock, SystemClock
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import ServedBy

_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")
CHILD = (sys.executable, "-m", "tokenmill.engines.embedded.child")
RETRY_WHILE_LOADING = 2.0
LOG_LINES_KEPT = 20
LOG_LINES_SHOWN = 5
# The child needs no secret of ours, so it gets none.
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Patience:
    """How long the supervisor waits, in seconds.

    A restart comes after `first_pause`, doubled each time up to `longest_pause`, and anew from the first
    once the server was well for `well_after`. `unanswered` failed health checks in a row mean that it hangs.
    """

    first_pause: float = 0.5
    longest_pause: float = 30
    well_after: float = 60
    check_every: float = 5
    answer: float = 5
    unanswered: int = 6
    load: float = 600
    stop: float = 5


@dataclass(frozen=True)
class Size:
    """What the server may use: `context` tokens for each of `slots`, and a cache of prompts in MiB.

    A slot is a request that is being answered; others wait. Each has its own context: slots that share one
    cut each other off when their requests grow.
    """

    context: int
    slots: int = 2
    prompt_cache_mib: int = 512

    @classmethod
    def of(cls, model: ModelFile) -> Size:
        """16,384 tokens take 0.45 GB a slot with the 1.5B model."""
        wanted = 8_192 if model.name == SMALL_MODEL else 16_384
        return cls(context=min(wanted, model.context or wanted))


class EmbeddedServer:
    """The server process, from `async with` to its end.

    Entering starts it and does not wait for the model to load; leaving ends it. In between a child that
    dies or hangs is replaced.
    """

    def __init__(
        self,
        model: ModelFile,
        *,
        size: Size | None = None,
        clock: Clock | None = None,
        patience: Patience | None = None,
        command: Sequence[str] = CHILD,
    ) -> None:
        self._model = model
        self._size = size or Size.of(model)
        self._clock = clock or SystemClock()
        self._patience = patience or Patience()
        self._command = tuple(command)
        self._template = chat_template(model)
        self._log = structlog.get_logger("embedded")
        self._status: Status = Loading(self._clock.monotonic())
        self._decided = asyncio.Event()
        self._supervision: asyncio.Task[None] | None = None
        self._pid: int | None = None

    async def __aenter__(self) -> Self:
        self._status = Loading(self._clock.monotonic())
        self._supervision = asyncio.create_task(self._supervise(), name="embedded-server")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._supervision is not None:
            self._supervision.cancel()
            await asyncio.gather(self._supervision, return_exceptions=True)
        self._become(Down("it was stopped", None))

    @property
    def status(self) -> Status:
        """How the server is at this moment."""
        return self._status

    @property
    def pid(self) -> int | None:
        """The child's process id while there is one."""
        return self._pid

    @property
    def calls_tools(self) -> bool:
        """Does the model's chat template know tools? Before the first load, our own table answers."""
        match self._status:
            case Ready(endpoint):
                return endpoint.calls_tools
            case _:
                return self._template is not None

    def served_by(self) -> ServedBy:
        """The model's real name, limits and speed; before the first load, those it was asked to have."""
        match self._status:
            case Ready(endpoint):
                window, speed = endpoint.context_window, endpoint.speed
            case _:
                window, speed = self._size.context, None
        return ServedBy(
            name=self._model.display,
            context_window=window,
            max_output=window // 2,
            prefill_speed=speed.prefill if speed else None,
            decode_speed=speed.decode if speed else None,
        )

    def endpoint(self) -> Endpoint:
        """Where the model answers. Raises Fault(ENGINE_LOADING) or Fault(UPSTREAM_AWAY)."""
        match self._status:
            case Ready(endpoint):
                return endpoint
            case Loading(since):
                raise Fault(
                    Code.ENGINE_LOADING,
                    f"The embedded model {self._model.display} is loading "
                    f"({self._clock.monotonic() - since:.0f} s so far); "
                    f"try again in {RETRY_WHILE_LOADING:.0f} s.",
                    retry_after=RETRY_WHILE_LOADING,
                )
            case Down(reason, float(pause)):
                raise Fault(
                    Code.UPSTREAM_AWAY,
                    f"The embedded model {self._model.display} is being restarted: {reason}. "
                    f"Try again in {pause + RETRY_WHILE_LOADING:.0f} s.",
                    retry_after=pause + RETRY_WHILE_LOADING,
                )
            case Down(reason):
                raise Fault(Code.NO_TARGET, f"The embedded model {self._model.display} is off: {reason}.")
            case other:
                assert_never(other)

    async def ready(self, within: float) -> Endpoint:
        """Waits at most `within` seconds for the model, then does as `endpoint` does."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._decided.wait()
        return self.endpoint()

    def _become(self, status: Status) -> None:
        self._status = status
        match status:
            case Ready() | Down(retry_after=None):
                self._decided.set()
            case Loading() | Down():
                self._decided.clear()
            case other:
                assert_never(other)

    async def _supervise(self) -> None:
        pause = self._patience.first_pause
        while True:
            self._become(Loading(self._clock.monotonic()))
            try:
                reason, well_for = await self._live_once()
            except OSError as error:  # No process could be started: out of memory, of descriptors.
                reason, well_for = f"it cannot be started: {error.strerror}", 0.0
            if reason is None:
                return
            if well_for >= self._patience.well_after:
                pause = self._patience.first_pause
            self._become(Down(reason, pause))
            self._log.warning("embedded model restarts", reason=reason, pause_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._patience.longest_pause)

    async def _live_once(self) -> tuple[str | None, float]:
        """One child's life: why it ended (None: for good), and for how many seconds it was well."""
        key = secrets.token_hex(24)
        async with self._child(key) as child:
            report = await self._first_report(child)
            match report:
                case Refused(reason):
                    self._log.error("embedded model refused", reason=reason)
                    self._become(Down(reason, None))
                    return None, 0.0
                case str(reason):
                    return reason, 0.0
                case Listening(address):
                    began = self._clock.monotonic()
                    reason = await self._watch(child, address, key)
                    return reason, self._clock.monotonic() - began
                case other:
                    assert_never(other)

    @asynccontextmanager
    async def _child(self, key: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A started child with its settings; terminated and reaped on leaving, its last words logged."""
        child = await self._spawned()
        self._pid = child.pid
        words: deque[str] = deque(maxlen=LOG_LINES_KEPT)
        listening = asyncio.create_task(_collect_lines(child, words))
        stopped = False
        try:
            assert child.stdin is not None
            with suppress(ConnectionError):
                child.stdin.write(msgspec.json.encode(self._child_settings(key)) + b"\n")
                await child.stdin.drain()
            yield child
        except asyncio.CancelledError:
            stopped = True
            raise
        finally:
            await _to_the_end(_buried(child, listening, self._patience.stop))
            self._pid = None
            if words and not stopped:
                self._log.warning("embedded model's last words", lines=list(words)[-LOG_LINES_SHOWN:])

    async def _spawned(self) -> asyncio.subprocess.Process:
        """Starts the child; one whose start is cancelled half-way is ended, not forgotten."""
        starting = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=child_environment(os.environ),
                start_new_session=True,  # Ctrl-C is for the parent, which then ends the child in order.
            )
        )
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await _end(await starting, self._patience.stop)
            raise

    def _child_settings(self, key: str) -> ChildSettings:
        return ChildSettings(
            parent=os.getpid(),
            model=str(self._model.path),
            alias=self._model.display,
            api_key=key,
            context=self._size.context * self._size.slots,
            slots=self._size.slots,
            threads=usable_cores(len(os.sched_getaffinity(0))),
            memory=2 * self._model.size + (3 << 30),
            prompt_cache_mib=self._size.prompt_cache_mib,
            chat_template=self._template,
        )

    async def _first_report(self, child: asyncio.subprocess.Process) -> Report | str:
        """What the child reports once it has loaded, or the reason why it never did."""
        assert child.stdout is not None
        try:
            async with asyncio.timeout(self._patience.load):
                line = await child.stdout.readline()
        except TimeoutError:
            return f"it did not load within {self._patience.load:.0f} s"
        if not line:
            return _ending(await child.wait())
        report: Report = msgspec.json.decode(line, type=Listening | Refused)
        return report

    async def _watch(self, child: asyncio.subprocess.Process, address: str, key: str) -> str:
        """Serves until the child ends or hangs; returns the reason."""
        async with aiohttp.ClientSession() as session:
            client = ChildClient(session, address, key)
            life = asyncio.create_task(child.wait())
            health = asyncio.create_task(self._attend(client, key))
            try:
                await asyncio.wait({life, health}, return_when=asyncio.FIRST_COMPLETED)
                return _ending(life.result()) if life.done() else health.result()
            finally:
                life.cancel()
                health.cancel()
                await asyncio.gather(life, health, return_exceptions=True)

    async def _attend(self, client: ChildClient, key: str) -> str:
        """Makes the server known, then checks its health until it stops answering."""
        try:
            facts = await client.facts()
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError):
            return "it loaded but did not answer"
        # Measured before anybody else is served: beside other work the figures would say little.
        speed = await client.measured_speed()
        endpoint = Endpoint(
            client.base_url, key, self._model.display, facts.context_window, facts.calls_tools, speed
        )
        self._become(Ready(endpoint))
        measured = {"prefill": speed.prefill, "decode": speed.decode} if speed is not None else {}
        self._log.info("embedded model is ready", model=self._model.display, **measured)
        failures = 0
        while failures < self._patience.unanswered:
            await asyncio.sleep(self._patience.check_every)
            failures = 0 if await client.is_well(self._patience.answer) else failures + 1
        return "it stopped answering"


def usable_cores(cores: int, cpu_max: Path = _CPU_MAX) -> int:
    """Of `cores`, as many as the control group gives time for; `cpu_max` holds its quota and period."""
    try:
        quota, period = cpu_max.read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, -(-int(quota) // int(period))))


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Without the passive policy, waiting threads spin and a busy machine decodes ten times slower."""
    kept = {name: environment[name] for name in _KEPT_VARIABLES if name in environment}
    return {**kept, "OMP_WAIT_POLICY": "passive"}


async def _collect_lines(child: asyncio.subprocess.Process, words: deque[str]) -> None:
    assert child.stderr is not None
    with suppress(ValueError):  # A line longer than the reader's limit: its text is not worth a crash.
        async for line in child.stderr:
            words.append(line.decode(errors="replace").rstrip())


async def _to_the_end(work: Coroutine[None, None, None]) -> None:
    """Does `work` whole, even for a task that is cancelled meanwhile; the cancellation comes after it."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


async def _buried(child: asyncio.subprocess.Process, listening: asyncio.Task[None], patience: float) -> None:
    await _end(child, patience)
    assert child.stdout is not None
    await child.stdout.read()  # To its end, which is what closes the pipe.
    await listening


async def _end(child: asyncio.subprocess.Process, patience: float) -> None:
    with suppress(ProcessLookupError):
        if child.returncode is None:
            child.terminate()
    try:
        async with asyncio.timeout(patience):
            await child.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()


def _ending(status: int) -> str:
    if status >= 0:
        return f"it exited with status {status}"
    with suppress(ValueError):
        return f"it was ended by {signal.Signals(-status).name}"
    return f"it was ended by signal {-status}"
