"""Tells a phrase that is asked for from one that stands in a rule against it."""

from __future__ import annotations

import re
from typing import Final

REACH: Final = 240
"""Folded characters before a phrase in which the rule may begin: a heading over a list of examples."""

_ENGLISH: Final = (
    r"(?:must|should|shall|will|would|do|does|can|could|may|is|are) ?not",
    r"(?:don|won|can|couldn|shouldn|mustn|wouldn|isn|aren) t",
    r"never|cannot|unable to|no (?:help|instructions|information)",
    r"refus(?:e|es|ed|ing|al|als)|declin(?:e|es|ed|ing)|reject(?:s|ed|ing)?",
    r"prohibit(?:s|ed|ion)?|forbid(?:s|den)?|disallow(?:s|ed)?|not allowed|not permitted",
    r"against (?:the |our )?(?:rules|polic(?:y|ies)|law)|violat(?:e|es|ing|ion|ions)",
    r"ban(?:s|ned)|block(?:s|ed|ing|list)?|deny ?list|filter(?:s|ed|ing)?|moderation",
    r"unsafe|harmful (?:requests?|content)|red team(?:ing)?|expect(?:ed)? refusal",
)
_CHINESE: Final = (
    "不得|不要|不能|不会|不可|不应|不许|不准|不提供|不予|禁止|严禁|拒绝|拒答|无法|切勿|请勿",
    "违规|违禁|违反|屏蔽|拦截|过滤|敏感词|审核",
)
_RULE: Final = re.compile(rf"(?<![^ \n])(?:{'|'.join(_ENGLISH)})(?![^ \n])|{'|'.join(_CHINESE)}")
_UNRULED: Final = re.compile(
    r"(?<![^ \n])(?:do ?not|don t|never|without|must ?not|should ?not|stop|no) "
    r"(?:refus\w*|declin\w*|reject\w*|block\w*|filter\w*)"
    r"|ignore (?:all |any |the |your |previous )*(?:rules?|polic\w+|instructions|moderation|filters?)"
    r"|不要拒绝|不得拒绝|不能拒绝|不会拒绝|别拒绝|无视|绕过"
)
"""What sounds like a rule and is the opposite."""


def is_ruled_out(before: str) -> bool:
    """Is what follows `before`, which is folded text, spoken of to forbid it?"""
    near = before[-REACH:]
    return _RULE.search(near) is not None and _UNRULED.search(near) is None
