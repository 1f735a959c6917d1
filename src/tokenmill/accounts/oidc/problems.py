"""Names what can go wrong between a browser's way to the provider and its way in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from tokenmill.kit.faults import Code, Fault

Problem = Literal[
    "off",
    "round_over",
    "cancelled",
    "too_many",
    "provider_away",
    "provider_refused",
    "bad_token",
    "no_email",
    "unverified_email",
    "domain",
    "no_account",
    "invitation",
    "taken",
    "join_first",
    "other_identity",
    "identity_taken",
    "not_fresh",
    "suspended",
    "failed",
]

MESSAGES: Final[Mapping[Problem, str]] = {
    "off": "Single sign-on is not set up here.",
    "round_over": "This sign-in took too long, was used already, or began in another browser. Begin again.",
    "cancelled": "The sign-in was cancelled.",
    "too_many": "Too many attempts came from this network. Wait a little, and begin again.",
    "provider_away": "The identity provider cannot be reached, or takes too long. Try again in a minute.",
    "provider_refused": "The identity provider refused this sign-in. Begin again; if it stays so, ask the "
    "operator of this platform.",
    "bad_token": "What the identity provider sent is not valid. Ask the operator of this platform.",
    "no_email": "The identity provider told no e-mail address, which is needed the first time.",
    "unverified_email": "The identity provider has not verified your e-mail address. Verify it there first.",
    "domain": "Addresses of this domain do not come in here.",
    "no_account": "You have no account here yet. Ask the operator of this platform to invite you.",
    "invitation": "The invitation has been used already, or is no longer good. Ask for a new one.",
    "taken": "This e-mail address belongs to an account here already.",
    "join_first": "A user with your address is here already. Sign in with the password, and then join the "
    "two on the page of your account.",
    "other_identity": "This is not the identity by which this user signs in.",
    "identity_taken": "This identity signs in as another user already.",
    "not_fresh": "The identity provider did not ask who you are again, so nothing was confirmed.",
    "suspended": "This account is suspended. Ask the operator of this platform.",
    "failed": "The sign-in failed. Begin again; if it stays so, ask the operator of this platform.",
}
"""In English, for who reads the API; the console has its own words for each problem."""

if missing := set(Problem.__args__) - set(MESSAGES):  # type: ignore[attr-defined]  # Literal's own list.
    raise ValueError(f"no message for {sorted(missing)}")


_CODES: Final[Mapping[Problem, Code]] = {
    "off": Code.NOT_FOUND,
    "provider_away": Code.UPSTREAM_AWAY,
}
"""What the rest of the API makes of a problem, where it is not a refusal."""


class SignInProblem(Fault):
    """Ends a round; `why` is for the log alone, and holds no secret."""

    def __init__(self, problem: Problem, why: str = "", *, message: str = "") -> None:
        super().__init__(_CODES.get(problem, Code.FORBIDDEN), message or MESSAGES[problem])
        self.problem = problem
        self.why = why
