"""Answers what is offered, from one immutable snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from tokenmill.catalog.complaints import did_you_mean, quoted
from tokenmill.catalog.entries import Model, Target, TargetRef
from tokenmill.kit.clock import rfc3339
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.ids import ModelId

_EPOCH = datetime.fromtimestamp(0, UTC)
_LONG_CONTEXT = "[1m]"  # Coding agents append it to ask for the long context window.


class Catalogue:
    """Models and the targets that serve them, as they were at one moment."""

    def __init__(
        self,
        targets: Iterable[Target],
        models: Iterable[Model],
        created: Mapping[str, datetime] | None = None,
    ) -> None:
        """`created` says when each model's id was first offered; the epoch stands in for what it lacks."""
        self._created = created or {}
        self._targets = {target.id: target for target in targets}
        self._models = {model.id: model for model in models}
        self._by_name = {
            name: model for model in self._models.values() for name in (model.id, *model.aliases)
        }

    def find(self, name: str, at: datetime | None = None) -> Model:
        """The model with this id or alias; one `[1m]` at the end is tolerated, in capitals too.

        `at` is the time of whoever wants to use it; None finds retired ones too. Raises Fault(UNKNOWN_MODEL)
        that lists the nearest names, or says since when it is retired, and what succeeds it.
        """
        bare = _bare(name)
        model = self._by_name.get(name) or self._by_name.get(bare)
        if model is not None and not _retired(model, at):
            return model
        if model is not None and model.retires_at is not None:
            raise self._gone(model, model.retires_at, at)
        known = [known for known, named in self._by_name.items() if not _retired(named, at)]
        near = did_you_mean(bare, known)
        raise Fault(
            Code.UNKNOWN_MODEL,
            f"There is no model {quoted(name)}.{near} GET /v1/models lists all.",
            field="model",
        )

    def id_of(self, name: str, at: datetime | None = None) -> ModelId:
        """The id of a model that a list names. Raises Fault(BAD_VALUE) where `find` finds none."""
        try:
            return ModelId(self.find(name, at).id)
        except Fault as fault:
            raise Fault(Code.BAD_VALUE, fault.message, field="models") from None

    def targets_of(self, model: Model) -> tuple[tuple[Target, TargetRef], ...]:
        """The targets that serve `model`, in the order of its entry; empty when all are gone or off."""
        known = ((self._targets.get(ref.target), ref) for ref in model.targets)
        return tuple((target, ref) for target, ref in known if target is not None and target.enabled)

    def created_at(self, model: Model) -> datetime:
        """When the model's id was first offered."""
        return self._created.get(model.id, _EPOCH)

    def models(self, at: datetime | None = None) -> tuple[Model, ...]:
        """Every model, with or without a target, by id; with a time, those that are not retired then."""
        return tuple(model for model in self._models.values() if not _retired(model, at))

    def targets(self) -> tuple[Target, ...]:
        """Every target, in the order they were added."""
        return tuple(self._targets.values())

    def _gone(self, model: Model, since: datetime, at: datetime | None) -> Fault:
        """Names the first successor that is there, if there is one."""
        passed = {model.id}
        successor = self._models.get(model.successor or "")
        while successor is not None and _retired(successor, at) and successor.id not in passed:
            passed.add(successor.id)
            successor = self._models.get(successor.successor or "")
        if successor is None or successor.id in passed:
            advice = "GET /v1/models lists what there is."
        else:
            advice = f"Use its successor '{successor.id}' instead."
        message = f"The model '{model.id}' was retired at {rfc3339(since)}. {advice}"
        return Fault(Code.UNKNOWN_MODEL, message, field="model")


def _retired(model: Model, at: datetime | None) -> bool:
    return at is not None and model.retires_at is not None and at >= model.retires_at


def _bare(name: str) -> str:
    """The name without the wish for a long context."""
    return name[: -len(_LONG_CONTEXT)] if name.lower().endswith(_LONG_CONTEXT) else name
