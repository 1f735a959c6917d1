from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from openai import OpenAI, OpenAIError

from tests.processes import Server, wait_for
from tests.servers import PostgresServer
from tokenmill.engines.embedded.models import SMALL_MODEL, ModelFile
from tokenmill.kit.secrets import new_secret


def children(server: Server) -> dict[int, str]:
    """The command lines of the processes that it has started."""
    parent = server.process.pid
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return {int(pid): Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in found}


def models_of(server: Server) -> list[int]:
    return [pid for pid, command in children(server).items() if "embedded.child" in command]


def says_something(server: Server) -> bool:
    """Over a connection of its own, so that either worker may be asked."""
    with OpenAI(base_url=f"{server.url}/v1", api_key=server.key, max_retries=0, timeout=60) as client:
        try:
            reply = client.chat.completions.create(
                model="mimo-v2.5-pro", messages=[{"role": "user", "content": "Say hi"}], max_tokens=4
            )
        except OpenAIError:
            return False
    return reply.usage is not None and reply.usage.completion_tokens > 0


def test_all_workers_ask_the_one_model_of_their_parent_and_learn_of_its_next_address(
    small_model: ModelFile, postgres: PostgresServer, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(new_secret())
    with postgres.database() as name:
        environ = {
            "TOKENMILL__DATABASE__URL": postgres.url(name),
            "TOKENMILL__SECURITY__SECRET": f"file:{tmp_path}/secret",
            "TOKENMILL__EMBEDDED__MODEL": SMALL_MODEL,
        }
        server = Server(tmp_path / "data", "--workers", "2", environ=environ)
        try:
            wait_for(lambda: says_something(server))
            time.sleep(1)  # The other worker is told at the same time, but need not be as quick.
            assert all(says_something(server) for _ in range(6))
            (model,) = models_of(server)
            os.kill(model, signal.SIGKILL)
            wait_for(lambda: models_of(server) not in ([], [model]))
            wait_for(lambda: says_something(server))
            time.sleep(1)
            assert all(says_something(server) for _ in range(6))
            assert server.stop() == 0
        finally:
            server.process.kill()
            server.process.communicate()
