"""Serves the model lists of both vendors, with what each model can really do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qs

import msgspec

from tokenmill.accounts.key_check import Caller
from tokenmill.api.call import Call
from tokenmill.catalog.catalogue import Catalogue
from tokenmill.catalog.entries import Model
from tokenmill.exchange.exchange import Exchanges
from tokenmill.kit.clock import Clock
from tokenmill.kit.faults import Code, Fault
from tokenmill.wire.anthropic_messages.models import ModelEntry, encode_model, encode_models
from tokenmill.wire.members import bad_value

MOST_ON_A_PAGE = 1000
"""Models on a page of Anthropic's list; the published limit, and what a page holds unless told."""


class ServedByOut(msgspec.Struct, omit_defaults=True):
    """The engine's own name for what answers; speeds in tokens a second."""

    name: str
    prefill_tokens_per_second: float | None = None
    decode_tokens_per_second: float | None = None


class ModelOut(msgspec.Struct):
    """OpenAI's four members, then what a caller has to know to size a request."""

    id: str
    created: int
    owned_by: str
    context_window: int
    max_output_tokens: int
    input_modalities: tuple[str, ...]
    object: str = "model"
    served_by: ServedByOut | None = None


class ModelList(msgspec.Struct):
    """OpenAI's list object."""

    data: list[ModelOut]
    object: str = "list"


class Models:
    """The models that a key may use and that something here can serve."""

    def __init__(self, catalogue: Callable[[], Catalogue], exchanges: Exchanges, clock: Clock) -> None:
        self._catalogue = catalogue
        self._exchanges = exchanges
        self._clock = clock

    async def list_openai(self, call: Call, caller: Caller) -> None:
        """`GET /v1/models`."""
        shown = [out async for _, out in self._offered(caller)]
        await call.respond(200, msgspec.json.encode(ModelList(shown)))

    async def get_openai(self, call: Call, caller: Caller, model_id: str) -> None:
        """`GET /v1/models/{model}`. Raises Fault(UNKNOWN_MODEL | NO_TARGET | MODEL_NOT_SOLD)."""
        await call.respond(200, msgspec.json.encode(self._show(await self._find(caller, model_id))))

    async def list_anthropic(self, call: Call, caller: Caller) -> None:
        """`GET /anthropic/v1/models`, by pages."""
        query = {name.decode(): values[-1].decode() for name, values in parse_qs(call.query).items()}
        limit = query.get("limit", str(MOST_ON_A_PAGE))
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST_ON_A_PAGE:
            raise bad_value("limit", f"send a number from 1 to {MOST_ON_A_PAGE}")
        entries = [self._entry(model, out) async for model, out in self._offered(caller)]
        page = encode_models(
            entries, limit=int(limit), after=query.get("after_id"), before=query.get("before_id")
        )
        await call.respond(200, page)

    async def get_anthropic(self, call: Call, caller: Caller, model_id: str) -> None:
        """`GET /anthropic/v1/models/{model}`. Raises as `get_openai`."""
        model = await self._find(caller, model_id)
        await call.respond(200, encode_model(self._entry(model, self._show(model))))

    async def _offered(self, caller: Caller) -> AsyncIterator[tuple[Model, ModelOut]]:
        for model in self._catalogue().models(self._clock.now()):
            try:
                await self._exchanges.must_be_sold(model, caller)
                out = self._show(model)
            except Fault as fault:  # Nothing here serves it, or it is not for this caller.
                if fault.code is Code.KEY_ENDED:
                    raise
                continue
            yield model, out

    async def _find(self, caller: Caller, model_id: str) -> Model:
        model = self._catalogue().find(model_id, self._clock.now())
        await self._exchanges.must_be_sold(model, caller)
        return model

    def _show(self, model: Model) -> ModelOut:
        """Raises Fault(NO_TARGET), which says what to do about it."""
        real = self._exchanges.served_by(model)
        shown = ModelOut(
            id=model.id,
            created=int(self._catalogue().created_at(model).timestamp()),
            owned_by="tokenmill",
            context_window=model.context_window,
            max_output_tokens=model.max_output_tokens,
            input_modalities=model.input,
        )
        if real is not None:
            shown.context_window = min(model.context_window, real.context_window)
            shown.max_output_tokens = min(model.max_output_tokens, real.max_output)
            shown.input_modalities = real.input
            shown.served_by = ServedByOut(real.name, real.prefill_speed, real.decode_speed)
        return shown

    def _entry(self, model: Model, shown: ModelOut) -> ModelEntry:
        return ModelEntry(
            model.id,
            model.id,
            self._catalogue().created_at(model),
            shown.context_window,
            shown.max_output_tokens,
            model.retires_at,
        )
