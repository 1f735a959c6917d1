"""Says what messages and replies are made of."""

from __future__ import annotations

from typing import Literal

import msgspec

Vendor = Literal["openai_chat", "openai_responses", "anthropic_messages"]
"""Whose wire a value that we do not understand was taken from; it goes back to that wire only."""


class Value(msgspec.Struct, frozen=True):
    """The base of every canonical fact: frozen, compared by value."""


class CacheMark(Value, frozen=True):
    """ "The prompt up to here is worth caching" (Anthropic's `cache_control`)."""

    ttl: str | None = None


class UrlCitation(Value, frozen=True):
    """A web page that the text before it leans on; offsets are in characters of the part's text.

    `sealed` is the citation as its vendor wrote it, where that vendor wants it back as it was.
    """

    url: str
    title: str = ""
    summary: str = ""
    site_name: str = ""
    publish_time: str = ""
    logo_url: str = ""
    start: int | None = None
    end: int | None = None
    sealed: VendorCitation | None = None


class VendorCitation(Value, frozen=True):
    """A citation whose shape only its own protocol knows."""

    vendor: Vendor
    raw: bytes


Citation = UrlCitation | VendorCitation


class TokenLogprob(Value, frozen=True):
    """One token of a reply, its log probability and its likeliest rivals."""

    token: str
    logprob: float
    bytes: tuple[int, ...] | None = None
    top: tuple[TokenLogprob, ...] = ()


class Url(Value, frozen=True):
    """Media that the target fetches by itself."""

    url: str


class Inline(Value, frozen=True):
    """Media inside the request, base64 as it arrived."""

    data: str


class FileId(Value, frozen=True):
    """Media that was uploaded before."""

    id: str


MediaSource = Url | Inline | FileId
MediaKind = Literal["image", "audio", "video", "file"]


class Text(Value, frozen=True):
    """Words for the reader; `stands_for` is what its own protocol hears in their place."""

    text: str = ""
    citations: tuple[Citation, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    cache: CacheMark | None = None
    stands_for: Unknown | None = None


class Reasoning(Value, frozen=True):
    """Words the model wrote for itself.

    `origin` names the issuer of `signature`; a signature goes back to its issuer only,
    byte for byte. A redacted part has no text and carries its sealed data as signature.
    """

    text: str = ""
    form: Literal["visible", "summary", "redacted"] = "visible"
    origin: str | None = None
    signature: str | None = None


class ToolCall(Value, frozen=True):
    """The model asks for a tool; `arguments` is the text it wrote, JSON or not."""

    id: str
    name: str
    arguments: str = ""
    kind: Literal["function", "custom", "server"] = "function"
    cache: CacheMark | None = None


class Refusal(Value, frozen=True):
    """The model declines, in words."""

    text: str = ""


class Media(Value, frozen=True):
    """An image, a sound, a film or a file.

    `media_type` is a MIME type or a bare format name, as the caller gave it; `options`
    holds what its wire says beside the source (`detail`, `fps`, `media_resolution`), as JSON.
    """

    kind: MediaKind
    source: MediaSource
    media_type: str | None = None
    name: str | None = None
    options: tuple[tuple[str, bytes], ...] = ()
    cache: CacheMark | None = None


class Unknown(Value, frozen=True):
    """A part of a type that we do not know, kept whole for its own protocol."""

    vendor: Vendor
    type: str
    raw: bytes


class ToolResult(Value, frozen=True):
    """What a tool said; `server` marks a tool that the upstream ran by itself."""

    call_id: str
    content: tuple[Text | Media | Unknown, ...] = ()
    is_error: bool = False
    server: bool = False
    cache: CacheMark | None = None


Part = Text | Reasoning | ToolCall | ToolResult | Refusal | Media | Unknown

OUR_SEARCH = "srvtoolu_tm"
"""How the ids of searches begin that this platform runs itself, in a form that every wire takes.

The result of one holds a Text: its citations are what was found, its words why nothing was.
"""


def is_our_search(part: Part) -> bool:
    """Is it the call of such a search, or its result?"""
    match part:
        case ToolCall(id=id_, kind="server") | ToolResult(call_id=id_, server=True):
            return id_.startswith(OUR_SEARCH)
        case _:
            return False


def found_by(result: ToolResult) -> tuple[tuple[UrlCitation, ...], str]:
    """What such a result says: the sources, or why there are none."""
    texts = [part for part in result.content if isinstance(part, Text)]
    sources = [each for text in texts for each in text.citations if isinstance(each, UrlCitation)]
    return tuple(sources), "".join(text.text for text in texts)
