"""Runs llama.cpp's server in a process of its own, for as long as its parent lives."""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import sys
from pathlib import Path

import msgspec

_PR_SET_PDEATHSIG = 1
_OOM_SCORE = 500  # If memory runs out, the kernel takes the model before the platform.
_LOG_WARNINGS = 2  # llama.cpp's own scale: 1 errors, 2 warnings, 3 information.
_CPU_FEATURES = frozenset({"avx2", "fma", "f16c"})  # What the prebuilt library was compiled for.
_CPUINFO = Path("/proc/cpuinfo")


class ChildSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All the child has to know.

    `context` is in tokens for all slots together, the two memory bounds are in bytes and in MiB.
    """

    parent: int
    model: str
    alias: str
    api_key: str
    context: int
    slots: int
    threads: int
    memory: int
    prompt_cache_mib: int
    chat_template: str | None


class Listening(msgspec.Struct, frozen=True, tag="listening"):
    """The model is loaded and the server answers at this address."""

    address: str


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """This machine cannot run the engine; another start would not help."""

    reason: str


Report = Listening | Refused


def missing_cpu_features(cpuinfo: str) -> list[str]:
    """What the library needs and this processor lacks, from the text of /proc/cpuinfo."""
    for line in cpuinfo.splitlines():
        name, _, flags = line.partition(":")
        if name.strip() == "flags":
            return sorted(_CPU_FEATURES.difference(flags.split()))
    return []


def main() -> None:
    """Loads the model and serves until a signal comes.

    One line of JSON comes in on standard input (`ChildSettings`), one goes out on standard output
    (`Report`); llama.cpp writes its log to standard error.
    """
    settings = msgspec.json.decode(sys.stdin.buffer.readline(), type=ChildSettings)
    _die_with(settings.parent)
    _bound_memory(settings.memory)
    # A library compiled for another processor dies of SIGILL without a word, so we look first.
    if platform.machine() == "x86_64" and (missing := missing_cpu_features(_CPUINFO.read_text())):
        _tell(
            Refused(
                f"the embedded engine needs a processor with {', '.join(missing).upper()}, which this one "
                "(or its virtual machine) does not offer; start with --no-embedded"
            )
        )
        return
    server = _serve(settings)
    _tell(Listening(server.listening_address))
    while True:
        signal.pause()


def _die_with(parent: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # It died before we asked to be told.
        sys.exit(1)


def _bound_memory(most: int) -> None:
    # RLIMIT_AS would count the mapped model file; RLIMIT_DATA counts only what is allocated.
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE))


def _serve(settings: ChildSettings) -> _Server:
    import xllamacpp  # Takes 100 MB and half a second, neither of which the parent shall pay.

    params = xllamacpp.CommonParams()
    params.model.path = settings.model
    params.model_alias = {settings.alias}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [settings.api_key]
    params.n_ctx = settings.context
    params.n_parallel = settings.slots
    params.kv_unified = False
    params.cpuparams.n_threads = settings.threads
    params.cpuparams_batch.n_threads = settings.threads
    params.cache_ram_mib = settings.prompt_cache_mib
    params.use_jinja = True
    if settings.chat_template is not None:
        params.chat_template = settings.chat_template
    # What callers leave open. A small, coarsely quantised model goes astray in the tail of its choices.
    params.sampling.top_k = 20
    params.sampling.top_p = 0.8
    params.sampling.min_p = 0.4
    params.ui = False
    params.verbosity = _LOG_WARNINGS
    server: _Server = xllamacpp.Server(params)
    return server


class _Server:
    """What we use of `xllamacpp.Server`, which has no type stubs."""

    listening_address: str


def _tell(report: Report) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
