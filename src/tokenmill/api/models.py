"""Serves the model list as OpenAI's `GET /v1/models` gives it, with what each model can really do."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tokenmill.accounts.key_check import Caller
from tokenmill.api.call import Call
from tokenmill.catalog.catalogue import Catalogue
from tokenmill.catalog.entries import Model
from tokenmill.exchange.exchange import Exchanges
from tokenmill.kit.faults import Code, Fault


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

    def __init__(self, catalogue: Callable[[], Catalogue], exchanges: Exchanges) -> None:
        self._catalogue = catalogue
        self._exchanges = exchanges

    async def list(self, call: Call, caller: Caller) -> None:
        """`GET /v1/models`."""
        shown = [
            out
            for model in self._catalogue().models()
            if (caller.models is None or model.id in caller.models) and (out := self._show(model))
        ]
        await call.respond(200, msgspec.json.encode(ModelList(shown)))

    async def get(self, call: Call, caller: Caller, model_id: str) -> None:
        """`GET /v1/models/{model}`. Raises Fault(UNKNOWN_MODEL | NO_TARGET | MODEL_NOT_SOLD)."""
        model = self._catalogue().find(model_id)
        if caller.models is not None and model.id not in caller.models:
            raise Fault(Code.MODEL_NOT_SOLD, f"This key may not use the model '{model.id}'.", field="model")
        self._exchanges.served_by(model)  # Raises NO_TARGET with what to do about it.
        out = self._show(model)
        await call.respond(200, msgspec.json.encode(out))

    def _show(self, model: Model) -> ModelOut | None:
        try:
            real = self._exchanges.served_by(model)
        except Fault:
            return None
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
