"""Says what is done about unwanted text, for whom and for which model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from tokenmill.moderation.categories import Category

Action = Literal["block", "flag", "off"]
Direction = Literal["input", "output"]
OnFailure = Literal["open", "closed"]

ANY: Final = ""
"""In a scope: every account, or every model."""
THRESHOLD: Final = 0.5
"""From which score on a classifier's verdict counts, unless the policy says another."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with what is found.

    `categories` overrules `input` and `output` for single categories, but never a direction that is off;
    `thresholds` are scores from 0 to 1 from which a classifier is believed. `lists` None: all that are
    enabled. `system_prompts`: are they judged too? `refusals_pass`: does a phrase of the built-in lists pass
    where it stands in a rule against it ("refuse to …")? `on_failure`: does text pass (`open`) while the
    classifier is away?
    """

    input: Action = "off"
    output: Action = "off"
    categories: dict[Category, Action] = {}
    thresholds: dict[Category, float] = {}
    lists: tuple[str, ...] | None = None
    classifier: bool = True
    system_prompts: bool = False
    refusals_pass: bool = True
    on_failure: OnFailure = "closed"

    def acts(self, direction: Direction) -> bool:
        """Is anything looked at in this direction?"""
        return self.of(direction) != "off"

    def of(self, direction: Direction) -> Action:
        """What is done in this direction where no category says otherwise."""
        return self.input if direction == "input" else self.output

    def action(self, direction: Direction, category: Category) -> Action:
        """What is done with text of this category."""
        usual = self.of(direction)
        return "off" if usual == "off" else self.categories.get(category, usual)

    def blocks(self, direction: Direction) -> bool:
        """Could anything be withheld?"""
        return any(self.action(direction, category) == "block" for category in Category)

    def threshold(self, category: Category) -> float:
        """From which score on a classifier's verdict counts."""
        return self.thresholds.get(category, THRESHOLD)

    def uses(self, name: str) -> bool:
        """Are the phrases of this list looked for?"""
        return self.lists is None or name in self.lists


class Scoped(msgspec.Struct, frozen=True, kw_only=True):
    """A policy and for whom it is: an account and a model, each `ANY` for all."""

    id: str
    account_id: str
    model: str
    policy: Policy


class Policies:
    """All policies, the platform's default last; the closest one counts, whole."""

    def __init__(self, default: Policy, scoped: Iterable[Scoped] = ()) -> None:
        self.default = default
        self._scoped: Mapping[tuple[str, str], Scoped] = {
            (each.account_id, each.model): each for each in scoped
        }
        self.idle = not any(
            policy.acts("input") or policy.acts("output")
            for policy in (default, *(each.policy for each in self._scoped.values()))
        )

    def of(self, account_id: str, model: str) -> tuple[Policy, str | None]:
        """What counts for this account and model, with the policy's id; None for the default.

        One for the account and the model comes before one for the account, and that before one for the model.
        """
        for scope in ((account_id, model), (account_id, ANY), (ANY, model), (ANY, ANY)):
            if (found := self._scoped.get(scope)) is not None:
                return found.policy, found.id
        return self.default, None


def encode_policy(policy: Policy) -> str:
    """As it is kept."""
    return msgspec.json.encode(policy).decode()


def decode_policy(text: str) -> Policy:
    """The inverse."""
    return msgspec.json.decode(text, type=Policy)
