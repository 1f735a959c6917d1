"""`tokenmill doctor`: finds out what works here, and for which tools."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tokenmill.cli.options import DEFAULT_DATA, AsJson, Config, Data, open_settings, open_store, print_json

if TYPE_CHECKING:
    from tokenmill.cli.installation import Check
    from tokenmill.engines.embedded.models import ModelFile
    from tokenmill.exchange.diagnosis.findings import Examined
    from tokenmill.settings import Settings

_MARKS = {"ok": "✓", "yes": "✓", "works": "✓", "warning": "!", "limited": "!", "unknown": "?"}


def doctor(
    target: Annotated[
        str | None, typer.Option("--target", metavar="ID", help="Only this target of the catalogue.")
    ] = None,
    patience: Annotated[
        float, typer.Option("--deadline", metavar="SECONDS", min=1, help="For each question to a target.")
    ] = 60.0,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Check this installation, ask each target a few tiny questions, and say which tools will work.

    No account is charged. Exit status 1 when a check fails or a target does not answer.
    """
    import logging

    from tokenmill.kit.telemetry import configure_logs

    configure_logs(json=json, level=logging.ERROR)  # What is found is said below.
    settings = open_settings(data, config)
    found = _diagnose(settings, data.absolute(), config, target, patience, json)
    checks, examined, left = asyncio.run(found)
    ok = all(check.verdict != "failed" for check in checks) and all(each.answers for each in examined)
    if json:
        print_json(_said(ok, checks, examined, left))
    else:
        for line in _lines(checks, examined, left):
            typer.echo(line)
    if not ok:
        raise typer.Exit(1)


async def _diagnose(
    settings: Settings, data: Path, config: Path | None, target: str | None, patience: float, json: bool
) -> tuple[tuple[Check, ...], tuple[Examined, ...], tuple[str, ...]]:
    from tokenmill.catalog.repository import load
    from tokenmill.cli.installation import check_installation
    from tokenmill.compose import upstream_keys
    from tokenmill.compose_diagnosis import engines_running
    from tokenmill.exchange.diagnosis.rounds import examine_all, patients, unasked
    from tokenmill.kit.clock import SystemClock

    checks = await check_installation(settings, os.environ)
    if any(check.name in ("migrations", "database") and check.verdict == "failed" for check in checks):
        return checks, (), ()
    async with open_store(data, config) as database, database.read() as work:
        catalogue = await load(work)
    named = [each for each in catalogue.targets() if target in (None, each.id)]
    model = await _model(settings) if any(each.engine == "embedded" for each in named) else None
    async with engines_running(model) as engines:
        asked = patients(
            catalogue,
            engines,
            SystemClock().now(),
            read_key=upstream_keys(data, os.environ),
            patience=patience,
            only=target,
        )
        if not json and asked:
            typer.echo(f"Asking {len(asked)} targets; up to {patience:g} seconds a question …", err=True)
        examined = await examine_all(asked)
    return checks, examined, () if target is not None else unasked(catalogue, asked)


async def _model(settings: Settings) -> ModelFile | None:
    """The embedded model, if it runs here and need not be fetched."""
    from tokenmill.engines.embedded.store import ModelStore

    store = ModelStore.of_environment()
    wanted = settings.embedded
    return await store.fetch(wanted.model) if wanted.enabled and store.has(wanted.model) else None


def _said(
    ok: bool, checks: tuple[Check, ...], examined: tuple[Examined, ...], left: tuple[str, ...]
) -> dict[str, Any]:
    from tokenmill.exchange.diagnosis.tools import prospects

    return {
        "ok": ok,
        "checks": [{"name": each.name, "verdict": each.verdict, "detail": each.detail} for each in checks],
        "targets": [
            {
                "id": each.target,
                "engine": each.engine,
                "model": each.model,
                "upstream_model": each.upstream_model,
                "context_window": each.context,
                "ok": each.answers,
                "findings": each.findings,
                "tools": prospects(each),
            }
            for each in examined
        ],
        "not_asked": left,
    }


def _lines(checks: tuple[Check, ...], examined: tuple[Examined, ...], left: tuple[str, ...]) -> Iterator[str]:
    from tokenmill.exchange.diagnosis.findings import ABILITIES
    from tokenmill.exchange.diagnosis.tools import NEEDS, prospects

    yield "Installation"
    for check in checks:
        yield f"  {_MARKS.get(check.verdict, '✗')} {check.name:16}  {check.detail}"
    for each in examined:
        yield ""
        yield f"Target {each.target} ({each.engine}), asked as {each.model}: {each.upstream_model}"
        for ability, words in ABILITIES.items():
            finding = each.findings[ability]
            if each.answers or ability == "answers":
                yield f"  {_MARKS.get(finding.state, '✗')} {words:18}  {finding.detail}"
        if each.answers:
            yield f"  With {each.context:,} tokens of context:"
            for tool, prospect in prospects(each).items():
                why = f"{prospect.verdict}: {'; '.join(prospect.why)}" if prospect.why else prospect.verdict
                yield f"  {_MARKS.get(prospect.verdict, '✗')} {NEEDS[tool].name:18}  {why}"
    for target in left:
        yield ""
        yield f"Target {target} was not asked: no model that is offered names it, or its engine does not run."
