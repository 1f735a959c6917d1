"""Targets: which there are, how they do, whether one answers."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter
from pydantic import StringConstraints

from tokenmill.admin.acting import acting
from tokenmill.admin.caller import Caller, ConfirmedOperator, Desk, Operator
from tokenmill.admin.catalogue_shapes import TargetEntry
from tokenmill.admin.services import Services
from tokenmill.admin.shapes import Asked, Done, Everything, Line, Moment, Shown
from tokenmill.admin.target_states import Doing, TargetState, doings
from tokenmill.admin.trial import try_target
from tokenmill.catalog.catalogue import Catalogue
from tokenmill.catalog.entries import Target
from tokenmill.catalog.file import CatalogueFile, read_catalogue
from tokenmill.catalog.removal import remove_target
from tokenmill.catalog.repository import apply, load
from tokenmill.catalog.writing import write_entry
from tokenmill.kit.faults import Code, Fault

router = APIRouter(prefix="/operator/targets", tags=["operator: targets"])


class LastError(Shown):
    at: Moment
    fault: str
    model: str


class TargetShown(Shown):
    """`last_hour` counts exchanges that ended; `runs_here` false: no engine of this node speaks to it.

    `state`: `off` takes nothing new; `down` has failed since it last answered, `degraded` has answered since
    its last failure within the hour, `healthy` has only answered; `unknown` was not asked within the hour.
    `last_answer_at` is null where it answered nothing within the hour.
    """

    id: str
    engine: str
    entry: TargetEntry
    toml: str
    models: list[str]
    runs_here: bool
    in_flight: int
    answered_last_hour: int
    failed_last_hour: int
    first_ms_last_hour: int | None
    last_answer_at: Moment | None
    last_error: LastError | None
    state: TargetState


class Trial(Asked):
    """The target as it is on the screen, as a `[[targets]]` table, and its own name of a model."""

    toml: Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
    model: Line


class Tried(Shown):
    """`text` is the beginning of what it said; or `fault` and `message` say why it did not."""

    first_ms: int | None
    text: str
    fault: str | None
    message: str


@router.get("")
async def targets(_: Operator, desk: Desk) -> Everything[TargetShown]:
    """Every target with what is known of it."""
    async with desk.database.read() as work:
        known = await doings(work, desk.clock.now())
        catalogue = await load(work)
    return Everything(
        data=[_shown(desk, catalogue, each, known.get(each.id, Doing())) for each in catalogue.targets()]
    )


@router.post("/{target_id}/disable")
async def disable(target_id: str, caller: Operator, desk: Desk) -> TargetShown:
    """Give it nothing new, on every node within a second; what runs there ends in its own time."""
    return await _switch(desk, caller, target_id, enabled=False)


@router.post("/{target_id}/enable")
async def enable(target_id: str, caller: Operator, desk: Desk) -> TargetShown:
    """Undo that."""
    return await _switch(desk, caller, target_id, enabled=True)


@router.delete("/{target_id}")
async def remove(target_id: str, caller: ConfirmedOperator, desk: Desk) -> Done:
    """Take a target out that no model names any more."""
    async with acting(desk, caller, "catalogue.remove") as act:
        await remove_target(act.work, target_id)
        act.on(target_id, kind="target")
    return Done()


@router.post("/test")
async def test(asked: Trial, caller: ConfirmedOperator, desk: Desk) -> Tried:
    """Send one tiny request to a target, saved or not; that it fails is an answer as well."""
    try:
        found = read_catalogue(asked.toml, "the target").targets
    except Fault as fault:
        raise Fault(Code.BAD_VALUE, fault.message, field="toml") from None
    if len(found) != 1:
        raise Fault(Code.BAD_VALUE, "Write one [[targets]] table.", field="toml")
    async with acting(desk, caller, "target.test") as act:
        act.on(found[0].id, model=asked.model)
    try:
        first_ms, text = await try_target(desk, found[0], asked.model)
    except Fault as fault:
        return Tried(first_ms=None, text="", fault=fault.code, message=fault.message)
    return Tried(first_ms=first_ms, text=text, fault=None, message="")


async def _switch(desk: Services, caller: Caller, target_id: str, *, enabled: bool) -> TargetShown:
    async with acting(desk, caller, f"target.{'enable' if enabled else 'disable'}") as act:
        found = next((each for each in (await load(act.work)).targets() if each.id == target_id), None)
        if found is None:
            raise Fault(Code.NOT_FOUND, f"There is no target '{target_id}'.", field="id")
        switched = msgspec.structs.replace(found, enabled=enabled)
        await apply(act.work, CatalogueFile(targets=(switched,)))
        act.on(target_id)
    async with desk.database.read() as work:
        known = await doings(work, desk.clock.now())
        return _shown(desk, await load(work), switched, known.get(target_id, Doing()))


def _shown(desk: Services, catalogue: Catalogue, target: Target, doing: Doing) -> TargetShown:
    return TargetShown(
        id=target.id,
        engine=target.engine,
        entry=TargetEntry.of(target),
        toml=write_entry(target),
        models=[m.id for m in catalogue.models() if any(ref.target == target.id for ref in m.targets)],
        runs_here=target.engine in desk.engines,
        in_flight=doing.in_flight,
        answered_last_hour=doing.answered,
        failed_last_hour=doing.failed,
        first_ms_last_hour=doing.first_ms,
        last_answer_at=doing.answered_at,
        last_error=None if doing.last_error is None else LastError.of(doing.last_error),
        state=doing.state(target),
    )
