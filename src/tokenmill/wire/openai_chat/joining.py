"""Joins messages of one speaker, for targets that want speakers to alternate."""

from __future__ import annotations

Json = dict[str, object]


def are_one(before: Json, after: Json) -> bool:
    """Does one speaker go on? Results of tools answer one call each, and a spoken reply stands alone."""
    same = before["role"] == after["role"] and before.get("name") == after.get("name")
    return same and before["role"] != "tool" and "audio" not in before | after


def joined(before: Json, after: Json) -> Json:
    """One message that says what both say."""
    message = before | after
    first, second = before["content"], after["content"]
    if isinstance(first, str) and isinstance(second, str):
        message["content"] = f"{first}\n\n{second}" if first and second else first or second
    else:
        message["content"] = [*_parts(first), *_parts(second)]
    for name in ("tool_calls", "reasoning_content"):
        match before.get(name), after.get(name):
            case (list(said), list(more)):
                message[name] = [*said, *more]
            case (str(said), str(more)):
                message[name] = said + more
            case _:
                pass  # At most one of them says it, and `message` has that.
    return message


def _parts(content: object) -> list[object]:
    if isinstance(content, list):
        return content
    return [{"type": "text", "text": content}] if content else []
