"""`tokenmill connect`: sets up a coding agent for this platform, or shows how."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tokenmill.cli.options import DEFAULT_DATA, AsJson, Config, Data, open_settings, open_store, print_json

if TYPE_CHECKING:
    from tokenmill.connect.connection import Connection, ModelFigures
    from tokenmill.connect.template import Tool

KEY_VARIABLE = "TOKENMILL_API_KEY"


def connect(
    tool: Annotated[
        str,
        typer.Argument(
            metavar="TOOL",
            help="claude-code, openclaw, opencode, kilo-code, cline, hermes, codebuddy, codex, "
            "qwen-code or aider.",
        ),
    ],
    key: Annotated[
        str, typer.Option("--key", metavar="K", envvar=KEY_VARIABLE, help="The key, whole; sk-… or tp-….")
    ] = "",
    model: Annotated[
        str | None, typer.Option("--model", metavar="M", help="The model's id, or one of its aliases.")
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", metavar="URL", help="A platform elsewhere; the one of DIR without."),
    ] = None,
    wire: Annotated[
        Literal["chat", "messages", "responses"] | None,
        typer.Option("--wire", help="Another protocol than the tool's usual one."),
    ] = None,
    show: Annotated[
        bool, typer.Option("--print", help="Print what would be put where, and change nothing.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Run the tool once in a home of its own, and change nothing.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take back the latest change of the tool's files.")
    ] = False,
    data: Data = DEFAULT_DATA,
    config: Config = None,
    json: AsJson = False,
) -> None:
    """Put this platform, a key and a model into TOOL's settings; what was there is kept beside them."""
    from tokenmill.connect.tools import find

    if show + check + undo > 1:
        raise typer.BadParameter("say only one of --print, --check and --undo.")
    chosen = find(tool)
    if undo:
        _undo(chosen, json)
        return
    connection, is_known = _connection(chosen, key, model, base_url, wire, data, config)
    if show:
        _show(chosen, connection, json)
    elif check:
        _check(chosen, connection, json)
    else:
        _write(chosen, connection, is_known, json)


def _connection(
    tool: Tool,
    key: str,
    model: str | None,
    base_url: str | None,
    wire: Literal["chat", "messages", "responses"] | None,
    data: Path,
    config: Path | None,
) -> tuple[Connection, bool]:
    """What the tool is to be told, and whether the model's figures come from a catalogue."""
    from tokenmill.connect.connection import (
        USUAL_MODEL,
        WIRE_NAMES,
        Connection,
        ModelFigures,
        kind_of,
        root_of,
    )
    from tokenmill.kit.clock import SystemClock
    from tokenmill.kit.faults import Code, Fault

    key = key.strip()  # As it comes out of a file or a web page.
    if not key:
        raise Fault(Code.NO_KEY, f"Give the key with --key, or in the variable {KEY_VARIABLE}.", field="key")
    kind = kind_of(key)
    wire = wire or tool.wires[0]
    if wire not in tool.wires:
        spoken = ", ".join(f"{each} ({WIRE_NAMES[each]})" for each in tool.wires)
        raise Fault(Code.BAD_VALUE, f"{tool.name} does not speak {wire} here, only {spoken}.", field="wire")
    figures = None
    if base_url is None:
        root = _root_of_settings(kind, data, config)
        name, figures = _look_up(model, data, config)
    else:
        root, name = root_of(base_url, kind), model or USUAL_MODEL
    now = SystemClock().now()
    connection = Connection(root, key, name, figures or ModelFigures(), wire, now)
    return (connection if tool.long_names else connection.without_suffix()), figures is not None


def _root_of_settings(kind: Literal["sk", "tp"], data: Path, config: Path | None) -> str:
    from tokenmill.compose import plan_url, public_url
    from tokenmill.kit.faults import Code, Fault

    settings = open_settings(data, config)
    if not settings.server.public_url and settings.server.port == 0:
        raise Fault(
            Code.MISCONFIGURED,
            "[server] port is 0, so that nobody knows the address beforehand. "
            "Set [server] public_url, or give --base-url.",
        )
    return public_url(settings) if kind == "sk" else plan_url(settings)


def _look_up(model: str | None, data: Path, config: Path | None) -> tuple[str, ModelFigures | None]:
    """The model's name and figures of DIR's catalogue; without figures where there is no platform yet."""
    from tokenmill.connect.connection import USUAL_MODEL
    from tokenmill.kit.faults import Fault
    from tokenmill.store.migrate import require_migrated

    try:
        require_migrated(open_settings(data, config).database.url)
    except Fault:
        return model or USUAL_MODEL, None
    return asyncio.run(_find(model, data, config))


