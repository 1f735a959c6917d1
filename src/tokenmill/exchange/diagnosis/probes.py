"""Finds out by a few tiny questions what a target can do."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from tokenmill.conversation.parts import Reasoning, Text, ToolCall, ToolResult
from tokenmill.conversation.request import FunctionTool, Request, Thinking, Turn
from tokenmill.exchange.diagnosis.asking import Heard, Patient
from tokenmill.exchange.diagnosis.findings import ABILITIES, Ability, Examined, Finding
from tokenmill.kit.faults import Blame, Code, Fault

SHORT: Final = 64
"""Tokens of an answer in a few words; one that thinks gets LONG."""
LONG: Final = 1024
NUMBERS: Final = 600
"""Words of a prompt that is sent twice. Some platforms cache nothing below 1,024 tokens, and a number with
its space takes two or more."""

TOOL: Final = FunctionTool(
    "look_up",
    "Looks up the number that belongs to a name. The only way to know such a number.",
    msgspec.json.encode({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}),
)
_QUIET: Final = Thinking(on=False)
_WANTED: Final = Turn("user", (Text("Look up the number of the name Quince, with your tool."),))
_CALL: Final = ToolCall("call_0123456789abcdef01234567", "look_up", '{"name": "Quince"}')
_NUMBER: Final = "4711"

_Found = tuple[Ability, Finding]


async def examine(patient: Patient) -> Examined:
    """What the target does; a target that does not answer is asked nothing further."""
    found = {ability: finding async for ability, finding in _findings(patient)}
    unasked = Finding("unknown", "not asked, since it does not answer")
    real = patient.engine.served_by(patient.route)
    context = patient.model.context_window
    return Examined(
        target=patient.route.target,
        engine=patient.route.engine,
        model=patient.model.id,
        upstream_model=patient.route.upstream_model if real is None else real.name,
        context=context if real is None else min(context, real.context_window),
        findings={ability: found.get(ability, unasked) for ability in ABILITIES},
    )


async def _findings(patient: Patient) -> AsyncIterator[_Found]:
    try:
        heard = await patient.ask(_question("Count from one to ten in words.", thinking=_QUIET))
    except Fault as fault:
        yield "answers", Finding("no", fault.message)
        return
    yield "answers", Finding("yes", _beginning(heard.text))
    yield "streams", _streams(heard)
    yield "usage", _usage(heard)
    yield "tools", await _tools(patient)
    yield "results", await _results(patient)
    yield "thinks", await _thinks(patient, quiet=heard)
    yield "caches", await _caches(patient)


def _streams(heard: Heard) -> Finding:
    if heard.pieces > 1:
        return Finding("yes", f"its words came in {heard.pieces} pieces")
    if not heard.text and not heard.thought:
        return Finding("unknown", "it said nothing")
    return Finding("no", "its words came all at once: callers see nothing until the end")


def _usage(heard: Heard) -> Finding:
    usage = heard.usage
    if usage.input > 0 and usage.output > 0:
        return Finding("yes", f"{usage.input} tokens in, {usage.output} out")
    return Finding("no", "it does not say what it used, so the platform bills its own count")


async def _tools(patient: Patient) -> Finding:
    try:
        heard = await patient.ask(
            Request(
                model=patient.model.id,
                turns=(_WANTED,),
                tools=(TOOL,),
                max_output=LONG,
                thinking=_QUIET,
                stream=True,
            )
        )
    except Fault as fault:
        return Finding("no" if _refuses(fault) else "unknown", fault.message)
    fitting = [call for call in heard.calls if call.name == TOOL.name and _is_object(call.arguments)]
    if fitting and not heard.calls_told:
        return Finding(
            "yes", "it writes calls as markup, which the platform lifts out; give its server a tool parser"
        )
    if fitting:
        return Finding("yes", f"it called {TOOL.name}({fitting[0].arguments})")
    if heard.calls:
        return Finding("no", f"its call cannot be run: {heard.calls[0].name}({heard.calls[0].arguments})")
    return Finding("no", f"it called nothing and said: {_beginning(heard.text) or 'nothing'}")


async def _results(patient: Patient) -> Finding:
    """Does it go on from what a tool said? First without the reasoning of the call, as many clients ask."""
    thought = Reasoning("I should look it up.")
    try:
        heard = await patient.ask(_after_result(patient))
        without = True
    except Fault as first:
        if not _refuses(first):
            return Finding("unknown", first.message)
        try:
            heard = await patient.ask(_after_result(patient, thought))
            without = False
        except Fault as second:
            return Finding("no", second.message)
    advice = ""
    if not without and patient.route.reasoning_back != "required":
        advice = '; it wants reasoning back: set reasoning_back = "required" for this target'
    if _NUMBER in heard.text:
        return Finding("yes", f"it answered with what the tool had said{advice}")
    if heard.text or heard.calls:
        return Finding("yes", f"it went on, but did not repeat what the tool had said{advice}")
    return Finding("no", "it said nothing to the result of its call")


def _after_result(patient: Patient, *before: Reasoning) -> Request:
    turns = (
        _WANTED,
        Turn("assistant", (*before, _CALL)),
        Turn("tool", (ToolResult(_CALL.id, (Text(f"The number of Quince is {_NUMBER}."),)),)),
    )
    return Request(model=patient.model.id, turns=turns, tools=(TOOL,), max_output=LONG, stream=True)


async def _thinks(patient: Patient, quiet: Heard) -> Finding:
    if patient.model.thinking == "never":
        return Finding("no", "its catalogue entry says that it never does")
    try:
        heard = await patient.ask(_question("What is 17 times 23?", thinking=Thinking(on=True), most=LONG))
    except Fault as fault:
        return Finding("no" if _refuses(fault) else "unknown", fault.message)
    if not heard.thought:
        return Finding("no", f"it showed no reasoning (thinking_switch is {patient.route.thinking_switch!r})")
    if quiet.thought:
        return Finding("yes", "also when it is told not to: look at thinking_switch")
    return Finding("yes", "and it stops when it is told to")


async def _caches(patient: Patient) -> Finding:
    """Does it report a hit when it is told the same thing a second time?"""
    mark = secrets.token_hex(4)  # Nobody has asked it this before.
    words = " ".join(map(str, range(NUMBERS)))
    question = _question(f"Remember {mark}: {words}. Now say OK.", thinking=_QUIET)
    try:
        first, second = await patient.ask(question), await patient.ask(question)
    except Fault as fault:
        return Finding("unknown", fault.message)
    if second.usage.input_cached > 0:
        return Finding("yes", f"{second.usage.input_cached} of {second.usage.input} tokens the second time")
    if first.usage.input_written or first.usage.input_cached:
        return Finding("unknown", "it keeps a cache, but reported no hit a moment later")
    return Finding("no", "it reported no hit for a prompt sent twice, so every turn costs its full price")


def _question(text: str, *, thinking: Thinking, most: int = SHORT) -> Request:
    turn = Turn("user", (Text(text),))
    return Request(model="", turns=(turn,), max_output=most, thinking=thinking, stream=True)


def _refuses(fault: Fault) -> bool:
    """Is it the request that it does not take, rather than any request?"""
    return fault.blame is Blame.CALLER or fault.code is Code.UPSTREAM_REFUSED


def _beginning(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:60]}…"


def _is_object(arguments: str) -> bool:
    try:
        return isinstance(json.loads(arguments), dict)
    except ValueError:
        return False
