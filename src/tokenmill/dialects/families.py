"""Says which tables each family of models writes by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tokenmill.dialects.deepseek import DEEPSEEK_TOKENS, DSML
from tokenmill.dialects.glm import GLM
from tokenmill.dialects.harmony import HARMONY
from tokenmill.dialects.hermes import HERMES
from tokenmill.dialects.kimi import KIMI
from tokenmill.dialects.llama import LLAMA
from tokenmill.dialects.machine import Dialect, joined
from tokenmill.dialects.mistral import MISTRAL
from tokenmill.dialects.qwen_xml import MIMO_XML, QWEN_XML
from tokenmill.dialects.think import HARMONY_THINK, MISTRAL_THINK, THINK

CALLS: Final[Mapping[str, Dialect]] = {
    "mimo": MIMO_XML,
    "hermes": HERMES,
    "qwen": joined(QWEN_XML, HERMES),
    "deepseek": joined(DEEPSEEK_TOKENS, DSML),
    "glm": GLM,
    "kimi": KIMI,
    "llama": LLAMA,
    "mistral": MISTRAL,
    "harmony": HARMONY,
}
"""How a family writes tool calls; a family that is not here is left alone."""

THOUGHTS: Final[Mapping[str, Dialect]] = {
    **dict.fromkeys(CALLS, THINK),
    "mistral": MISTRAL_THINK,
    "harmony": HARMONY_THINK,
}
"""How a family writes thoughts that a server did not take out of the content."""
