"""The embedded server runs a real model in a child that neither outlives its parent nor stays dead."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from tokenmill.engines.embedded.child import missing_cpu_features
from tokenmill.engines.embedded.models import ModelFile
from tokenmill.engines.embedded.status import Down, Endpoint, Loading, Ready
from tokenmill.engines.embedded.supervisor import (
    EmbeddedServer,
    Patience,
    Size,
    child_environment,
    usable_cores,
)
from tokenmill.kit.faults import Code, Fault

pytestmark = pytest.mark.xdist_group("embedded")

LOAD = 90.0  # Some 2 s on a quiet machine.
HELLO = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 8}

PARENT = """
import asyncio, sys
from pathlib import Path
from tokenmill.engines.embedded.models import ModelFile
from tokenmill.engines.embedded.supervisor import EmbeddedServer
from tokenmill.kit.telemetry import configure_logs

async def main():
    configure_logs(json=True)  # To standard error: standard output is for the child's number.
    path = Path(sys.argv[1])
    async with EmbeddedServer(ModelFile(path, None, "small", None, path.stat().st_size, 8192)) as server:
        await server.ready(90)
        print(server.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def ask(endpoint: Endpoint, key: str | None = None) -> tuple[int, str]:
    """The status and the text of a short answer."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{endpoint.base_url}/chat/completions",
            json=HELLO,
            headers={"Authorization": f"Bearer {key or endpoint.api_key}"},
        ) as reply,
    ):
        body = await reply.json()
    return reply.status, body["choices"][0]["message"]["content"] if reply.status == 200 else ""


def is_running(pid: int) -> bool:
    """A zombie does not run."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def exists(pid: int) -> bool:
    """Whether there is such a process, be it a zombie that nobody has reaped."""
    return Path(f"/proc/{pid}").exists()


async def until(holds: Callable[[], bool]) -> None:
    """Waits for what another process does; that sets no event of ours."""
    async with asyncio.timeout(LOAD):
        while not holds():  # noqa: ASYNC110 - a process's state can only be looked at.
            await asyncio.sleep(0.01)


async def test_it_answers_with_its_key_and_its_key_only(small_model: ModelFile) -> None:
    async with EmbeddedServer(small_model) as server:
        endpoint = await server.ready(LOAD)
        status, text = await ask(endpoint)
        assert (status, bool(text.strip())) == (200, True)
        assert (await ask(endpoint, key="guessed"))[0] == 401
        assert endpoint.base_url.startswith("http://127.0.0.1:")
        assert endpoint.context_window == small_model.context
        assert endpoint.calls_tools is server.calls_tools is False


async def test_its_speed_is_known_once_it_is_ready(small_model: ModelFile) -> None:
    async with EmbeddedServer(small_model) as server:
        await server.ready(LOAD)
        served = server.served_by()
    assert served.name == small_model.display
    assert served.prefill_speed is not None
    assert served.decode_speed is not None
    assert min(served.prefill_speed, served.decode_speed) > 0


async def test_while_it_loads_callers_are_told_to_come_back(small_model: ModelFile) -> None:
    async with EmbeddedServer(small_model) as server:
        assert isinstance(server.status, Loading)
        with pytest.raises(Fault, match=r"SmolLM2.* is loading \(0 s so far\); try again in 2 s") as raised:
            server.endpoint()
        assert raised.value.code is Code.ENGINE_LOADING
        assert raised.value.retry_after == 2


async def test_a_killed_child_is_replaced_and_answers_again(small_model: ModelFile) -> None:
    async with EmbeddedServer(small_model) as server:
        first = await server.ready(LOAD)
        assert server.pid is not None
        os.kill(killed := server.pid, signal.SIGKILL)
        await until(lambda: isinstance(server.status, Down))
        with pytest.raises(Fault, match="restarted: it was ended by SIGKILL") as raised:
            server.endpoint()
        assert raised.value.code is Code.UPSTREAM_AWAY
        assert raised.value.retry_after is not None
        second = await server.ready(LOAD)
        assert server.pid != killed
        assert second.api_key != first.api_key
        assert (await ask(second))[0] == 200


async def test_a_hanging_child_is_replaced(small_model: ModelFile) -> None:
    patience = Patience(check_every=0.05, answer=0.5, unanswered=4, stop=0.2)
    async with EmbeddedServer(small_model, patience=patience) as server:
        await server.ready(LOAD)
        assert server.pid is not None
        os.kill(hung := server.pid, signal.SIGSTOP)
        await until(lambda: isinstance(server.status, Down))
        assert server.status == Down("it stopped answering", patience.first_pause)
        assert not is_running(hung)


async def test_leaving_leaves_no_child(small_model: ModelFile) -> None:
    async with EmbeddedServer(small_model) as server:
        await server.ready(LOAD)
        pid = server.pid
    assert pid is not None
    assert not exists(pid)
    with pytest.raises(Fault, match="is off: it was stopped"):
        server.endpoint()


async def test_leaving_while_it_loads_leaves_no_child(small_model: ModelFile) -> None:
    async with EmbeddedServer(small_model) as server:
        await until(lambda: server.pid is not None)
        pid = server.pid
    assert pid is not None
    assert not exists(pid)


async def test_the_child_dies_with_a_parent_that_is_killed(small_model: ModelFile) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(small_model.path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert is_running(pid)
    parent.kill()
    await parent.wait()
    await parent.stdout.read()  # To its end, which closes the pipe.
    await until(lambda: not is_running(pid))


async def test_a_broken_model_is_tried_again_with_growing_pauses(
    small_model: ModelFile, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(small_model.path.read_bytes()[:1000])
    pauses: list[float] = []
    async with EmbeddedServer(
        replace(small_model, path=broken), patience=Patience(first_pause=0.01, longest_pause=0.02)
    ) as server:
        async with asyncio.timeout(LOAD):
            while len(pauses) < 2:
                match server.status:
                    case Down(reason, float(pause)) if pause not in pauses:
                        assert reason == "it exited with status 1"
                        pauses.append(pause)
                await asyncio.sleep(0.001)
    assert pauses == [0.01, 0.02]


async def test_a_machine_that_cannot_run_it_is_not_asked_again(small_model: ModelFile) -> None:
    refusing = (sys.executable, "-c", """print('{"type":"refused","reason":"no AVX2 here"}')""")
    async with EmbeddedServer(small_model, command=refusing) as server:
        with pytest.raises(Fault, match="is off: no AVX2 here") as raised:
            await server.ready(LOAD)
        assert raised.value.retry_after is None
        assert not isinstance(server.status, Ready)


def test_a_processor_without_avx2_is_recognised() -> None:
    assert missing_cpu_features("model name : Old\nflags\t\t: fpu sse2 avx fma f16c\n") == ["avx2"]
    assert missing_cpu_features("flags\t\t: fpu avx avx2 fma f16c\n") == []


def test_the_child_is_given_no_secret_of_ours() -> None:
    given = {"PATH": "/bin", "TOKENMILL__SECURITY__SECRET": "s3cret", "GPU_1_KEY": "k"}
    assert child_environment(given) == {"PATH": "/bin", "OMP_WAIT_POLICY": "passive"}


async def test_its_child_is_bound_in_memory_and_the_first_to_go(small_model: ModelFile) -> None:
    async with EmbeddedServer(small_model) as server:
        await server.ready(LOAD)
        limits = Path(f"/proc/{server.pid}/limits").read_text()
        (data_size,) = [line for line in limits.splitlines() if line.startswith("Max data size")]
        oom = Path(f"/proc/{server.pid}/oom_score_adj").read_text()

    assert str(2 * small_model.size + (3 << 30)) in data_size
    assert int(oom) == 500


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", 4), ("150000 100000", 2), ("50000 100000", 1), ("", 4)]
)
def test_threads_are_the_cores_that_this_process_may_use(tmp_path: Path, quota: str, cores: int) -> None:
    file = tmp_path / "cpu.max"
    if quota:
        file.write_text(quota)

    assert cores == usable_cores(4, file)


async def test_requests_at_the_same_time_have_the_whole_context_each(small_model: ModelFile) -> None:
    async with EmbeddedServer(small_model, size=Size(context=512)) as server:
        endpoint = await server.ready(LOAD)
        words = [{"role": "user", "content": f"{number} " + "word " * 300} for number in range(3)]
        answers = await asyncio.gather(*(_said(endpoint, message) for message in words))

    assert endpoint.context_window == 512
    assert all(status == 200 and tokens > 300 for status, tokens in answers)


async def _said(endpoint: Endpoint, message: dict[str, str]) -> tuple[int, int]:
    body = {"messages": [message], "max_tokens": 100, "ignore_eos": True}
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{endpoint.base_url}/chat/completions",
            json=body,
            headers={"Authorization": f"Bearer {endpoint.api_key}"},
        ) as reply,
    ):
        return reply.status, (await reply.json())["usage"]["total_tokens"]
