"""Names the faults of people who sign in, by what their browser has to do about them."""

from __future__ import annotations

from typing import Final, Literal

from tokenmill.kit.faults import Code, Fault

Reason = Literal[
    "signed_out",
    "wrong_password",
    "passwords_off",
    "confirm_first",
    "wrong_origin",
    "wrong_csrf_token",
    "unusable_ticket",
]

_CODES: Final[dict[Reason, Code]] = {
    "signed_out": Code.NO_KEY,
    "wrong_password": Code.BAD_KEY,
    "passwords_off": Code.FORBIDDEN,
    "confirm_first": Code.FORBIDDEN,
    "wrong_origin": Code.FORBIDDEN,
    "wrong_csrf_token": Code.FORBIDDEN,
    "unusable_ticket": Code.NOT_FOUND,
}


class Refusal(Fault):
    """A fault with a reason that tells the console which dialog to open."""

    def __init__(self, reason: Reason, message: str, *, field: str | None = None) -> None:
        super().__init__(_CODES[reason], message, field=field)
        self.reason = reason


def signed_out() -> Refusal:
    """Nobody is signed in, or no longer."""
    return Refusal("signed_out", "You are not signed in, or your session has ended. Sign in to go on.")


def wrong_password() -> Refusal:
    """The same words whether the address is known or not."""
    return Refusal("wrong_password", "The e-mail address or the password is wrong.")


def passwords_off() -> Refusal:
    """The settings say that only the provider lets people in."""
    return Refusal("passwords_off", "Passwords are not used here. Sign in with the button instead.")


def confirm_first() -> Refusal:
    """The act needs the password again."""
    return Refusal("confirm_first", "Give your password again to do this.")


def unusable_ticket() -> Refusal:
    """The same words for a link that never was, was used, or is too old."""
    return Refusal(
        "unusable_ticket", "This link has been used already, or is no longer good. Ask for a new one."
    )
