"""Decides whether a request may search the web, and who searches for it."""

from __future__ import annotations

import msgspec

from tokenmill.accounts.key_check import Caller
from tokenmill.billing.terms import Terms
from tokenmill.catalog.entries import Model
from tokenmill.conversation.parts import Value, Vendor
from tokenmill.conversation.places import tool_places
from tokenmill.conversation.request import ChooseFreely, ChooseOne, Drop, Request, UnknownTool
from tokenmill.exchange.searching.rules import NAME, Rules, as_search, prepared, searching_tool
from tokenmill.kit.faults import Code, Fault
from tokenmill.ports import Route


class Plan(Value, frozen=True, kw_only=True):
    """The request as the model is to have it, and by which routes; `rules` None: we do not search."""

    request: Request
    ways: tuple[Route, ...]
    rules: Rules | None = None
    drops: tuple[Drop, ...] = ()


def planned_search(
    request: Request,
    model: Model,
    ways: tuple[Route, ...],
    caller: Caller,
    terms: Terms,
    protocol: Vendor,
    *,
    provided: bool,
) -> Plan:
    """How `request`, which offers a web search, goes on; `provided` says whether the platform has a provider.

    Where the best route's target searches by itself, it does, and only such routes are left. A search that
    cannot be made is left out where it is merely offered. Raises Fault(UNSUPPORTED) where it is insisted on.
    """
    native = ways[0].native_search and _can_be_told(request, ways[0], protocol)
    reason = _obstacle(model, caller, terms, provided=provided or native)
    if reason is not None:
        if _insists(request, protocol):
            raise Fault(Code.UNSUPPORTED, f"{reason} Leave the web_search tool out.", field=_place(request))
        return Plan(request=without_search(request), ways=ways, drops=(Drop(_place(request), reason),))
    if native:
        return Plan(request=request, ways=tuple(way for way in ways if way.native_search))
    ready, rules = prepared(request, protocol, model.context_window)
    return Plan(request=ready, ways=ways, rules=rules)


def without_search(request: Request) -> Request:
    """`request` without its web search."""
    kept = [
        (tool, at)
        for tool, at in zip(request.tools, tool_places(request), strict=True)
        if as_search(tool) is None
    ]
    tools, places = tuple(tool for tool, _ in kept), tuple(at for _, at in kept)
    choice = request.tool_choice if tools else ChooseFreely()
    return msgspec.structs.replace(request, tools=tools, tools_at=places, tool_choice=choice)


def _obstacle(model: Model, caller: Caller, terms: Terms, *, provided: bool) -> str | None:
    """What keeps this caller from searching with this model, and what to do about it."""
    if not model.web_search:
        return f"The model '{model.id}' does not search the web here."
    if not provided:
        return "Web search has no provider on this platform; its operator sets one under [search]."
    if not caller.web_search:
        return (
            "web search tool found in the request body, but webSearchEnabled is false: "
            "switch web search on in the console (Plugins), or with PATCH /account."
        )
    if terms.purses and terms.tariff.search is None:
        if terms.unit == "credits":
            return "This Token Plan does not include web search; use another plan, or a pay-as-you-go key."
        return f"Web search with the model '{model.id}' is not for sale in {terms.unit}."
    return None


def _insists(request: Request, protocol: Vendor) -> bool:
    """Would an answer without a search deceive its caller?

    Codex and Cline offer a search beside their own tools with every request, and can do without. On chat
    it is a caller's own wish: the MiMo platform refuses it there.
    """
    tool = searching_tool(request)
    demanded = (tool is not None and tool.force) or request.tool_choice == ChooseOne(NAME)
    if protocol == "openai_chat" or demanded:
        return True
    return all(as_search(each) is not None for each in request.tools)


def _can_be_told(request: Request, way: Route, protocol: Vendor) -> bool:
    """Does the target's wire know of the domains that a search is to keep to? Only the caller's own does."""
    fenced = any(type(tool) is UnknownTool and as_search(tool) is not None for tool in request.tools)
    return not fenced or (protocol == "anthropic_messages" and way.engine == "anthropic")


def _place(request: Request) -> str:
    at = next(at for at, tool in enumerate(request.tools) if as_search(tool) is not None)
    return f"tools[{at}]"
