"""Says what is served below the Base URL of each protocol."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from tokenmill.accounts.key_check import Caller
from tokenmill.api.call import Call
from tokenmill.api.chat import ChatCompletions
from tokenmill.api.files import FilePages
from tokenmill.api.messages import Messages
from tokenmill.api.models import Models
from tokenmill.api.moderations import Moderations
from tokenmill.api.reads import ReadLimit
from tokenmill.api.rejections import ANTHROPIC, OPENAI, Dialect
from tokenmill.api.responses import Responses
from tokenmill.api.usage import UsagePages
from tokenmill.conversation.parts import Value
from tokenmill.kit.secrets import KeyKind

PLAN_PREFIX = "/token-plan"

Keyed = Callable[[Call, Caller], Awaitable[None]]
KeyedOne = Callable[[Call, Caller, str], Awaitable[None]]


class Resource(Value, frozen=True):
    """What lies at `before + id + after`; an id holds no slash unless it may be `long`."""

    before: str
    after: str
    methods: Mapping[str, KeyedOne]
    long: bool = False

    def id_in(self, path: str) -> str | None:
        """The id in `path`, None where it lies elsewhere."""
        if not path.startswith(self.before) or not path.endswith(self.after):
            return None
        id_ = path[len(self.before) : len(path) - len(self.after)]
        return id_ if id_ and (self.long or "/" not in id_) else None


class Routes(Value, frozen=True):
    """One protocol's paths below its Base URL: those that are fixed, and those that hold an id."""

    fixed: Mapping[str, Mapping[str, Keyed]]
    resources: tuple[Resource, ...]


class Base(Value, frozen=True):
    """A Base URL: which keys are good there, how it tells of faults, and what lies below it."""

    prefix: str
    keys: KeyKind
    dialect: Dialect
    routes: Routes


def bases(
    *,
    chat: ChatCompletions,
    responses: Responses,
    messages: Messages,
    models: Models,
    usage: UsagePages,
    files: FilePages,
    moderations: Moderations,
    reading: ReadLimit,
) -> tuple[Base, ...]:
    """All Base URLs of the model API; what only reads is `reading`."""
    openai = Routes(
        {
            "/chat/completions": {"POST": chat.create},
            "/responses": {"POST": responses.create, "GET": responses.refuse_socket},
            "/responses/input_tokens": {"POST": reading(responses.count)},
            "/responses/compact": {"POST": responses.refuse_compaction},
            "/models": {"GET": reading(models.list_openai)},
            "/usage": {"GET": reading(usage.show)},
            "/files": {"POST": files.upload_openai, "GET": reading(files.list_openai)},
            "/moderations": {"POST": reading(moderations.create)},
        },
        (
            Resource("/models/", "", {"GET": reading(models.get_openai)}, long=True),
            Resource("/usage/", "", {"GET": reading(usage.receipt)}),
            Resource("/files/", "/content", {"GET": reading(files.content)}),
            Resource("/files/", "", {"GET": reading(files.get_openai), "DELETE": files.delete_openai}),
            Resource("/responses/", "/input_items", {"GET": reading(responses.input_items)}),
            Resource("/responses/", "/cancel", {"POST": responses.cancel}),
            Resource("/responses/", "", {"GET": reading(responses.get), "DELETE": responses.delete}),
        ),
    )
    anthropic = Routes(
        {
            "/v1/messages": {"POST": messages.create},
            "/v1/messages/count_tokens": {"POST": reading(messages.count)},
            "/v1/models": {"GET": reading(models.list_anthropic)},
            "/v1/usage": {"GET": reading(usage.show)},
            "/v1/files": {"POST": files.upload_anthropic, "GET": reading(files.list_anthropic)},
        },
        (
            Resource("/v1/models/", "", {"GET": reading(models.get_anthropic)}, long=True),
            Resource("/v1/files/", "/content", {"GET": reading(files.content)}),
            Resource(
                "/v1/files/", "", {"GET": reading(files.get_anthropic), "DELETE": files.delete_anthropic}
            ),
            Resource("/v1/usage/", "", {"GET": reading(usage.receipt)}),
        ),
    )
    return (
        Base("/v1", "sk", OPENAI, openai),
        Base(f"{PLAN_PREFIX}/v1", "tp", OPENAI, openai),
        Base("/anthropic", "sk", ANTHROPIC, anthropic),
        Base(f"{PLAN_PREFIX}/anthropic", "tp", ANTHROPIC, anthropic),
    )


def plan_bases(everywhere: tuple[Base, ...]) -> tuple[Base, ...]:
    """The Base URLs on a host of the Token Plan's own: without its prefix, and with it as everywhere."""
    plan = [base for base in everywhere if base.keys == "tp"]
    bare = [msgspec.structs.replace(base, prefix=base.prefix.removeprefix(PLAN_PREFIX)) for base in plan]
    return (*bare, *plan)
