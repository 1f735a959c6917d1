"""`tokenmill serve` as a process, in front of a scripted upstream process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openai import OpenAI

from tests.processes import COMMAND, Server, free_port, listens, tokenmill, wait_for

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
def upstream(tmp_path: Path) -> Iterator[int]:
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "tests.bench.upstream", str(port)]) as process:
        wait_for(lambda: listens(port))
        yield port
        process.kill()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    running: list[Server] = []

    def start(*options: str) -> Server:
        running.append(Server(tmp_path / "data", "--no-embedded", *options))
        return running[-1]

    yield start
    for server in running:
        server.process.kill()
        server.process.communicate()


def test_a_first_start_prints_all_a_newcomer_needs_and_a_second_no_secrets(
    serve: Callable[..., Server],
) -> None:
    first = serve()
    for word in (f"{first.url}/console/", "operator@localhost", "password", first.key, "catalog apply"):
        assert word in first.banner
    for base in ("/v1", "/anthropic", "/token-plan/v1", "/token-plan/anthropic"):
        assert f"{first.url}{base}" in first.banner
    assert first.stop() == 0

    second = serve()

    assert first.key not in second.banner
    assert "password" not in second.banner.replace("accounts password", "")
    assert "operator@localhost" in second.banner


def test_a_catalogue_applied_beside_the_server_is_served_and_metered(
    serve: Callable[..., Server], upstream: int, tmp_path: Path
) -> None:
    server = serve()
    (tmp_path / "catalog.toml").write_text(CATALOGUE.format(port=upstream))
    tokenmill(server.data, "catalog", "apply", str(tmp_path / "catalog.toml"))
    client = OpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=5)
    time.sleep(1)

    reply = client.chat.completions.create(
        model="mimo-v2.5-pro", messages=[{"role": "user", "content": "[[n=3 d=0]]"}]
    )

    assert reply.choices[0].message.content == "quick brown quick brown quick brown "
    used = json.loads(tokenmill(server.data, "usage", "--account", "operator@localhost", "--json"))
    assert used["requests"] == 1
    assert {k: used["tokens"][k] for k in ("input_fresh", "output")} == {"input_fresh": 150, "output": 3}


def test_a_stop_lets_a_running_stream_finish(
    serve: Callable[..., Server], upstream: int, tmp_path: Path
) -> None:
    server = serve()
    (tmp_path / "catalog.toml").write_text(CATALOGUE.format(port=upstream))
    tokenmill(server.data, "catalog", "apply", str(tmp_path / "catalog.toml"))
    time.sleep(1)
    client = OpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=0)
    stream = client.chat.completions.create(
        model="mimo-v2.5-pro", messages=[{"role": "user", "content": "[[n=20 d=50]]"}], stream=True
    )
    next(stream)

    stopping = threading.Thread(target=server.stop)
    stopping.start()
    words = [chunk.choices[0].delta.content for chunk in stream if chunk.choices]
    stopping.join(timeout=60)

    assert sum(1 for word in words if word) == 20
    assert server.process.returncode == 0
    used = json.loads(tokenmill(server.data, "usage", "--account", "operator@localhost", "--json"))
    assert used["requests"] == 1


def test_a_taken_port_is_said_with_what_to_do(serve: Callable[..., Server], tmp_path: Path) -> None:
    server = serve()
    port = server.url.rpartition(":")[2]

    done = subprocess.run(
        [*COMMAND, "serve", "--no-embedded", "--port", port, "--data", str(tmp_path / "other")],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert "--port" in done.stderr


@pytest.mark.parametrize("host", ["no such host", "192.0.2.1"])
def test_a_host_that_is_not_this_machine_is_not_blamed_on_the_port(host: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "serve", "--no-embedded", "--host", host, "--port", "0", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert "no address of this machine" in done.stderr
    assert "--port" not in done.stderr


def test_more_than_one_worker_needs_postgresql_and_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "serve", "--workers", "2", "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.returncode == 1
    assert "PostgreSQL" in done.stderr


def test_no_key_and_no_password_is_ever_logged(serve: Callable[..., Server], upstream: int) -> None:
    server = serve("--host", "127.0.0.1")
    OpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=0).models.list()
    password = re.search(r"password (\S+)", server.banner)
    assert password is not None
    server.process.send_signal(signal.SIGTERM)
    server.process.communicate(timeout=60)

    assert "stopping" in server.logs
    assert server.key not in server.logs
    assert password.group(1) not in server.logs


def test_the_secret_and_the_data_are_for_the_owner_only(serve: Callable[..., Server]) -> None:
    server = serve()

    assert os.stat(server.data).st_mode & 0o777 == 0o700
    assert os.stat(server.data / "secret").st_mode & 0o777 == 0o600


def test_a_second_signal_cuts_a_stream_legally_and_writes_it_down(
    serve: Callable[..., Server], upstream: int, tmp_path: Path
) -> None:
    server = serve()
    (tmp_path / "catalog.toml").write_text(CATALOGUE.format(port=upstream))
    tokenmill(server.data, "catalog", "apply", str(tmp_path / "catalog.toml"))
    time.sleep(1)
    body = {
        "model": "mimo-v2.5-pro",
        "stream": True,
        "messages": [{"role": "user", "content": "[[n=100 d=500]]"}],
    }
    request = urllib.request.Request(
        f"{server.url}/v1/chat/completions",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {server.key}"},
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        while b"quick brown" not in reply.readline():
            pass
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "stopping" in server.logs)
        server.process.send_signal(signal.SIGTERM)
        rest = reply.read().decode()
    server.process.communicate(timeout=60)

    assert rest.endswith("data: [DONE]\n\n")
    assert '"code":"stopping"' in rest
    assert server.process.returncode == 0
    used = json.loads(tokenmill(server.data, "usage", "--account", "operator@localhost", "--json"))
    assert used["tokens"]["output"] > 0
