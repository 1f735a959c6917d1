"""Decides which targets may serve a model, in which order: a pure function of the catalogue."""

from __future__ import annotations

from collections.abc import Callable

from tokenmill.catalog.catalogue import Catalogue
from tokenmill.catalog.entries import Model, Target, TargetRef
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Route, Timeouts

KeyReader = Callable[[str], str | None]
"""Turns `env:NAME` or `file:PATH` into the secret it names; None when it names nothing."""


def routes(
    catalogue: Catalogue, model: Model, engines: frozenset[str], read_key: KeyReader
) -> tuple[Route, ...]:
    """The ways to serve `model`, best first: by priority, then by weight, then as listed.

    `engines` names the engines that run here. Raises Fault(NO_TARGET) when none is left.
    """
    usable = [(target, ref) for target, ref in catalogue.targets_of(model) if target.engine in engines]
    if not usable:
        raise Fault(
            Code.NO_TARGET,
            f"No server is set up for the model '{model.id}' on this platform. Its operator can add one: "
            "write it into a file as in examples/catalog.toml and run `tokenmill catalog apply FILE`.",
            field="model",
        )
    usable.sort(key=lambda pair: (pair[1].priority, -pair[1].weight))
    return tuple(_route(target, ref, read_key) for target, ref in usable)


def _route(target: Target, ref: TargetRef, read_key: KeyReader) -> Route:
    limits = target.timeouts
    return Route(
        target=target.id,
        engine=target.engine,
        upstream_model=ref.model,
        base_url=target.base_url or "",
        api_key=read_key(target.api_key) if target.api_key else None,
        thinking_switch=target.thinking_switch,
        reasoning_back=target.reasoning_back,
        strict=target.strict,
        timeouts=Timeouts(limits.connect, limits.first, limits.between, limits.whole),
    )
