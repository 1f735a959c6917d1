"""Prints the speed tables: `make bench`, `PEERS=nginx make bench`, `BENCH=codecs make bench` (see `ONLY`)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.bench import codecs, hot, load, moderation

TICKS = os.sysconf("SC_CLK_TCK")
REPEATS = 3
ONLY = ("codecs", "hot", "moderation")
"""What `BENCH` can name, to measure that alone."""

NGINX = """daemon off; worker_processes 1; pid {dir}/pid; error_log {dir}/err warn;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p;
  fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  upstream up {{ server 127.0.0.1:{up}; keepalive 1024; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://up; proxy_http_version 1.1;
    proxy_set_header Connection ""; proxy_buffering off; }} }} }}
"""

CATALOGUE = """
[[targets]]
id = "bench"
engine = "openai"
base_url = "http://127.0.0.1:{up}/v1"
thinking_switch = "none"
[[models]]
id = "bench"
limits = {{ rpm = 1_000_000_000, tpm = 1_000_000_000_000 }}
targets = [{{ target = "bench", model = "upstream-name" }}]
"""


class Peer(NamedTuple):
    """A running gateway; `pid` None is the upstream itself."""

    name: str
    port: int
    pid: int | None
    key: str = "none"


def main() -> int:
    only = os.environ.get("BENCH", "")
    if only not in ("", *ONLY):
        print(f"make bench measures all, or only BENCH={' or '.join(ONLY)}; not {only}.", file=sys.stderr)
        return 2
    wrong = 0 if only else _gateways()
    if only in ("", "hot"):
        with hot.databases() as urls:
            print(hot.table(urls, rates=(500, 2000), slices=3))
    if only in ("", "codecs"):
        print(codecs.table())
    if only in ("", "moderation"):
        print(moderation.table())
    return wrong


def _gateways() -> int:
    names = [name for name in os.environ.get("PEERS", "").split(",") if name]
    if unknown := set(names) - {"nginx"}:
        print(
            f"make bench can compare with nginx; not with {', '.join(sorted(unknown))} yet.", file=sys.stderr
        )
        return 2
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        up = _free_port()
        running.enter_context(_process([sys.executable, "-m", "tests.bench.upstream", str(up)]))
        _wait(up)
        peers = [Peer("direct", up, None)]
        if "nginx" in names:
            peers.append(running.enter_context(_nginx(Path(folder), up)))
        peers.append(running.enter_context(_tokenmill(Path(folder), up)))
        return _compare(peers)


def _compare(peers: list[Peer]) -> int:
    rows: dict[str, list[list[float]]] = {peer.name: [] for peer in peers}
    wrong = 0
    for _ in range(REPEATS):
        for peer in peers:
            figures, bad = _measure(peer)
            rows[peer.name].append(figures)
            wrong += bad
    print("| peer | requests/s | us CPU/request | ms at 1 client | us CPU/paced chunk | PSS MiB |")
    print("|---|---|---|---|---|---|")
    for name, runs in rows.items():
        medians = [sorted(column)[len(column) // 2] for column in zip(*runs, strict=True)]
        print(f"| {name} | " + " | ".join(f"{value:,.2f}" for value in medians) + " |")
    print(
        f"median of {REPEATS}, billed; plain: 32 clients, 8 chunks upstream; paced: 32 streams, one per 15 ms"
    )
    if wrong:
        print(f"WRONG: {wrong} replies were not as they should be", file=sys.stderr)
    return 1 if wrong else 0


def _measure(peer: Peer) -> tuple[list[float], int]:
    def ask(*, stream: bool, n: int, delay: int, clients: int, requests: int) -> tuple[load.Measured, float]:
        request = load.request_bytes(peer.port, peer.key, "bench", stream=stream, n=n, delay=delay)
        chunks = n if stream else 0
        before = _cpu(peer.pid)
        seen = asyncio.run(load.run(peer.port, request, clients=clients, requests=requests, chunks=chunks))
        return seen, _cpu(peer.pid) - before

    # The upstream speaks only in streams, so what reaches us without a gateway is one too.
    whole = peer.pid is not None and peer.name != "nginx"
    plain, plain_cpu = ask(stream=not whole, n=8, delay=0, clients=32, requests=4000)
    single, _ = ask(stream=not whole, n=8, delay=0, clients=1, requests=300)
    paced, paced_cpu = ask(stream=True, n=100, delay=15, clients=32, requests=64)
    figures = [
        plain.good / plain.seconds,
        plain_cpu * 1e6 / max(1, plain.good),
        single.median_ms,
        paced_cpu * 1e6 / max(1, paced.chunks),
        _memory(peer.pid),
    ]
    return figures, plain.bad + single.bad + paced.bad


@contextlib.contextmanager
def _tokenmill(folder: Path, up: int) -> Iterator[Peer]:
    command = [sys.executable, "-m", "tokenmill"]
    data = ["--data", str(folder / "data")]
    made = json.loads(subprocess.check_output([*command, "init", "--json", *data]))
    (folder / "catalog.toml").write_text(CATALOGUE.format(up=up))
    subprocess.check_call(
        [*command, "catalog", "apply", str(folder / "catalog.toml"), *data], stdout=subprocess.DEVNULL
    )
    # The operator's account is billed once there is money in it.
    gift = ["--account", made["operator"]["email"], "--amount", "1000000"]
    subprocess.check_call([*command, "wallet", "grant", *gift, *data], stdout=subprocess.DEVNULL)
    port = _free_port()
    serve = [*command, "serve", "--no-embedded", "--port", str(port), *data]
    with _process(serve) as process:
        _wait(port)
        yield Peer("tokenmill", port, process.pid, made["key"])


@contextlib.contextmanager
def _nginx(folder: Path, up: int) -> Iterator[Peer]:
    program = shutil.which("nginx")
    if program is None:
        raise SystemExit("PEERS=nginx: there is no nginx on PATH (apt install nginx-light).")
    port = _free_port()
    (folder / "nginx.conf").write_text(NGINX.format(dir=folder, up=up, port=port))
    with _process([program, "-p", str(folder), "-c", str(folder / "nginx.conf")]) as process:
        _wait(port)
        yield Peer("nginx", port, process.pid)


@contextlib.contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int) -> None:
    for _ in range(400):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


def _tree(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = [pid]
    if children.exists():
        for child in children.read_text().split():
            found += _tree(int(child))
    return found


def _cpu(pid: int | None) -> float:
    """Seconds of user and system time of the whole process tree."""
    total = 0
    for each in _tree(pid) if pid else []:
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(value) for value in fields[11:15])
    return total / TICKS


def _memory(pid: int | None) -> float:
    """Proportional set size of the tree, in MiB."""
    kib = 0
    for each in _tree(pid) if pid else []:
        for line in Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kib += int(line.split()[1])
    return kib / 1024


if __name__ == "__main__":
    sys.exit(main())
