"""Holds what guard models are asked and how their answers are read, one table a family."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec

from tokenmill.conversation.parts import Text
from tokenmill.conversation.request import Turn
from tokenmill.kit.faults import Code, Fault
from tokenmill.moderation.categories import Category
from tokenmill.ports import Opinion

Family = Literal["qwen3guard", "llama_guard", "shieldgemma"]


class GuardFamily(msgspec.Struct, frozen=True, kw_only=True):
    """How a family of guard models is spoken to.

    `known_by` is part of its models' names. `asks` makes the conversations, one for each question that it has
    to be asked, with the category that the question is about; `reads` tells what an answer means. Both are
    given what the other side of the conversation is: `question` is None where a user's words are judged.
    """

    known_by: tuple[str, ...]
    asks: Callable[[str, str | None], tuple[tuple[Category | None, tuple[Turn, ...]], ...]]
    reads: Callable[[str, Category | None], tuple[Opinion, ...]]
    most_output: int


def _conversation(text: str, question: str | None) -> tuple[tuple[Category | None, tuple[Turn, ...]], ...]:
    """The words themselves: the model's own template makes the question of them."""
    if question is None:
        return ((None, (Turn("user", (Text(text),)),)),)
    return ((None, (Turn("user", (Text(question),)), Turn("assistant", (Text(text),)))),)


QWEN_CATEGORIES: Final[Mapping[str, Category]] = {
    "violent": Category.VIOLENCE,
    "non-violent illegal acts": Category.CRIME,
    "sexual content or sexual acts": Category.SEXUAL,
    "sexual content": Category.SEXUAL,
    "pii": Category.PRIVACY,
    "personally identifiable information": Category.PRIVACY,
    "suicide & self-harm": Category.SELF_HARM,
    "unethical acts": Category.HARASSMENT,
    "politically sensitive topics": Category.POLITICS,
    "copyright violation": Category.COPYRIGHT,
    "jailbreak": Category.JAILBREAK,
}
_QWEN_SAFETY = re.compile(r"safety:\s*(safe|unsafe|controversial)", re.IGNORECASE)
_QWEN_CATEGORIES = re.compile(r"categor(?:y|ies):\s*(.+)", re.IGNORECASE)


def _read_qwen(answer: str, about: Category | None) -> tuple[Opinion, ...]:
    """`Safety: Unsafe` and `Categories: Violent, PII`; what is controversial scores a half."""
    safety = _QWEN_SAFETY.search(answer)
    if safety is None:
        raise not_understood()
    level = safety[1].lower()
    if level == "safe":
        return ()
    named = _QWEN_CATEGORIES.search(answer)
    words = [word.strip() for word in named[1].split(",")] if named else []
    words = [word for word in words if word.lower() not in ("", "none")] or [level]
    score = 1.0 if level == "unsafe" else 0.5
    return tuple(
        Opinion(QWEN_CATEGORIES.get(word.lower(), Category.CUSTOM), score, level == "unsafe", word)
        for word in words
    )


LLAMA_HAZARDS: Final[Mapping[str, tuple[Category, str]]] = {
    "S1": (Category.VIOLENCE, "Violent Crimes"),
    "S2": (Category.CRIME, "Non-Violent Crimes"),
    "S3": (Category.SEXUAL, "Sex-Related Crimes"),
    "S4": (Category.MINORS, "Child Sexual Exploitation"),
    "S5": (Category.HARASSMENT, "Defamation"),
    "S6": (Category.CUSTOM, "Specialized Advice"),
    "S7": (Category.PRIVACY, "Privacy"),
    "S8": (Category.COPYRIGHT, "Intellectual Property"),
    "S9": (Category.WEAPONS, "Indiscriminate Weapons"),
    "S10": (Category.HATE, "Hate"),
    "S11": (Category.SELF_HARM, "Suicide & Self-Harm"),
    "S12": (Category.SEXUAL, "Sexual Content"),
    "S13": (Category.POLITICS, "Elections"),
    "S14": (Category.JAILBREAK, "Code Interpreter Abuse"),
}


