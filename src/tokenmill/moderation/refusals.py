"""Tells a phrase that is meant from one that is only spoken of."""

from __future__ import annotations

import re
from typing import Final

from tokenmill.moderation.categories import Category
from tokenmill.moderation.folding import STOP

REACH: Final = 240
"""Folded characters before a phrase in which the rule may begin: a heading over a list of examples."""
NEAR: Final = 60
"""The same for words that must stand in the phrase's own sentence, and for what comes after it."""

_ENGLISH: Final = (
    r"(?:must|should|shall|will|would|do|does|can|could|may|is|are) ?not",
    r"(?:don|won|can|couldn|shouldn|mustn|wouldn|isn|aren) t",
    r"never|cannot|unable to|no (?:help|instructions|information)",
    r"refus(?:e|es|ed|ing|al|als)|declin(?:e|es|ed|ing)|reject(?:s|ed|ing)?",
    r"prohibit(?:s|ed|ion)?|forbid(?:s|den)?|disallow(?:s|ed)?|not allowed|not permitted",
    r"against (?:the |our )?(?:rules|polic(?:y|ies)|law)|violat(?:e|es|ing|ion|ions)",
    r"ban(?:s|ned)|block(?:s|ed|ing|list)?|deny ?list|filter(?:s|ed|ing)?|moderation",
    r"unsafe|harmful (?:requests?|content)|red team(?:ing)?|expect(?:ed)? refusal",
    r"if (?:the user|a user|users|anyone|someone|they) asks?|when asked",
)
_CHINESE: Final = (
    "不得|不要|不能|不会|不可|不应|不许|不准|不提供|不予|禁止|严禁|拒绝|拒答|无法|切勿|请勿",
    "违规|违禁|违反|屏蔽|拦截|过滤|敏感词|审核|如果用户|若用户|当用户",
)
_RULE: Final = re.compile(rf"(?<![^ \n])(?:{'|'.join(_ENGLISH)})(?![^ \n])|{'|'.join(_CHINESE)}")
_UNRULED: Final = re.compile(
    r"(?<![^ \n])(?:do ?not|don t|never|without|must ?not|should ?not|stop|no) "
    r"(?:refus\w*|declin\w*|reject\w*|block\w*|filter\w*)"
    r"|ignore (?:all |any |the |your |previous )*(?:rules?|polic\w+|instructions|moderation|filters?)"
    r"|不要拒绝|不得拒绝|不能拒绝|不会拒绝|别拒绝|无视|绕过"
)
"""What sounds like a rule and is the opposite."""


_REPORTS: Final = re.compile(
    r"(?<![^ \n])(?:prevent\w*|avoid\w*|detect\w*|recogni[sz]e\w*|report(?:ed|ing)?|protect\w*|defend\w*|"
    r"against|police|arrest\w*|convict\w*|accused|sentenced|guilty|prosecut\w*|victims?|awareness)(?![^ \n])"
    r"|预防|防止|避免|干预|识别|阻止|防范|劝阻|举报|警方|抓获|破获|判处|被捕|嫌疑人|涉嫌|被告|受害"
)
"""Words of those who are on the other side, or tell what has happened."""
_GAMES: Final = re.compile(
    r"(?<![^ \n])(?:game\w*|godot|unity|minecraft|sprites?|quest)(?![^ \n])|游戏|炸弹人|道具"
)
_AFTERWARDS: Final = re.compile(
    r"(?<![^ \n])(?:refus(?:e|ed|al)|declin(?:e|ed)|flagged|rejected|blocked|prohibited|disallowed|"
    r"not allowed)(?![^ \n])|拒绝|拦截|屏蔽|违规|禁止"
)
_SERIOUS: Final = frozenset({Category.MINORS, Category.HATE})
"""What a game is no excuse for."""


def passes(category: Category, before: str, matched: str, after: str = "") -> bool:
    """Is a phrase only spoken of: to forbid it, to prevent it, as news or in a game? All texts are folded.

    It looks at the words around it alone, and so can be deceived; whoever fears that turns `refusals_pass`
    off, or adds a classifier.
    """
    near = before[-REACH:]
    after = after[:NEAR]
    if _UNRULED.search(near) or _UNRULED.search(after):
        return False
    if _RULE.search(near) or _AFTERWARDS.search(after):
        return True
    sentence = before[-NEAR:].rpartition(STOP)[2] + matched + after.partition(STOP)[0]
    return bool(_REPORTS.search(sentence)) or (category not in _SERIOUS and bool(_GAMES.search(sentence)))
