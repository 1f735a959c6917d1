"""Holds what letters say, in English and in Simplified Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from tokenmill.conversation.parts import Value

Language = Literal["en", "zh-CN"]
Facts = Mapping[str, str]


class Words(Value, frozen=True):
    """A subject and a text, in which `{name}` stands for a fact."""

    subject: str
    text: str


class Letter(Value, frozen=True):
    """Plain text, ready to be sent."""

    subject: str
    text: str


class Letters(Value, frozen=True):
    """What one kind of event says in each language."""

    en: Words
    zh: Words


_SIGNED: Final = {"en": "\n\nTokenMill\n{console}\n", "zh-CN": "\n\nTokenMill\n{console}\n"}
_UNKNOWN: Final = "–"

LETTERS: Final[Mapping[str, Letters]] = {
    "user.invited": Letters(
        Words(
            "You are invited to TokenMill",
            "You have been invited to TokenMill. Follow this link within seven days to choose a password; "
            "it works once.\n\n{link}\n\nIf you did not expect this, do nothing.",
        ),
        Words(
            "您受邀使用 TokenMill",
            "您已受邀使用 TokenMill。请在七天内打开以下链接设置密码，链接仅可使用一次。\n\n{link}\n\n"
            "如果这与您无关，请忽略本邮件。",
        ),
    ),
    "user.password_reset": Letters(
        Words(
            "Your new TokenMill password",
            "Somebody, most likely you, has asked for a new password. Follow this link within an hour to "
            "choose one; it works once.\n\n{link}\n\nIf it was not you, do nothing: your password stays.",
        ),
        Words(
            "重置您的 TokenMill 密码",
            "有人（很可能是您本人）申请了重置密码。请在一小时内打开以下链接设置新密码，链接仅可使用一次。\n\n"
            "{link}\n\n如果不是您本人操作，请忽略本邮件，原密码保持不变。",
        ),
    ),
    "plan.bought": Letters(
        Words(
            "Your Token Plan {plan} has begun",
            "The Token Plan {plan} was bought for {paid} {currency}. It runs until {ends_at}.\n"
            "Its key is in the console (Token Plan).",
        ),
        Words(
            "Token Plan {plan} 已开通",
            "已购买 Token Plan {plan}，支付 {paid} {currency}，有效期至 {ends_at}。\n"
            "专属 API Key 请在控制台的 Token Plan 页面查看。",
        ),
    ),
    "plan.granted": Letters(
        Words(
            "You have been given the Token Plan {plan}",
            "The operator of this platform has given your account the Token Plan {plan}. "
            "It runs until {ends_at}.\nIts key is in the console (Token Plan).",
        ),
        Words(
            "您已获赠 Token Plan {plan}",
            "平台管理员已为您的账户开通 Token Plan {plan}，有效期至 {ends_at}。\n"
            "专属 API Key 请在控制台的 Token Plan 页面查看。",
        ),
    ),
    "plan.upgraded": Letters(
        Words(
            "Your Token Plan is {plan} now",
            "Your Token Plan was upgraded to {plan} for {paid} {currency}. It runs until {ends_at}; "
            "your key stays the same.",
        ),
        Words(
            "Token Plan 已升级为 {plan}",
            "您的 Token Plan 已升级为 {plan}，支付 {paid} {currency}，有效期至 {ends_at}，API Key 保持不变。",
        ),
    ),
    "plan.renewed": Letters(
        Words(
            "Your Token Plan {plan} was renewed",
            "Your Token Plan {plan} was renewed for {paid} {currency}, paid from the wallet. "
            "It runs until {ends_at}; your key stays the same.",
        ),
        Words(
            "Token Plan {plan} 已自动续费",
            "您的 Token Plan {plan} 已自动续费，从钱包支付 {paid} {currency}，有效期至 {ends_at}，"
            "API Key 保持不变。",
        ),
    ),
    "plan.renewal_failed": Letters(
        Words(
            "Your Token Plan {plan} could not be renewed",
            "Your Token Plan {plan} could not be renewed and has ended: {reason}.\n"
            "You can buy it again in the console (Token Plan).",
        ),
        Words(
            "Token Plan {plan} 续费失败",
            "您的 Token Plan {plan} 未能续费，现已结束。原因：{reason}。\n"
            "您可以在控制台的 Token Plan 页面重新购买。",
        ),
    ),
    "plan.ended": Letters(
        Words(
            "Your Token Plan {plan} has ended",
            "Your Token Plan {plan} has ended; its key works no longer.\n"
            "You can buy a plan in the console (Token Plan), or use a pay-as-you-go key.",
        ),
        Words(
            "Token Plan {plan} 已结束",
            "您的 Token Plan {plan} 已结束，其 API Key 已失效。\n"
            "您可以在控制台的 Token Plan 页面再次购买，或使用按量付费的 API Key。",
        ),
    ),
    "plan.usage": Letters(
        Words(
            "{percent} % of your Token Plan {plan} is used",
            "{percent} % of the credits of your Token Plan {plan} are used: {used} of {credits}. "
            "The period ends at {ends_at}.\nAn upgrade in the console (Token Plan) brings more at once.",
        ),
        Words(
            "Token Plan {plan} 用量已达 {percent}%",
            "您的 Token Plan {plan} 已使用 {percent}% 的 Credits：{used} / {credits}，本周期至 {ends_at}。\n"
            "在控制台的 Token Plan 页面升级后可立即获得更多 Credits。",
        ),
    ),
    "plan.renews_soon": Letters(
        Words(
            "Your Token Plan {plan} renews in five days",
            "Your Token Plan {plan} ends at {ends_at} and renews then, paid from the wallet.\n"
            "Renewal can be turned off in the console (Token Plan).",
        ),
        Words(
            "Token Plan {plan} 将在五天内自动续费",
            "您的 Token Plan {plan} 将于 {ends_at} 到期，届时将从钱包自动续费。\n"
            "如需关闭自动续费，请前往控制台的 Token Plan 页面。",
        ),
    ),
    "plan.ends_soon": Letters(
        Words(
            "Your Token Plan {plan} ends in two days",
            "Your Token Plan {plan} ends at {ends_at} and does not renew. Its key stops working then.\n"
            "Renewal can be turned on in the console (Token Plan).",
        ),
        Words(
            "Token Plan {plan} 将在两天内到期",
            "您的 Token Plan {plan} 将于 {ends_at} 到期，且未开启自动续费，届时其 API Key 将失效。\n"
            "如需开启自动续费，请前往控制台的 Token Plan 页面。",
        ),
    ),
    "plan.ends_today": Letters(
        Words(
            "Your Token Plan {plan} ends today",
            "Your Token Plan {plan} ends today, at {ends_at}, and does not renew. "
            "Its key stops working then.\nRenewal can be turned on in the console (Token Plan).",
        ),
        Words(
            "Token Plan {plan} 今天到期",
            "您的 Token Plan {plan} 将于今天 {ends_at} 到期，且未开启自动续费，届时其 API Key 将失效。\n"
            "如需开启自动续费，请前往控制台的 Token Plan 页面。",
        ),
    ),
    "wallet.low": Letters(
        Words(
            "Your balance is below {threshold} {currency}",
            "The balance of your wallet is {balance} {currency}, below the {threshold} {currency} "
            "that you have set.\nTop it up in the console (Wallet).",
        ),
        Words(
            "余额不足 {threshold} {currency}",
            "您的钱包余额为 {balance} {currency}，已低于您设置的提醒值 {threshold} {currency}。\n"
            "请在控制台的钱包页面充值。",
        ),
    ),
    "model.retires": Letters(
        Words(
            "The model {model} retires on {retires_at}",
            "You have used the model {model} in the last 30 days. It retires at {retires_at}.\n"
            "Its successor: {successor}.",
        ),
        Words(
            "模型 {model} 将于 {retires_at} 下线",
            "您在过去 30 天内使用过模型 {model}，该模型将于 {retires_at} 下线。\n替代模型：{successor}。",
        ),
    ),
}
"""By kind of event; a kind that is not here is not written about."""


class _Known(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return _UNKNOWN


def write_letter(kind: str, language: str | None, facts: Facts) -> Letter | None:
    """The letter about an event; None for a kind that nobody is written to about.

    `facts` are the event's payload, `link` for a ticket, and `console`, the console's address. In both
    languages where it is not known which is read.
    """
    letters = LETTERS.get(kind)
    if letters is None:
        return None
    known = _Known((name, " ".join(fact.split())) for name, fact in facts.items())
    english, chinese = _filled(letters.en, "en", known), _filled(letters.zh, "zh-CN", known)
    match language:
        case "en":
            return english
        case "zh-CN":
            return chinese
        case _:
            subject = f"{english.subject} / {chinese.subject}"
            return Letter(subject, f"{english.text}\n\n{chinese.text}")


def _filled(words: Words, language: Language, known: _Known) -> Letter:
    subject = words.subject.format_map(known)
    return Letter(subject, (words.text + _SIGNED[language]).format_map(known))
