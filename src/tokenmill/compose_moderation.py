"""Builds moderation: the settings' policy and lists, the classifier, what writes verdicts down."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tokenmill.catalog.catalogue import Catalogue
from tokenmill.exchange.routing import routes
from tokenmill.jobs.sweeps import sweeping
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.moderation.classifiers import GuardModel, ModerationEndpoint
from tokenmill.moderation.live import Moderation, settled_list
from tokenmill.moderation.policies import Policy
from tokenmill.moderation.verdicts import SWEEP_EVERY, Verdicts
from tokenmill.ports import Engine, Moderator, Route, Upstream
from tokenmill.settings import Moderation as ModerationSettings
from tokenmill.settings import read_password
from tokenmill.store.changes import ChangeFeed
from tokenmill.store.database import Database


@asynccontextmanager
async def moderation_running(
    settings: ModerationSettings,
    database: Database,
    feed: ChangeFeed,
    clock: Clock,
    data: Path,
    *,
    upstream: Upstream,
    engines: Mapping[str, Engine],
    catalogue: Callable[[], Catalogue],
    read_key: Callable[[str], str],
) -> AsyncIterator[Moderation]:
    """Moderation, ready to judge. Raises Fault(MISCONFIGURED) for lists that cannot be read."""
    verdicts = Verdicts(database, clock)
    moderation = Moderation(
        database,
        clock,
        verdicts,
        default=Policy(input=settings.input, output=settings.output, on_failure=settings.on_failure),
        lists=[settled_list(name, data) for name in dict.fromkeys(settings.lists)],
        moderator=_moderator(settings, upstream, engines, catalogue, read_key),
        window=settings.classifier_window,
    )
    feed.subscribe(moderation.take)
    await moderation.renew()
    async with verdicts.running(), sweeping("moderation verdicts", SWEEP_EVERY, verdicts.sweep):
        yield moderation


def _moderator(
    settings: ModerationSettings,
    upstream: Upstream,
    engines: Mapping[str, Engine],
    catalogue: Callable[[], Catalogue],
    read_key: Callable[[str], str],
) -> Moderator | None:
    named = settings.classifier
    if not named:
        return None
    if named.startswith(("http://", "https://")):
        key = read_password(settings.classifier_key, os.environ) if settings.classifier_key else ""
        return ModerationEndpoint(
            upstream,
            named,
            model=settings.classifier_model,
            key=lambda: key,
            seconds=settings.classifier_seconds,
        )

    def find() -> tuple[Engine, Route]:
        route = _route(catalogue(), named, settings.classifier_model, engines)
        if route.key_from is not None:
            route = msgspec.structs.replace(route, api_key=read_key(route.key_from))
        return engines[route.engine], route

    style = None if settings.classifier_style == "auto" else settings.classifier_style
    return GuardModel(find, style=style, seconds=settings.classifier_seconds)


def _route(catalogue: Catalogue, target: str, model: str, engines: Mapping[str, Engine]) -> Route:
    """The way to a model at a target: the one that is named, else the first that the target serves."""
    for entry in catalogue.models():
        if not any(ref.target == target for ref in entry.targets):
            continue
        for route in routes(catalogue, entry, frozenset(engines)):
            if route.target == target and model in ("", entry.id, route.upstream_model):
                return route
    raise Fault(
        Code.MISCONFIGURED,
        f"[moderation] classifier is '{target}', and no model of the catalogue is served there"
        + (f" as '{model}'." if model else "."),
    )
