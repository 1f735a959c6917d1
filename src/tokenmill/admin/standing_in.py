"""Tells which models of the catalogue something else answers for, and what that really is."""

from __future__ import annotations

from tokenmill.admin.services import Services
from tokenmill.admin.shapes import Shown
from tokenmill.catalog.entries import Model
from tokenmill.exchange.routing import routes
from tokenmill.kit.faults import Fault


class StandIn(Shown):
    """`name` is what really answers for these models, as the embedded engine calls it."""

    name: str
    models: list[str]


def stand_ins(desk: Services) -> list[StandIn]:
    """By name; engines that do not know what they run are taken at their word."""
    found: dict[str, list[str]] = {}
    for model in sorted(desk.catalogue().models(desk.clock.now()), key=lambda model: model.id):
        if (name := answered_by(desk, model)) is not None:
            found.setdefault(name, []).append(model.id)
    return [StandIn(name=name, models=found[name]) for name in sorted(found)]


def answered_by(desk: Services, model: Model) -> str | None:
    """What really answers for the model on its best route; None: the model itself, or nobody."""
    try:
        best = routes(desk.catalogue(), model, frozenset(desk.engines))[0]
    except Fault:
        return None
    real = desk.engines[best.engine].served_by(best)
    return None if real is None else real.name