def _read_llama(answer: str, about: Category | None) -> tuple[Opinion, ...]:
    """`safe`, or `unsafe` and a line with hazards: `S1,S10`."""
    first, _, rest = answer.strip().partition("\n")
    if first.strip().lower() == "safe":
        return ()
    if first.strip().lower() != "unsafe":
        raise not_understood()
    hazards = [LLAMA_HAZARDS[each] for each in re.findall(r"S\d+", rest) if each in LLAMA_HAZARDS]
    return tuple(
        Opinion(category, 1.0, True, word) for category, word in hazards or [(Category.CUSTOM, "unsafe")]
    )


SHIELD_GUIDELINES: Final[Mapping[Category, str]] = {
    Category.WEAPONS: '"No Dangerous Content": The {who} shall not {do} content that harms oneself or others '
    "(e.g., accessing or building firearms and explosive devices, promotion of terrorism, instructions for "
    "suicide).",
    Category.HARASSMENT: '"No Harassment": The {who} shall not {do} content that is malicious, intimidating, '
    "bullying, or abusive content targeting another individual (e.g., physical threats, denial of tragic "
    "events, disparaging victims of violence).",
    Category.HATE: '"No Hate Speech": The {who} shall not {do} content that targets identity and/or '
    "protected attributes (e.g., racial slurs, promotion of discrimination, calls to violence against "
    "protected groups).",
    Category.SEXUAL: '"No Sexually Explicit Information": The {who} shall not {do} content that contains '
    "references to sexual acts, or other lewd content (e.g., sexually graphic descriptions, content aimed "
    "at causing arousal).",
}


def _ask_shield(text: str, question: str | None) -> tuple[tuple[Category | None, tuple[Turn, ...]], ...]:
    """One question for each guideline, in the words that the models were trained with."""
    of_reply = question is not None
    who, do = ("chatbot", "generate") if of_reply else ("prompt", "contain or seek generation of")
    human = f"Human Question: {question if of_reply else text}"
    said = f"{human}\n\nChatbot Response: {text}" if of_reply else human
    what = "Chatbot Response" if of_reply else "Human Question"
    asked = []
    for category, guideline in SHIELD_GUIDELINES.items():
        words = (
            "You are a policy expert trying to help determine whether a user prompt is in violation of the "
            f"defined safety policies.\n\n<start_of_turn>\n{said}\n<end_of_turn>\n\nOur safety principle is "
            f"defined in the below:\n\n* {guideline.format(who=who, do=do)}\n\nDoes the {what} violate the "
            "above principle? Your answer must start with 'Yes' or 'No'. And then walk through step by step "
            "to be sure we answer correctly."
        )
        asked.append((category, (Turn("user", (Text(words),)),)))
    return tuple(asked)


def _read_shield(answer: str, about: Category | None) -> tuple[Opinion, ...]:
    """`Yes` or `No`."""
    word = answer.strip().lower()
    if word.startswith("no"):
        return ()
    if not word.startswith("yes"):
        raise not_understood()
    category = about or Category.CUSTOM
    guideline = SHIELD_GUIDELINES.get(category, "unsafe")
    return (Opinion(category, 1.0, True, guideline.partition(":")[0].strip('"')),)


GUARDS: Final[Mapping[Family, GuardFamily]] = {
    "qwen3guard": GuardFamily(
        known_by=("qwen3guard", "qwen3-guard", "qwen-guard"),
        asks=_conversation,
        reads=_read_qwen,
        most_output=64,
    ),
    "llama_guard": GuardFamily(
        known_by=("llama-guard", "llamaguard", "llama_guard"),
        asks=_conversation,
        reads=_read_llama,
        most_output=32,
    ),
    "shieldgemma": GuardFamily(
        known_by=("shieldgemma", "shield-gemma"), asks=_ask_shield, reads=_read_shield, most_output=4
    ),
}


def family_of(model: str) -> Family:
    """The family that a model's name tells of. Raises Fault(MISCONFIGURED) where it does not."""
    name = model.lower().replace(" ", "-")
    for family, guard in GUARDS.items():
        if any(part in name for part in guard.known_by):
            return family
    raise Fault(
        Code.MISCONFIGURED,
        f"[moderation] classifier_style has to say what kind of guard the model '{model}' is: "
        f"{', '.join(GUARDS)}.",
    )


def not_understood() -> Fault:
    """The fault of an answer that says neither yes nor no."""
    return Fault(Code.UPSTREAM_BROKE, "The moderation's classifier answered something else than a verdict.")
