"""Guesses a model's family from its id."""

from __future__ import annotations

import re
from typing import Final, Literal

Family = Literal["mimo", "hermes", "qwen", "deepseek", "glm", "kimi", "llama", "mistral", "harmony", "none"]

# The first that fits wins: a fine-tune such as `hermes-3-llama-3.1-8b` writes its calls as its tuner
# taught it, and `deepseek-r1-distill-qwen-7b` as DeepSeek did, so tuners stand above base models.
_FAMILIES: Final[tuple[tuple[Family, str], ...]] = (
    ("mimo", r"mimo"),
    ("hermes", r"hermes"),
    ("deepseek", r"deepseek"),
    ("harmony", r"gpt-oss"),
    ("kimi", r"kimi|moonshot"),
    ("glm", r"glm|chatglm"),
    ("qwen", r"qwen|qwq"),
    ("mistral", r"mistral|mixtral|ministral|codestral|devstral|magistral"),
    ("llama", r"llama"),
)
_PATTERNS = tuple((family, re.compile(rf"(?<![a-z])(?:{names})")) for family, names in _FAMILIES)


def guess_family(model_id: str) -> Family:
    """`mimo-v2.5-pro` → `mimo`; `none` when the id names no family that is known."""
    name = model_id.lower()
    return next((family for family, pattern in _PATTERNS if pattern.search(name)), "none")
