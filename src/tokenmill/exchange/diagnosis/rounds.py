"""Examines the targets of a catalogue, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from tokenmill.catalog.catalogue import Catalogue
from tokenmill.exchange.diagnosis.asking import Patient
from tokenmill.exchange.diagnosis.findings import Examined
from tokenmill.exchange.diagnosis.probes import examine
from tokenmill.exchange.routing import routes
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Engine

AT_ONCE: Final = 4


def patients(
    catalogue: Catalogue,
    engines: Mapping[str, Engine],
    now: datetime,
    *,
    read_key: Callable[[str], str],
    patience: float,
    only: str | None = None,
) -> tuple[Patient, ...]:
    """Every target with each of its own names of models, once; `only` is one target's id.

    Targets that no model names, and those whose engine does not run here, have nobody to ask. Raises
    Fault(NOT_FOUND) for an `only` that is not there.
    """
    ids = [target.id for target in catalogue.targets()]
    if only is not None and only not in ids:
        raise Fault(
            Code.NOT_FOUND,
            f"There is no target {only!r}; there are {', '.join(ids) or 'none'}.",
            field="target",
        )
    found = _all(catalogue, engines, now, read_key, patience)
    order = {target: at for at, target in enumerate(ids)}
    chosen = [patient for patient in found if only in (None, patient.route.target)]
    return tuple(sorted(chosen, key=lambda patient: order[patient.route.target]))


def unasked(catalogue: Catalogue, asked: Sequence[Patient]) -> tuple[str, ...]:
    """The targets of which nobody was asked."""
    seen = {patient.route.target for patient in asked}
    return tuple(target.id for target in catalogue.targets() if target.id not in seen)


async def examine_all(
    asked: Iterable[Patient], done: Callable[[Examined], None] = lambda _: None
) -> tuple[Examined, ...]:
    """What every patient is like, in their order; `done` hears of each as soon as it is known."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(patient: Patient) -> Examined:
        async with turns:
            examined = await examine(patient)
        done(examined)
        return examined

    return tuple(await asyncio.gather(*map(one, asked)))


def _all(
    catalogue: Catalogue,
    engines: Mapping[str, Engine],
    now: datetime,
    read_key: Callable[[str], str],
    patience: float,
) -> Iterator[Patient]:
    seen: set[tuple[str, str]] = set()
    for model in catalogue.models(now):
        try:
            ways = routes(catalogue, model, frozenset(engines))
        except Fault:
            continue
        for route in ways:
            if (route.target, route.upstream_model) not in seen:
                seen.add((route.target, route.upstream_model))
                yield Patient(model, route, engines[route.engine], read_key, patience)
