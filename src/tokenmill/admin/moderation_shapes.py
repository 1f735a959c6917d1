"""Asks for moderation's policies, lists and verdicts, and shows them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from tokenmill.admin.shapes import Asked, Moment, Shown
from tokenmill.moderation.categories import Category
from tokenmill.moderation.phrases import MOST_BYTES
from tokenmill.moderation.policies import Policy

ActionName = Literal["block", "flag", "off"]
DirectionName = Literal["input", "output"]
OnFailureName = Literal["open", "closed"]
Score = Annotated[float, Field(ge=0, le=1)]
ListName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
AnyListName = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class PolicyAsked(Asked):
    """A policy for an account, a model or both; null means all.

    `categories` overrules `input` and `output` for single categories. `thresholds`: from which score a
    classifier is believed; where none is given it decides by itself. `lists` null: all that are enabled.
    `system_prompts`: judge them too. `refusals_pass`: phrases of the built-in lists pass where they stand in
    a rule against them. `on_failure`: whether text passes while the classifier is away.
    """

    account_id: str | None = Field(default=None, max_length=100)
    model: str | None = Field(default=None, max_length=200)
    input: ActionName
    output: ActionName
    categories: dict[Category, ActionName] = Field(default={})
    thresholds: dict[Category, Score] = Field(default={})
    lists: list[AnyListName] | None = Field(default=None, max_length=200)
    classifier: bool = True
    system_prompts: bool = False
    refusals_pass: bool = True
    on_failure: OnFailureName = "closed"

    def policy(self) -> Policy:
        """As it is applied."""
        return Policy(
            input=self.input,
            output=self.output,
            categories=dict(self.categories),
            thresholds=dict(self.thresholds),
            lists=None if self.lists is None else tuple(self.lists),
            classifier=self.classifier,
            system_prompts=self.system_prompts,
            refusals_pass=self.refusals_pass,
            on_failure=self.on_failure,
        )


class PolicyValues(Shown):
    """What a policy says."""

    input: ActionName
    output: ActionName
    categories: dict[Category, ActionName]
    thresholds: dict[Category, float]
    lists: list[str] | None
    classifier: bool
    system_prompts: bool
    refusals_pass: bool
    on_failure: OnFailureName


class PolicyShown(PolicyValues):
    """A policy; `account_email` is null where it is for all accounts, or for one that is gone."""

    id: str
    account_id: str | None
    account_email: str | None
    model: str | None
    updated_at: Moment


class PoliciesShown(Shown):
    """All policies; `default` is that of the settings, which counts where none of them does.

    The closest counts, whole: for account and model, for the account, for the model, for all. `classifier` is
    what the settings name, null where there is none.
    """

    data: list[PolicyShown]
    default: PolicyValues
    classifier: str | None
    categories: list[Category]


class ListAsked(Asked):
    """A list of one's own: one phrase a line.

    `#` begins a comment and `[category]` a section; `a | b` are alternatives, ` * ` stands for a few words.
    """

    text: Annotated[str, StringConstraints(max_length=MOST_BYTES)]
    category: Category = Category.CUSTOM
    enabled: bool = True


class ListShown(Shown):
    """A list; `phrases` are its lines, `bytes` its size. Those of the settings cannot be changed here."""

    name: str
    origin: Literal["builtin", "file", "own"]
    category: Category
    phrases: int
    bytes: int
    enabled: bool
    updated_at: Moment | None


class ListWhole(ListShown):
    text: str


class TestAsked(Asked):
    """A text to try; as whose, and for which model, where that matters. `classifier` false: lists only."""

    __test__ = False  # pytest, this is not a test.

    text: Annotated[str, StringConstraints(min_length=1, max_length=100_000)]
    direction: DirectionName = "input"
    account_id: str | None = Field(default=None, max_length=100)
    model: str | None = Field(default=None, max_length=200)
    classifier: bool = True


class FindingShown(Shown):
    """What was found: `rule` is what the list says or the classifier's word, `matched` the text that fits it.

    `passed`: it stands in a rule against it, and counts for nothing. `action` is what the policy does about
    its category; `off` where the policy does not look in this direction.
    """

    category: Category
    source: str
    rule: str
    matched: str
    action: ActionName
    score: float
    passed: bool


class Tested(Shown):
    """What would come of the text; times are in microseconds.

    `verdict` `off`: the policy does not look in this direction; what would be found is shown all the same.
    `normalised` is the form in which phrases are looked for.
    """

    verdict: Literal["block", "flag", "pass", "off"]
    policy_id: str | None
    policy: PolicyValues
    findings: list[FindingShown]
    normalised: str
    failed: str | None
    lists_us: float
    classifier_us: float | None


class VerdictShown(Shown):
    """What was blocked or flagged, or could not be judged (`failed`); what was said is not kept."""

    id: str
    at: Moment
    exchange_id: str
    request_id: str
    account_id: str
    account_email: str | None
    key_id: str
    model: str
    protocol: str
    direction: DirectionName
    place: str
    outcome: Literal["blocked", "flagged", "failed"]
    category: str
    source: str
    rule: str
    score: float
    false_positive: bool


class MarkAsked(Asked):
    """Was the verdict wrong?"""

    false_positive: bool
