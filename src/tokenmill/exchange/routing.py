"""Decides which targets may serve a model, in which order: a pure function of the catalogue."""

from __future__ import annotations

from tokenmill.catalog.catalogue import Catalogue
from tokenmill.catalog.entries import Model, Target, TargetRef
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Route


def routes(catalogue: Catalogue, model: Model, engines: frozenset[str]) -> tuple[Route, ...]:
    """The ways to serve `model`, best first: by priority, then by weight, then as listed.

    `engines` names the engines that run here. Raises Fault(NO_TARGET) when none is left.
    """
    usable = [(target, ref) for target, ref in catalogue.targets_of(model) if target.engine in engines]
    if not usable:
        raise Fault(
            Code.NO_TARGET,
            f"No server is set up for the model '{model.id}' on this platform. Its operator can add one: "
            "write it into a file like that of `tokenmill catalog presets`; `tokenmill catalog apply FILE`.",
            field="model",
        )
    usable.sort(key=lambda pair: (pair[1].priority, -pair[1].weight))
    return tuple(_route(target, ref) for target, ref in usable)


def _route(target: Target, ref: TargetRef) -> Route:
    return Route(
        target=target.id,
        engine=target.engine,
        upstream_model=ref.model,
        base_url=target.base_url or "",
        key_from=target.api_key,
        dialect=target.dialect,
        thinking_switch=target.thinking_switch,
        reasoning_back=target.reasoning_back,
        strict=target.strict,
        native_search=target.native_search,
        free=target.free,
        timeouts=target.timeouts,
        on_disconnect=target.on_disconnect,
    )
