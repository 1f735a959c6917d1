"""Shows catalogue entries as forms take them apart: every field, under the name it has in a file."""

from __future__ import annotations

from pydantic import Field

from tokenmill.admin.shapes import Amount, Moment, Shown
from tokenmill.catalog.entries import Engine, Modality, Model, Thinking
from tokenmill.catalog.writing import write_entry
from tokenmill.ports import Dialect, OnDisconnect, ReasoningBack, ThinkingSwitch


class TimeoutsEntry(Shown):
    """In seconds."""

    connect: float
    first: float
    between: float
    whole: float


class TargetEntry(Shown):
    """A target; `api_key` says where the key is kept (`env:NAME`, `file:PATH`), never the key."""

    id: str
    engine: Engine
    base_url: str | None
    api_key: str | None
    dialect: Dialect
    thinking_switch: ThinkingSwitch
    reasoning_back: ReasoningBack
    strict: bool
    native_search: bool
    free: bool
    enabled: bool
    concurrency: int
    timeouts: TimeoutsEntry
    on_disconnect: OnDisconnect


class TargetRefEntry(Shown):
    target: str
    model: str
    weight: int
    priority: int


class DrawEntry(Shown):
    temperature: float
    top_p: float


class SamplingEntry(DrawEntry):
    tools: DrawEntry | None
    thinking: DrawEntry | None


class PriceEntry(Shown):
    """Per million tokens, `web_search` per search; null: as `input`, or not sold."""

    input: Amount
    output: Amount
    cached_input: Amount | None
    written_input: Amount | None
    web_search: Amount | None


class PricesEntry(Shown):
    """Null: not for sale in that currency."""

    usd: PriceEntry | None = Field(serialization_alias="USD")
    cny: PriceEntry | None = Field(serialization_alias="CNY")


class CreditsEntry(Shown):
    """For one token of each kind."""

    input: Amount
    cached_input: Amount
    output: Amount


class LimitsEntry(Shown):
    rpm: int
    tpm: int


class ModelEntry(Shown):
    """A model; `family` null: guessed from the id, as `markup`. `available` false: no target serves it."""

    id: str
    targets: list[TargetRefEntry]
    aliases: list[str]
    family: str | None
    markup: str
    input: list[Modality]
    context_window: int
    max_output_tokens: int
    thinking: Thinking
    sampling: SamplingEntry
    price: PricesEntry
    credits: CreditsEntry | None
    limits: LimitsEntry
    web_search: bool
    retires_at: Moment | None
    successor: str | None
    available: bool
    toml: str


def model_entry(model: Model, *, available: bool) -> ModelEntry:
    """All that a form needs of a model."""
    fields = {
        name: getattr(model, name) for name in ModelEntry.model_fields if name not in ("available", "toml")
    }
    return ModelEntry(**fields, available=available, toml=write_entry(model))
