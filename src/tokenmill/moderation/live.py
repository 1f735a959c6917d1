"""Keeps what moderation goes by in memory: policies, compiled lists, the classifier."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

import structlog

from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.moderation.categories import Category
from tokenmill.moderation.keeping import CHANGE, load_lists, load_policies
from tokenmill.moderation.phrases import PhraseList, read_list
from tokenmill.moderation.policies import Policies, Policy
from tokenmill.moderation.rulebook import Rulebook
from tokenmill.moderation.verdicts import Verdicts
from tokenmill.ports import Moderator
from tokenmill.store.database import Database
from tokenmill.store.rows import Change

BUILTIN: Final = ("builtin:zh", "builtin:en")

log = structlog.get_logger()


class Moderation:
    """Subscribe `take` to the change feed, then `renew` once."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        verdicts: Verdicts,
        *,
        default: Policy,
        lists: Sequence[PhraseList] = (),
        moderator: Moderator | None = None,
        window: int = 400,
    ) -> None:
        """`default` and `lists` are those of the settings.

        `window` is how much of a reply the moderator is shown at once, in characters.
        """
        self._database = database
        self.clock = clock
        self.verdicts = verdicts
        self.moderator = moderator
        self.window = window
        self._settled = tuple(lists)
        self._own: tuple[PhraseList, ...] = ()
        self._book: Rulebook | None = None
        self._compiling = asyncio.Lock()
        self.policies = Policies(default)

    @property
    def settled_lists(self) -> tuple[PhraseList, ...]:
        """The lists that the settings name."""
        return self._settled

    def policy(self, account_id: str, model: str) -> Policy | None:
        """What counts for this account and model; None where nothing is looked at."""
        if self.policies.idle:
            return None
        found, _ = self.policies.of(account_id, model)
        return found if found.acts("input") or found.acts("output") else None

    async def book(self) -> Rulebook:
        """All lists that are enabled, compiled; the first who asks waits for it."""
        if self._book is None:
            async with self._compiling:
                while self._book is None:
                    own = self._own
                    made = await asyncio.to_thread(Rulebook, (*self._settled, *own))
                    if own is self._own:  # Else a list has changed meanwhile.
                        self._book = made
        return self._book

    async def take(self, change: Change) -> None:
        """Reads anew what the change concerns."""
        if change.kind == CHANGE:
            await self.renew()

    async def renew(self) -> None:
        """Reads policies and lists as they are now; a request that is under way goes on by the old ones."""
        async with self._database.read() as work:
            policies = await load_policies(work)
            own = tuple(await load_lists(work))
        if own != self._own:
            self._own = own
            self._book = None
        self.policies = Policies(self.policies.default, policies)
        if not self.policies.idle:
            await self.book()


def settled_list(name: str, directory: Path) -> PhraseList:
    """The list that the settings name: `builtin:zh`, `builtin:en`, or a file, relative to `directory`.

    Raises Fault(MISCONFIGURED) for one that cannot be read.
    """
    if name.startswith("builtin:"):
        if name not in BUILTIN:
            raise Fault(
                Code.MISCONFIGURED, f"[moderation] lists: there is no {name}, only {' and '.join(BUILTIN)}."
            )
        language = name.partition(":")[2]
        text = files("tokenmill.moderation").joinpath("lists", f"{language}.txt").read_text("utf-8")
        return read_list(name, text, origin="builtin", category=Category.CRIME)
    try:
        text = (directory / name).read_text("utf-8-sig")
        return read_list(f"file:{Path(name).name}", text, origin="file")
    except (OSError, UnicodeDecodeError) as error:
        raise Fault(
            Code.MISCONFIGURED, f"[moderation] lists: {name} cannot be read ({type(error).__name__})."
        ) from None
    except Fault as fault:
        raise Fault(Code.MISCONFIGURED, f"[moderation] lists: {name}: {fault.message}") from None
