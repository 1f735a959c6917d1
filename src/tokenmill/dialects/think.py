"""The table of thoughts at the start of content: `<think>…</think>`, Mistral's and harmony's kinds."""

from __future__ import annotations

from typing import Final

from tokenmill.dialects.machine import Dialect, Move, Reading

_READS: Final = {
    "start": Reading.EDGE,
    "thought": Reading.REASONING,
    "after": Reading.TAIL,
    "text": Reading.TEXT,
}
_STRAYS: Final = {"start": "text", "after": "text"}

THINK: Final = Dialect(
    start="start",
    reads=_READS,
    moves={
        ("start", "<think>"): Move("thought"),
        ("start", "</think>"): Move("after"),
        ("thought", "</think>"): Move("after"),
        ("after", "</think>"): Move("after"),
    },
    strays=_STRAYS,
)
MISTRAL_THINK: Final = Dialect(
    start="start",
    reads=_READS,
    moves={
        ("start", "[THINK]"): Move("thought"),
        ("start", "[/THINK]"): Move("after"),
        ("start", "<think>"): Move("thought"),
        ("thought", "[/THINK]"): Move("after"),
        ("thought", "</think>"): Move("after"),
    },
    strays=_STRAYS,
)
HARMONY_THINK: Final = Dialect(
    start="start",
    reads=_READS,
    moves={
        ("start", "<|channel|>analysis<|message|>"): Move("thought"),
        ("start", "<|channel|>final<|message|>"): Move("after"),
        ("thought", "<|end|>"): Move("after"),
        ("after", "<|start|>assistant<|channel|>final<|message|>"): Move("after"),
    },
    strays=_STRAYS,
)
