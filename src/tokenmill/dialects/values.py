"""Types the values of a tool call by the tool's JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from tokenmill.conversation.parts import Value
from tokenmill.conversation.request import FunctionTool

_INTEGER: Final = re.compile(r"(-?(?:0|[1-9]\d*))(?:\.0+)?")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_NESTING: Final = 16
"""How deep references and unions are followed; a schema may refer to itself."""


class Parameters(Value, frozen=True):
    """What a tool's schema says of its arguments."""

    root: Mapping[str, Any]
    properties: Mapping[str, Any]
    required: frozenset[str]

    def typed(self, key: str, text: str) -> str | None:
        """The JSON of the value that the model wrote as `text`; None if it is a piece of an object or array.

        A property of unknown type is a string, and so is a value that does not fit its type: the tool's
        own complaint tells the model more than anything that could be made of it here.
        """
        kinds = _kinds(self.properties.get(key), self.root, _NESTING)
        bare = text.strip()
        if "null" in kinds and bare in ("null", "None"):
            return "null"
        if "integer" in kinds and (integer := _INTEGER.fullmatch(bare)):
            return integer[1]
        if "number" in kinds and _NUMBER.fullmatch(bare):
            return bare
        if "boolean" in kinds and bare.lower() in ("true", "false"):
            return bare.lower()
        if ("object" in kinds and bare[:1] == "{") or ("array" in kinds and bare[:1] == "["):
            structure = read_structure(bare)
            if structure is not None:
                return structure
            if "string" not in kinds and not _balanced(bare):
                return None
        return quoted(text)


def parameters_of(tool: FunctionTool) -> Parameters:
    """A schema that is missing or is no object says nothing."""
    try:
        root = msgspec.json.decode(tool.parameters) if tool.parameters else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        root = {}
    root = root if isinstance(root, dict) else {}
    properties = root.get("properties")
    required = root.get("required")
    return Parameters(
        root,
        properties if isinstance(properties, dict) else {},
        frozenset(key for key in required if isinstance(key, str))
        if isinstance(required, list)
        else frozenset(),
    )


def quoted(text: str) -> str:
    """`text` as a JSON string; half a surrogate pair, which JSON cannot carry, becomes a question mark."""
    try:
        return msgspec.json.encode(text).decode()
    except UnicodeEncodeError:
        return msgspec.json.encode(text.encode("utf-8", "replace").decode()).decode()


def read_structure(text: str) -> str | None:
    """The JSON of an object or array written as JSON or, sloppily, as Python writes it; else None."""
    for attempt in (text, None):
        candidate = _from_python(text) if attempt is None else attempt
        try:
            if isinstance(msgspec.json.decode(candidate), dict | list):
                return candidate
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            pass
    return None


def _kinds(node: object, root: Mapping[str, Any], depth: int) -> frozenset[str]:
    """The JSON types that a schema allows; none if it does not say."""
    if not isinstance(node, dict) or depth == 0:
        return frozenset()
    kinds: set[str] = set()
    match node.get("type"):
        case str(kind):
            kinds.add(kind)
        case list(several):
            kinds.update(kind for kind in several if isinstance(kind, str))
    if node.get("nullable") is True:
        kinds.add("null")
    if isinstance(reference := node.get("$ref"), str):
        kinds |= _kinds(_referred(reference, root), root, depth - 1)
    for word in ("anyOf", "oneOf", "allOf"):
        if isinstance(branches := node.get(word), list):
            for branch in branches:
                kinds |= _kinds(branch, root, depth - 1)
    if not kinds:
        kinds |= _kinds_of_examples(node)
    return frozenset(kinds)


def _kinds_of_examples(node: Mapping[str, Any]) -> set[str]:
    """The types of what the schema lists as allowed, or of what only such a type can have."""
    allowed = node.get("enum")
    values = list(allowed) if isinstance(allowed, list) else []
    if "const" in node:
        values.append(node["const"])
    kinds = {_KIND_OF.get(type(value), "string") for value in values}
    if isinstance(node.get("properties"), dict):
        kinds.add("object")
    if "items" in node:
        kinds.add("array")
    return kinds


_KIND_OF: Final[Mapping[type, str]] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
    dict: "object",
    list: "array",
}


def _referred(reference: str, root: Mapping[str, Any]) -> object:
    if not reference.startswith("#"):
        return None
    node: object = root
    for step in reference[1:].split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        node = node.get(key) if isinstance(node, dict) else None
    return node


# An unclosed string runs to the end, so that no text makes this search quadratic.
_TOKEN: Final = re.compile(
    r"""(?P<single>'(?:[^'\\]|\\.)*'?)|(?P<double>"(?:[^"\\]|\\.)*"?)|(?P<word>[A-Za-z_]+)|(?P<comma>,(?=\s*[}\]]))""",
    re.DOTALL,
)
_IN_STRING: Final = re.compile(r"""\\.|["\x00-\x1f]""", re.DOTALL)
_WORDS: Final = {"True": "true", "False": "false", "None": "null"}


def _from_python(text: str) -> str:
    """Quotes, `True`, `None`, trailing commas and raw line breaks as JSON writes them."""
    return _TOKEN.sub(_token_as_json, text)


def _token_as_json(token: re.Match[str]) -> str:
    match token.lastgroup:
        case "word":
            return _WORDS.get(token[0], token[0])
        case "comma":
            return ""
        case _:
            return '"' + _IN_STRING.sub(_escaped, token[0][1:-1]) + '"' if len(token[0]) > 1 else token[0]


def _escaped(turn: re.Match[str]) -> str:
    found = turn[0]
    if found == "\\'":
        return "'"
    return found if found[0] == "\\" else quoted(found)[1:-1]


def _balanced(text: str) -> bool:
    """Are there as many closing brackets as opening ones, outside strings?"""
    bare = _TOKEN.sub("", text)
    return bare.count("{") == bare.count("}") and bare.count("[") == bare.count("]")
