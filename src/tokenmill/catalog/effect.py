"""Says which fields are kept but change nothing yet."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from tokenmill.catalog.entries import Model, Target

# Each field that changes nothing yet, with the values that ask for no more than what is done already.
# A field leaves its table in the change that makes it work.
_TARGET_FIELDS: Final[Mapping[str, Sequence[object]]] = {
    "concurrency": (0,),
}
_MODEL_FIELDS: Final[Mapping[str, Sequence[object]]] = {}


def without_effect(
    named: Collection[str], targets: Iterable[Target], models: Iterable[Model]
) -> tuple[str, ...]:
    """The fields of a file that change nothing yet, sorted: `("credits", "price", "targets.weight")`.

    `named` are the fields the file sets, each below its table: `models.price`.
    """
    idle = {field for target in targets for field in idle_fields(target) if f"targets.{field}" in named}
    idle |= {field for model in models for field in idle_fields(model) if f"models.{field}" in named}
    return tuple(sorted(idle))


def idle_fields(entry: Target | Model) -> frozenset[str]:
    """The fields of an entry that, as they stand, ask for what is not done yet; written as in a file."""
    table = _TARGET_FIELDS if isinstance(entry, Target) else _MODEL_FIELDS
    idle = {field for field, satisfied in table.items() if _asks(entry, field, satisfied)}
    if isinstance(entry, Model) and len(entry.targets) > 1:
        idle.add("targets.weight")  # It orders targets of one priority, but shares no traffic out.
    return frozenset(idle)


def _asks(entry: Target | Model, field: str, satisfied: Sequence[object]) -> bool:
    value = operator.attrgetter(field)(entry)
    return value is not None and value not in satisfied
