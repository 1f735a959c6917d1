"""Says what a caller can ask of a model, in any protocol."""

from __future__ import annotations

from typing import Literal

from tokenmill.conversation.parts import CacheMark, Part, Value, Vendor

Role = Literal["system", "developer", "user", "assistant", "tool"]
Effort = Literal["minimal", "low", "medium", "high", "xhigh", "max"]


class Turn(Value, frozen=True, eq=False):
    """One message: who speaks, and what.

    `at` is where its caller said each of its parts (`messages[0].content[1]`); turns that say the same are
    equal, wherever they were said.
    """

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    at: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Turn):
            return NotImplemented
        return (self.role, self.parts, self.name) == (other.role, other.parts, other.name)

    def __hash__(self) -> int:
        return hash((self.role, self.parts, self.name))


class Extras(Value, frozen=True):
    """What of a request only its own protocol knows: members as the caller's JSON, headers in lower case."""

    vendor: Vendor
    fields: tuple[tuple[str, bytes], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


class FunctionTool(Value, frozen=True):
    """A function the model may call; `parameters` is its JSON Schema, as the caller wrote it.

    `extras` are members that only its own protocol knows.
    """

    name: str
    description: str | None = None
    parameters: bytes | None = None
    strict: bool | None = None
    deferred: bool = False
    cache: CacheMark | None = None
    extras: Extras | None = None


class CustomTool(Value, frozen=True):
    """A tool that takes free text; `format` is its grammar, as the caller wrote it."""

    name: str
    description: str | None = None
    format: bytes | None = None


class WebSearchTool(Value, frozen=True):
    """Search on the web, run by the platform; `location` is the caller's JSON, `extras` as with functions.

    Pages are to be of the domains `only`, if there are any, and of none of `never`.
    """

    force: bool = False
    max_keyword: int | None = None
    limit: int | None = None
    location: bytes | None = None
    extras: Extras | None = None
    only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


class UnknownTool(Value, frozen=True):
    """A tool of a type that we do not know, kept whole for its own protocol; its name, where it has one."""

    vendor: Vendor
    type: str
    raw: bytes
    name: str | None = None


Tool = FunctionTool | CustomTool | WebSearchTool | UnknownTool


class ChooseFreely(Value, frozen=True):
    """The model decides whether to call tools."""


class ChooseNone(Value, frozen=True):
    """The model may not call tools."""


class ChooseAny(Value, frozen=True):
    """The model must call a tool."""


class ChooseOne(Value, frozen=True):
    """The model must call this tool."""

    name: str


class ChooseFrom(Value, frozen=True):
    """The model may (or must) call one of these tools."""

    names: tuple[str, ...]
    required: bool = False


ToolChoice = ChooseFreely | ChooseNone | ChooseAny | ChooseOne | ChooseFrom


class Thinking(Value, frozen=True):
    """How much the model is to think: `on` None leaves it to the model's default; `budget` is in tokens."""

    on: bool | None = None
    effort: Effort | None = None
    budget: int | None = None


class JsonObject(Value, frozen=True):
    """The reply is to be a JSON object."""


class JsonSchema(Value, frozen=True):
    """The reply is to fit this JSON Schema, given as the caller wrote it."""

    name: str
    schema: bytes
    description: str | None = None
    strict: bool | None = None


ReplyFormat = JsonObject | JsonSchema


class Sampling(Value, frozen=True):
    """How the next token is drawn; None leaves it to the model's default."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


class Logprobs(Value, frozen=True):
    """Log probabilities are wanted, with this many rivals for each token."""

    top: int = 0


class Request(Value, frozen=True, kw_only=True):
    """One question to a model. `max_output` counts thinking and answer, in tokens.

    `tools_at` is where its caller offered each tool, empty where that is their own order.
    """

    model: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    tools_at: tuple[str, ...] = ()
    tool_choice: ToolChoice = ChooseFreely()
    parallel_tools: bool | None = None
    max_output: int | None = None
    sampling: Sampling = Sampling()
    thinking: Thinking = Thinking()
    format: ReplyFormat | None = None
    logprobs: Logprobs | None = None
    choices: int = 1
    stream: bool = False
    include_usage: bool | None = None
    user: str | None = None
    extras: Extras | None = None


class Drop(Value, frozen=True):
    """Something the caller said that did not reach the target, and why: nothing is lost silently."""

    field: str
    reason: str
