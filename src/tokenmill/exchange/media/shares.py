"""Tells how much of a prompt is media, for callers whose upstream does not."""

from __future__ import annotations

import msgspec

from tokenmill.conversation.parts import Media, ToolResult
from tokenmill.conversation.request import Request
from tokenmill.conversation.usage import Usage
from tokenmill.exchange.media.tokens import Shares, shares_of_media


def shares_of_request(request: Request) -> Shares:
    """Of all media in it that say how large they are."""
    image = audio = video = 0
    for turn in request.turns:
        for part in turn.parts:
            for media in part.content if type(part) is ToolResult else (part,):
                if type(media) is Media and (shares := shares_of_media(media)) is not None:
                    image, audio, video = image + shares.image, audio + shares.audio, video + shares.video
    return Shares(image, audio, video)


def with_shares(usage: Usage, shares: Shares) -> Usage:
    """`usage` with `shares`, as far as its prompt has room for them; as it is where it tells of its own."""
    if not any(shares) or not usage.input or usage.image or usage.audio or usage.video:
        return usage
    image = min(shares.image, usage.input)
    audio = min(shares.audio, usage.input - image)
    video = min(shares.video, usage.input - image - audio)
    return msgspec.structs.replace(usage, image=image, audio=audio, video=video)
