"""`tokenmill serve` on PostgreSQL, with one worker and with several, in front of a scripted upstream."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from tests.processes import COMMAND, Server, free_port, listens, tokenmill, wait_for
from tests.servers import ESCAPED_PASSWORD, PASSWORD, PostgresServer
from tokenmill.kit.secrets import new_secret

OPERATOR = "operator@localhost"
CATALOGUE = """
[[targets]]
id = "scripted"
engine = "openai"
base_url = "http://127.0.0.1:{port}/v1"
thinking_switch = "none"
[[models]]
id = "mimo-v2.5-pro"
targets = [{{ target = "scripted", model = "upstream-name" }}]
"""


@pytest.fixture
def data(tmp_path: Path, postgres: PostgresServer) -> Iterator[Path]:
    """A data directory whose settings name an empty database."""
    directory = tmp_path / "data"
    directory.mkdir()
    (tmp_path / "secret").write_text(new_secret())
    with postgres.database() as name:
        (directory / "tokenmill.toml").write_text(
            f"[database]\nurl = '{postgres.url(name)}'\n[security]\nsecret = 'file:{tmp_path}/secret'\n"
        )
        yield directory


@pytest.fixture
def serve(data: Path) -> Iterator[Callable[..., Server]]:
    running: list[Server] = []

    def start(*options: str) -> Server:
        running.append(Server(data, "--no-embedded", *options))
        return running[-1]

    yield start
    for server in running:
        server.process.kill()
        server.process.communicate()


@pytest.fixture
def upstream(data: Path) -> Iterator[Path]:
    """A catalogue file whose one model is served by a process beside."""
    port = free_port()
    file = data.with_name("catalogue.toml")
    file.write_text(CATALOGUE.format(port=port))
    with subprocess.Popen([sys.executable, "-m", "tests.bench.upstream", str(port)]) as process:
        wait_for(lambda: listens(port))
        yield file
        process.kill()


def workers_of(server: Server) -> list[int]:
    parent = server.process.pid
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def ask(server: Server, text: str = "[[n=3 d=0]]") -> str | None:
    """One answer, over a connection of its own."""
    with OpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=0, timeout=30) as client:
        messages: list[Any] = [{"role": "user", "content": text}]
        reply = client.chat.completions.create(model="mimo-v2.5-pro", messages=messages)
    return reply.choices[0].message.content


def offer(server: Server, catalogue: Path) -> None:
    """Puts the model on offer, and waits until every worker knows of it."""
    tokenmill(server.data, "catalog", "apply", str(catalogue))
    time.sleep(1)


def used(data: Path) -> int:
    return int(json.loads(tokenmill(data, "usage", "--account", OPERATOR, "--json"))["requests"])


def test_one_process_serves_and_meters_on_postgresql(serve: Callable[..., Server], upstream: Path) -> None:
    server = serve()
    offer(server, upstream)
    assert ask(server) == "quick brown " * 3
    assert server.stop() == 0
    assert used(server.data) == 1
    assert not any(secret in server.logs for secret in (PASSWORD, ESCAPED_PASSWORD))


def sockets(pid: int) -> int:
    """How many a process has open."""
    found = 0
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            found += os.readlink(each).startswith("socket:")
    return found


def test_two_workers_share_what_comes_to_one_address(serve: Callable[..., Server], upstream: Path) -> None:
    server = serve("--workers", "2")
    offer(server, upstream)
    port = int(server.url.rpartition(":")[2])
    before = {pid: sockets(pid) for pid in workers_of(server)}
    with ExitStack() as held:
        for _ in range(20):  # That all of them come to one is as likely as twenty heads in a row.
            held.enter_context(socket.create_connection(("127.0.0.1", port)))
        wait_for(lambda: all(sockets(pid) > count for pid, count in before.items()))
    assert [ask(server) for _ in range(20)] == ["quick brown " * 3] * 20
    assert server.stop() == 0
    assert used(server.data) == 20


def test_a_worker_that_dies_is_replaced(serve: Callable[..., Server], upstream: Path) -> None:
    server = serve("--workers", "2")
    offer(server, upstream)
    before = workers_of(server)
    os.kill(before[0], signal.SIGKILL)
    # Whoever is sent to the dead one's socket waits for the next one.
    assert [ask(server) for _ in range(10)] == ["quick brown " * 3] * 10
    wait_for(lambda: len(workers_of(server)) == 2)
    assert before[0] not in workers_of(server)
    assert server.stop() == 0


def test_a_stop_lets_streams_of_all_workers_finish(serve: Callable[..., Server], upstream: Path) -> None:
    server = serve("--workers", "2")
    offer(server, upstream)
    workers = workers_of(server)
    with ThreadPoolExecutor(8) as pool:
        running = [pool.submit(ask, server, "[[n=20 d=100]]") for _ in range(8)]
        time.sleep(1)
        assert server.stop() == 0
    assert [each.result() for each in running] == ["quick brown " * 20] * 8
    assert not any(map(alive, workers))
    assert used(server.data) == 8


def test_workers_do_not_outlive_their_parent(serve: Callable[..., Server]) -> None:
    server = serve("--workers", "2")
    workers = workers_of(server)
    assert len(workers) == 2
    server.process.kill()
    wait_for(lambda: not any(map(alive, workers)))


def test_a_port_that_other_workers_have_is_taken(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve("--workers", "2")
    port = server.url.rpartition(":")[2]
    done = subprocess.run(
        [*COMMAND, "serve", "--no-embedded", "--workers", "2", "--port", port, "--data", str(server.data)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "--port" in done.stderr
