"""Runs several nodes of the platform as processes, on one database, in front of a scripted upstream."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from tests.processes import Server, free_port, listens, tokenmill, wait_for
from tokenmill.kit.secrets import new_secret

EMAIL = "flood@example.com"
INPUT, OUTPUT = 150, 8
"""Tokens that the upstream reports for a prompt, and for each request that does not ask for more words."""
TOKENS_A_WORD = 3
"""As the platform counts `quick brown `, before the upstream reports."""
PRICE = {"input": 1_000, "output": 10_000}
"""Nano-dollars a token."""

CATALOGUE = """
[[targets]]
id = "scripted"
engine = "openai"
base_url = "http://127.0.0.1:{port}/v1"
thinking_switch = "none"
[[models]]
id = "mimo-v2.5-pro"
targets = [{{ target = "scripted", model = "upstream-name" }}]
price.USD = {{ input = 1, output = 10 }}
limits = {{ rpm = 1000000, tpm = 1000000000000 }}
"""


class Answer(NamedTuple):
    """What a caller got: 0 for a connection that broke, and the words that arrived."""

    status: int
    words: int
    whole: bool


class Cluster:
    """Nodes that share a database; each has a data directory of its own."""

    def __init__(self, folder: Path, database_url: str | None, catalogue: Path) -> None:
        self._folder = folder
        self._config = folder / "tokenmill.toml"
        secret = folder / "secret"
        secret.write_text(new_secret())
        lines = [f"[security]\nsecret = 'file:{secret}'\n"]
        if database_url is not None:
            lines.append(f"[database]\nurl = '{database_url}'\n")
        self._config.write_text("".join(lines))
        self.nodes: dict[int, Server] = {}
        self.command("init")
        self.command("catalog", "apply", str(catalogue))
        self.command("accounts", "create", EMAIL)
        self.key: str = self.command("keys", "create", "--account", EMAIL, "--name", "flood")["key"]

    def command(self, *words: str) -> Any:
        """What a command says, in JSON."""
        said = tokenmill(self._data(0), *words, "--config", str(self._config), "--json")
        return json.loads(said)

    def grant(self, amount: str) -> None:
        self.command("wallet", "grant", "--account", EMAIL, "--amount", amount, "--currency", "USD")

    def usage(self) -> Any:
        return self.command("usage", "--account", EMAIL)

    def start(self, number: int) -> Server:
        """Starts a node, again if it was killed."""
        server = Server(self._data(number), "--no-embedded", "--config", str(self._config))
        self.nodes[number] = server
        return server

    def kill(self, number: int) -> None:
        """As `kill -9` does."""
        node = self.nodes.pop(number)
        node.process.kill()
        node.process.communicate()

    def close(self) -> None:
        for node in self.nodes.values():
            node.process.kill()
            node.process.communicate()

    def _data(self, number: int) -> Path:
        directory = self._folder / f"node{number}" / "data"
        directory.mkdir(parents=True, exist_ok=True)
        return directory


@contextmanager
def cluster(folder: Path, database_url: str | None) -> Iterator[Cluster]:
    """A cluster without nodes yet; `database_url` None is for one node, on SQLite in its own directory."""
    port = free_port()
    catalogue = folder / "catalogue.toml"
    catalogue.write_text(CATALOGUE.format(port=port))
    with ExitStack() as held:
        upstream = held.enter_context(
            subprocess.Popen([sys.executable, "-m", "tests.bench.upstream", str(port)])
        )
        held.callback(upstream.kill)
        wait_for(lambda: listens(port))
        running = Cluster(folder, database_url, catalogue)
        held.callback(running.close)
        yield running


async def ask(
    http: aiohttp.ClientSession,
    url: str,
    key: str,
    *,
    stream: bool,
    words: int = OUTPUT,
    pause: int = 0,
    begun: Callable[[], None] = lambda: None,
) -> Answer:
    """One request, which the upstream answers with so many words, `pause` milliseconds between two.

    `begun` is called when the first of it has come.
    """
    body = {
        "model": "mimo-v2.5-pro",
        "messages": [{"role": "user", "content": f"[[n={words} d={pause}]]"}],
        "max_tokens": max(TOKENS_A_WORD * words, 16),
        "stream": stream,
    }
    headers = {"authorization": f"Bearer {key}"}
    heard = b""
    try:
        async with http.post(f"{url}/v1/chat/completions", json=body, headers=headers) as answer:
            async for chunk in answer.content.iter_any():
                if not heard:
                    begun()
                heard += chunk
            status = answer.status
    except (TimeoutError, aiohttp.ClientError, ConnectionError):
        return Answer(0, heard.count(b"quick brown"), whole=False)
    whole = status == 200 and (not stream or (b"[DONE]" in heard and b'"error"' not in heard))
    return Answer(status, heard.count(b"quick brown"), whole)
