"""How coding agents are set up for this platform, filled in with its addresses and a model."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query

from tokenmill.admin.caller import Desk, Member
from tokenmill.admin.services import Services
from tokenmill.admin.shapes import Everything, Line, Shown
from tokenmill.catalog.entries import Model
from tokenmill.connect.connection import (
    USUAL_MODEL,
    WIRE_NAMES,
    Connection,
    ModelFigures,
    Wire,
)
from tokenmill.connect.merging import fresh
from tokenmill.connect.template import File, Tool
from tokenmill.connect.tools import TOOLS
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.secrets import KeyKind

router = APIRouter(tags=["tools"])

PLACEHOLDERS: Final[dict[KeyKind, str]] = {"sk": "sk-YOUR-KEY", "tp": "tp-YOUR-KEY"}
"""What stands where the key belongs; keys cannot be read again."""


class Both(Shown):
    """One thing said in both languages."""

    en: str
    zh: str


class ToolListed(Shown):
    """`clients` of the usage rows name a tool by its id."""

    id: str
    name: str
    wires: list[Wire]


class WireShown(Shown):
    wire: Wire
    name: str
    base_url: str


class FileShown(Shown):
    """`others` are places that win over the usual one; `text` is a file that holds nothing else."""

    place: str
    others: list[str]
    format: str
    text: str


class ToolShown(Shown):
    """`placeholder` stands in texts and commands where the key belongs."""

    id: str
    name: str
    model: str
    wire: Wire
    wires: list[WireShown]
    placeholder: str
    install: str
    connect: str
    check: str
    start: str
    files: list[FileShown]
    notes: list[Both]


@router.get("/tools")
async def tools(_: Member) -> Everything[ToolListed]:
    """The coding agents that there is a guide for."""
    return Everything(
        data=[ToolListed(id=tool.id, name=tool.name, wires=list(tool.wires)) for tool in TOOLS.values()]
    )


@router.get("/tools/{tool_id}")
async def tool(
    tool_id: str,
    _: Member,
    desk: Desk,
    purse: Annotated[KeyKind, Query(description="Whose key: the wallet's, or the Token Plan's.")] = "sk",
    wire: Annotated[Wire | None, Query(description="The protocol; left out, the tool's own first.")] = None,
    model: Annotated[Line | None, Query(description="The model; left out, a usual one.")] = None,
) -> ToolShown:
    """How to set one up, as `tokenmill connect` would."""
    found = TOOLS.get(tool_id)
    if found is None:
        raise Fault(Code.NOT_FOUND, f"There is no guide for this tool, only for {', '.join(TOOLS)}.")
    if wire is not None and wire not in found.wires:
        raise Fault(Code.BAD_VALUE, f"{found.name} speaks {', '.join(found.wires)}.", field="wire")
    chosen = _model(desk, model)
    root = desk.public_url if purse == "sk" else desk.plan_url
    connection = Connection(
        root,
        PLACEHOLDERS[purse],
        USUAL_MODEL if chosen is None else chosen.id,
        ModelFigures() if chosen is None else _figures(chosen),
        found.wires[0] if wire is None else wire,
        desk.clock.now(),
    )
    return _shown(found, connection if found.long_names else connection.without_suffix())


def _model(desk: Services, wanted: str | None) -> Model | None:
    """None when nothing is offered yet."""
    catalogue = desk.catalogue()
    if wanted is not None:
        return catalogue.find(wanted)
    offered = sorted(model.id for model in catalogue.models() if catalogue.targets_of(model))
    if not offered:
        return None
    return catalogue.find(USUAL_MODEL if USUAL_MODEL in offered else offered[0])


def _figures(model: Model) -> ModelFigures:
    return ModelFigures(
        context=model.context_window,
        output=model.max_output_tokens,
        images="image" in model.input,
        thinking=model.thinking != "never",
    )


def _shown(tool: Tool, connection: Connection) -> ToolShown:
    wire = "" if connection.wire == tool.wires[0] else f" --wire {connection.wire}"
    command = (
        f"tokenmill connect {tool.id} --key {connection.key} --model {connection.model}"
        f" --base-url {connection.root}{wire}"
    )
    return ToolShown(
        id=tool.id,
        name=tool.name,
        model=connection.model,
        wire=connection.wire,
        wires=[
            WireShown(
                wire=each,
                name=WIRE_NAMES[each],
                base_url=connection.anthropic if each == "messages" else connection.openai,
            )
            for each in tool.wires
        ],
        placeholder=connection.key,
        install=tool.install,
        connect=command,
        check=f"{command} --check",
        start=tool.start(connection),
        files=[_file(file) for file in tool.files(connection)],
        notes=[Both(en=note.en, zh=note.zh) for note in tool.notes(connection)],
    )


def _file(file: File) -> FileShown:
    others = [f"${name}{'/' if below else ''}{below}" for name, below in file.place.overrides]
    return FileShown(
        place=file.place.shown,
        others=others if file.place.rival is None else [*others, file.place.rival],
        format=file.format,
        text=fresh(file).rstrip(),
    )
