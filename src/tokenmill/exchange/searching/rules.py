"""Says how the platform searches for one request, and what the model is offered for the caller's tool."""

from __future__ import annotations

from typing import Final

import msgspec

from tokenmill.conversation.parts import Value, Vendor
from tokenmill.conversation.places import tool_places
from tokenmill.conversation.request import (
    ChooseAny,
    ChooseFreely,
    ChooseFrom,
    ChooseNone,
    ChooseOne,
    CustomTool,
    FunctionTool,
    Request,
    Tool,
    ToolChoice,
    UnknownTool,
    WebSearchTool,
)
from tokenmill.exchange.searching.queries import question_of
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.fenced import fenced_search

KEYWORDS: Final = 5
"""Searches of one round, and results of one search, where the caller says nothing; as the original has it."""
ROUNDS: Final = 3
"""Times that a model may search in one reply; each makes its prompt longer."""
MOST_SEARCHES: Final = 50
"""Of one reply, whatever the caller allows."""
CHARACTERS: Final = 40_000
"""Of one round's results that a model is shown: some 10,000 tokens of English, 27,000 of Chinese."""
NAME: Final = "web_search"


class Rules(Value, frozen=True, kw_only=True):
    """How to search for one request.

    `first` is searched for before the model is asked; `offered` says whether the model may search as well,
    by calling the function `name`, which its caller never sees. `per_round` and `total` count searches,
    `limit` is of results for each, `characters` of the results of a round. `only` and `never` are domains.
    """

    name: str = NAME
    first: str | None = None
    offered: bool = True
    per_round: int = KEYWORDS
    total: int = MOST_SEARCHES
    rounds: int = ROUNDS
    limit: int = KEYWORDS
    characters: int = CHARACTERS
    country: str = ""
    place: str = ""
    only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


class _Location(msgspec.Struct):
    country: str | None = None
    region: str | None = None
    city: str | None = None
    district: str | None = None


def searching_tool(request: Request) -> WebSearchTool | None:
    """The web search that the request offers, the first if there are several."""
    for tool in request.tools:
        if (search := as_search(tool)) is not None:
            return search
    return None


def as_search(tool: Tool) -> WebSearchTool | None:
    """The web search that `tool` is, perhaps one that keeps to some domains; None for any other tool."""
    if type(tool) is UnknownTool:
        return fenced_search(tool)
    return tool if type(tool) is WebSearchTool else None


def prepared(
    request: Request, protocol: Vendor, context_window: int, *, with_name: str = NAME
) -> tuple[Request, Rules]:
    """`request` with a function of ours in place of the caller's web search, and the rules for it.

    `context_window` is the model's, in tokens. Raises Fault(UNSUPPORTED) for what cannot be answered so.
    """
    tool = searching_tool(request)
    assert tool is not None
    if request.choices > 1:
        raise Fault(Code.UNSUPPORTED, "Web search answers with one choice. Leave n out.", field="n")
    rules = _rules(request, tool, protocol, context_window)
    places = tool_places(request)
    kept = [(each, at) for each, at in zip(request.tools, places, strict=True) if as_search(each) is None]
    tools, at = tuple(each for each, _ in kept), tuple(at for _, at in kept)
    if rules.offered:
        place = next(
            at for each, at in zip(request.tools, places, strict=True) if as_search(each) is not None
        )
        tools, at = (*tools, function_for(rules)), (*at, place)
    choice = _choice(request.tool_choice, rules, any_left=bool(tools))
    return msgspec.structs.replace(request, tools=tools, tools_at=at, tool_choice=choice), rules


def function_for(rules: Rules) -> FunctionTool:
    """What the model is offered."""
    queries = {
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
        "maxItems": rules.per_round,
        "description": "What to search for: a few words each, as one would type them into a search engine.",
    }
    schema = {
        "type": "object",
        "properties": {"queries": queries},
        "required": ["queries"],
        "additionalProperties": False,
    }
    where = ", ".join(filter(None, (rules.place, rules.country)))
    near = f" The user is near {where}." if where else ""
    return FunctionTool(
        rules.name,
        "Searches the web and returns what pages say. Use it for recent events, for facts that may have "
        f"changed, and for what you do not know for certain; not for what needs no source.{near}",
        msgspec.json.encode(schema),
    )


def closed(request: Request, rules: Rules) -> Request:
    """The request for a reply that may not search any more."""
    tools = tuple(tool for tool in request.tools if getattr(tool, "name", None) != rules.name)
    if tools:
        kept = [at for tool, at in zip(request.tools, tool_places(request), strict=True) if tool in tools]
        return msgspec.structs.replace(request, tools=tools, tools_at=tuple(kept))
    # Some servers refuse a history of calls without a tool, so the tool stays.
    return msgspec.structs.replace(request, tool_choice=ChooseNone()) if request.tools else request


def _rules(request: Request, tool: WebSearchTool, protocol: Vendor, context_window: int) -> Rules:
    location = _location(tool.location)
    names = {each.name for each in request.tools if isinstance(each, FunctionTool | CustomTool)}
    # Messages bounds the searches of a reply; the original's chat those of a round.
    total = tool.max_keyword if protocol == "anthropic_messages" else None
    per_round = min(tool.max_keyword or KEYWORDS, MOST_SEARCHES)
    wanted = tool.force or (request.tool_choice == ChooseOne(NAME) and NAME not in names)
    only = not names and isinstance(request.tool_choice, ChooseAny)
    return Rules(
        name=NAME if NAME not in names else _free_name(names),
        first=question_of(request) if wanted or only else None,
        offered=not isinstance(request.tool_choice, ChooseNone),
        per_round=per_round,
        total=min(total or MOST_SEARCHES, MOST_SEARCHES),
        limit=tool.limit or KEYWORDS,
        characters=min(CHARACTERS, max(2_000, context_window // 2)),
        country=(location.country or "")[:2].upper() if len(location.country or "") == 2 else "",
        place=" ".join(filter(None, (location.district, location.city, location.region)))[:100],
        only=tool.only,
        never=tool.never,
    )


def _choice(choice: ToolChoice, rules: Rules, *, any_left: bool) -> ToolChoice:
    """What is still to be demanded of the model: a search that was demanded is made before it is asked."""
    if not any_left:
        return ChooseFreely()
    match choice:
        case ChooseOne(name=name) if name == NAME and rules.first is not None:
            return ChooseFreely()
        case ChooseOne(name=name) if name == NAME and rules.name == NAME:
            return ChooseOne(rules.name)
        case ChooseAny() if rules.first is not None:
            return ChooseFreely()
        case ChooseFrom(names=names, required=required):
            return ChooseFrom((*names, rules.name), required)  # Searching was not to be forbidden.
        case _:
            return choice


def _free_name(names: set[str]) -> str:
    return next(name for at in range(len(names) + 2) if (name := f"search_the_web_{at}") not in names)


def _location(raw: bytes | None) -> _Location:
    try:
        return msgspec.json.decode(raw, type=_Location) if raw else _Location()
    except msgspec.DecodeError:
        return _Location()
