"""Lets clients leave reasoning out: what a reply said is remembered, what a request lacks is put back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog

from tokenmill.accounts.key_check import Caller
from tokenmill.conversation.parts import Vendor
from tokenmill.conversation.request import Drop, Request
from tokenmill.exchange.harvest import Harvest, calls_tools
from tokenmill.exchange.vault import MOST_CALLS, Gap, choose, gaps, is_beyond_reach, put_back, strange
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Fault
from tokenmill.memory.remembered import Remembered
from tokenmill.memory.vault import Vault
from tokenmill.ports import Route

_FIELD: Final = "reasoning_content"

log = structlog.get_logger()


class Recall:
    """The vault as exchanges see it; without one, nothing is remembered and nothing put back."""

    def __init__(self, vault: Vault | None, clock: Clock) -> None:
        self._vault = vault
        self._clock = clock

    def listen(self, request: Request, caller: Caller, protocol: Vendor) -> Harvest | None:
        """What hears the reply to `request`; None where nothing of it is to be remembered."""
        if self._vault is None or not caller.vault or not calls_tools(request) or is_beyond_reach(request):
            return None
        return Harvest(request, caller.account_id, caller.key_id, protocol)

    def keep(self, harvest: Harvest | None) -> None:
        """Remembers what was heard; it takes no time and never fails."""
        if self._vault is None or harvest is None:
            return
        for turn in harvest.turns(self._clock.now()):
            self._vault.keep(turn)

    async def restored(
        self, request: Request, caller: Caller, ways: Sequence[Route]
    ) -> tuple[Request, tuple[Drop, ...]]:
        """`request` with the reasoning that its client left out, blanked, trimmed or lost the signatures of.

        The database is asked only for what this node does not know, and an exchange never fails over it.
        Callers who have switched thinking off get nothing back, nor do targets that refuse it.
        """
        willing = [way for way in ways if way.reasoning_back != "refused"]
        if request.thinking.on is False or not willing:
            return request, ()
        if is_beyond_reach(request):
            return request, (Drop(_FIELD, f"not looked for: the request has over {MOST_CALLS:,} calls"),)
        signed = any(way.engine == "anthropic" and way.reasoning_back != "required" for way in willing)
        missing = gaps(request, signed=signed)
        if not missing:
            return request, ()
        known, drops = await self._known(caller, missing)
        chosen = choose(missing, known)
        filled = [gap for gap in missing if gap.turn in chosen and not gap.is_whole_as(chosen[gap.turn])]
        if filled:
            turns = "a turn" if len(filled) == 1 else f"{len(filled)} turns"
            drops = (Drop(_FIELD, f"nothing was lost: what {turns} came without was put back"), *drops)
        return put_back(request, missing, chosen), drops

    async def _known(
        self, caller: Caller, missing: Sequence[Gap]
    ) -> tuple[list[Remembered], tuple[Drop, ...]]:
        if self._vault is None or not caller.vault:
            return [], ()
        calls = {call for gap in missing for call in gap.calls}
        known = self._vault.at_hand(caller.account_id, calls)
        unknown = {call for gap in strange(missing, known) for call in gap.calls}
        if not unknown:
            return known, ()
        try:
            found = await self._vault.find(caller.account_id, unknown)
        except (Fault, TimeoutError) as error:
            log.warning("the reasoning vault could not be read", error=type(error).__name__)
            return known, (Drop(_FIELD, "the vault cannot be read right now: what is missing may be in it"),)
        return list({turn.id: turn for turn in (*known, *found)}.values()), ()