async def _find(model: str | None, data: Path, config: Path | None) -> tuple[str, ModelFigures]:
    from tokenmill.catalog.repository import load
    from tokenmill.connect.connection import USUAL_MODEL, ModelFigures
    from tokenmill.kit.clock import SystemClock
    from tokenmill.kit.faults import Code, Fault

    now = SystemClock().now()
    async with open_store(data, config) as database, database.read() as work:
        catalogue = await load(work)
    offered = [each.id for each in catalogue.models(now)]
    if not offered:
        raise Fault(
            Code.UNKNOWN_MODEL, "The catalogue holds no model. Apply one: tokenmill catalog apply FILE."
        )
    name = model or (USUAL_MODEL if USUAL_MODEL in offered else offered[0])
    found = catalogue.find(name, now)
    figures = ModelFigures(
        context=found.context_window,
        output=found.max_output_tokens,
        images="image" in found.input,
        thinking=found.thinking != "never",
    )
    return name, figures


def _undo(tool: Tool, json: bool) -> None:
    from tokenmill.connect.connection import Connection, ModelFigures
    from tokenmill.connect.writing import undo
    from tokenmill.kit.clock import SystemClock

    now = SystemClock().now()
    # Where the files are does not depend on what is in them.
    files = tool.files(Connection("", "", "", ModelFigures(), tool.wires[0], now))
    done = undo(files, os.environ, now)
    if json:
        files_said = [
            {"path": str(each.path), "outcome": each.outcome, "kept": _or_none(each.kept)} for each in done
        ]
        print_json({"tool": tool.id, "files": files_said})
        return
    for each in done:
        kept = "" if each.kept is None else f"; what was there until now is {each.kept.name}"
        typer.echo(f"  {each.outcome:9}  {each.path}{kept}")


def _show(tool: Tool, connection: Connection, json: bool) -> None:
    from tokenmill.connect.merging import fresh

    shown = [(file.place.path(os.environ), file.format, fresh(file)) for file in tool.files(connection)]
    if json:
        files = [{"path": str(path), "format": kind, "content": content} for path, kind, content in shown]
        print_json({**_said(tool, connection), "files": files})
        return
    for path, _, content in shown:
        typer.echo(f"# {path}\n{content}")
    _say_rest(tool, connection)


def _write(tool: Tool, connection: Connection, is_known: bool, json: bool) -> None:
    from tokenmill.connect.writing import write

    done = write(tool.files(connection), os.environ, connection.made_at)
    if json:
        files = [
            {"path": str(each.path), "outcome": each.outcome, "backup": _or_none(each.backup)}
            for each in done
        ]
        print_json({**_said(tool, connection), "files": files})
        return
    if all(each.outcome == "unchanged" for each in done):
        typer.echo(f"{tool.name} is set up like this already; nothing was changed.")
    for each in done:
        backup = "" if each.backup is None else f"; it was {each.backup.name}"
        typer.echo(f"  {each.outcome:9}  {each.path}{backup}")
    if not is_known:
        typer.echo(f"  The figures of {connection.model} are the usual ones: its catalogue is not here.")
    _say_rest(tool, connection)


def _check(tool: Tool, connection: Connection, json: bool) -> None:
    from tokenmill.connect.trial import run_once

    report = run_once(tool, connection, os.environ, connection.made_at)
    if json:
        print_json(
            {
                **_said(tool, connection),
                "program": report.program,
                "ok": report.ok,
                "exit": report.exit,
                "seconds": report.seconds,
                "said": report.said,
            }
        )
    else:
        ended = "was stopped" if report.exit is None else f"ended with status {report.exit}"
        verdict = "works" if report.ok else "did not say OK"
        typer.echo(f"{tool.name} {verdict}: {report.program} {ended} after {report.seconds} s and said:")
        typer.echo(report.said or "(nothing)")
    if not report.ok:
        raise typer.Exit(1)


def _said(tool: Tool, connection: Connection) -> dict[str, object]:
    return {
        "tool": tool.id,
        "wire": connection.wire,
        "base_url": connection.anthropic if connection.wire == "messages" else connection.openai,
        "model": connection.model,
        "start": tool.start(connection),
        "notes": [*(note.en for note in tool.notes(connection)), *_overruled(tool, connection)],
    }


def _say_rest(tool: Tool, connection: Connection) -> None:
    said = _said(tool, connection)
    typer.echo(f"  Base URL   {said['base_url']}")
    typer.echo(f"  model      {connection.model}")
    typer.echo(f"  start it   {said['start']}")
    for note in [note.en for note in tool.notes(connection)] + _overruled(tool, connection):
        typer.echo(f"  {note}")


def _overruled(tool: Tool, connection: Connection) -> list[str]:
    """Variables of this shell that would win over the files."""
    winning = [name for name in tool.overruling if os.environ.get(name, connection.key) != connection.key]
    return [
        f"The variable {name} is set here and would win over these settings: unset it." for name in winning
    ]


def _or_none(path: Path | None) -> str | None:
    return None if path is None else str(path)
