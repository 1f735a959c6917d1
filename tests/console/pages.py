"""Lists the console's pages, with for whom each is."""

from __future__ import annotations

from dataclasses import dataclass

from tests.console.mill import Role


@dataclass(frozen=True)
class Place:
    """An address of the console; None: whoever is not signed in sees it."""

    path: str
    who: Role | None

    @property
    def name(self) -> str:
        """As in the names of pictures."""
        return self.path.strip("/").replace("/", "-") or "overview"


_DEVELOPER = (
    "",
    "keys",
    "plan",
    "usage",
    "playground",
    "models",
    "tools",
    "plugins",
    "wallet",
    "account",
    "help",
)
_OPERATOR = (
    *("op", "op/live", "op/targets", "op/models", "op/accounts", "op/plans", "op/codes", "op/limits"),
    *("op/moderation", "op/audit", "op/ledger", "op/settings"),
    *("op/targets/gpu-1", "op/models/mimo-v2.5-pro"),
)

PLACES: tuple[Place, ...] = (
    *(Place(f"/{path}", None) for path in ("sign-in", "sign-up", "invite", "reset")),
    *(Place(f"/{path}", "developer") for path in _DEVELOPER),
    *(Place(f"/{path}", "operator") for path in _OPERATOR),
)
