"""Names the kinds of text that are judged, and what other moderations call them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Category(StrEnum):
    """What a phrase or a classifier's verdict is about."""

    SEXUAL = "sexual"
    MINORS = "sexual_minors"
    HATE = "hate"
    HARASSMENT = "harassment"
    VIOLENCE = "violence"
    SELF_HARM = "self_harm"
    WEAPONS = "weapons"
    DRUGS = "drugs"
    CRIME = "crime"
    POLITICS = "politics"
    PRIVACY = "privacy"
    COPYRIGHT = "copyright"
    JAILBREAK = "jailbreak"
    CUSTOM = "custom"


OPENAI_NAMES: Final = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
"""The categories that OpenAI's moderation replies with, each time all of them."""

TO_OPENAI: Final[Mapping[Category, tuple[str, ...]]] = {
    Category.SEXUAL: ("sexual",),
    Category.MINORS: ("sexual", "sexual/minors"),
    Category.HATE: ("hate",),
    Category.HARASSMENT: ("harassment",),
    Category.VIOLENCE: ("violence",),
    Category.SELF_HARM: ("self-harm",),
    Category.WEAPONS: ("illicit", "illicit/violent"),
    Category.DRUGS: ("illicit",),
    Category.CRIME: ("illicit",),
    Category.POLITICS: (),
    Category.PRIVACY: (),
    Category.COPYRIGHT: (),
    Category.JAILBREAK: (),
    Category.CUSTOM: (),
}
"""Where each of ours stands there; those without a place only make the reply `flagged`."""

FROM_OPENAI: Final[Mapping[str, Category]] = {
    "harassment": Category.HARASSMENT,
    "harassment/threatening": Category.HARASSMENT,
    "hate": Category.HATE,
    "hate/threatening": Category.HATE,
    "illicit": Category.CRIME,
    "illicit/violent": Category.WEAPONS,
    "self-harm": Category.SELF_HARM,
    "self-harm/intent": Category.SELF_HARM,
    "self-harm/instructions": Category.SELF_HARM,
    "sexual": Category.SEXUAL,
    "sexual/minors": Category.MINORS,
    "violence": Category.VIOLENCE,
    "violence/graphic": Category.VIOLENCE,
}

if set(TO_OPENAI) != set(Category):
    raise ValueError(f"no place among OpenAI's categories for {set(Category) - set(TO_OPENAI)}")
if set(FROM_OPENAI) != set(OPENAI_NAMES):
    raise ValueError(f"nothing of ours for {set(OPENAI_NAMES) ^ set(FROM_OPENAI)}")
