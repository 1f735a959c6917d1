"""How the catalogue is kept, on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import func, select, update

from tokenmill.catalog.checks import model_complaints
from tokenmill.catalog.entries import (
    Credits,
    Draw,
    Limits,
    Model,
    Price,
    Prices,
    Sampling,
    Target,
    TargetRef,
)
from tokenmill.catalog.file import CatalogueFile, read_catalogue
from tokenmill.catalog.presets import presets, seed
from tokenmill.catalog.repository import Counts, apply, decode, encode, load
from tokenmill.catalog.writing import write_entry
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.money import Nano
from tokenmill.ports import Timeouts
from tokenmill.store.database import Database, open_database
from tokenmill.store.migrate import migrate
from tokenmill.store.tables import CatalogModel, ChangeRow

GPU = Target(id="gpu-1", engine="openai", base_url="http://127.0.0.1:8000/v1", api_key="env:GPU_1_KEY")
PRO = Model(id="mimo-pro", aliases=("pro",), targets=(TargetRef("gpu-1", "MiMo"),))
FILE = CatalogueFile(targets=(GPU,), models=(PRO,))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/tokenmill.db"
    migrate(url, tmp_path / "migrate.lock")
    async with open_database(url) as database:
        yield database


async def changes(database: Database) -> list[tuple[str, str]]:
    async with database.read() as work:
        rows = await work.session.execute(select(ChangeRow.kind, ChangeRow.key).order_by(ChangeRow.id))
        return [(row.kind, row.key) for row in rows]


async def test_what_is_applied_is_what_is_loaded(database: Database) -> None:
    async with database.write() as work:
        applied = await apply(work, FILE)
    async with database.read() as work:
        catalogue = await load(work)
    assert (applied.targets, applied.models) == (Counts(created=1), Counts(created=1))
    assert catalogue.models() == (PRO,)
    assert catalogue.targets_of(catalogue.find("pro")) == ((GPU, PRO.targets[0]),)


async def test_applying_twice_changes_nothing_and_tells_no_node(database: Database) -> None:
    async with database.write() as work:
        await apply(work, FILE)
    async with database.write() as work:
        again = await apply(work, FILE)
    assert (again.targets, again.models) == (Counts(unchanged=1), Counts(unchanged=1))
    assert await changes(database) == [("catalog", "*")]


async def test_an_id_in_the_file_is_replaced_whole_and_the_rest_stays(database: Database) -> None:
    """The alias goes, since the new entry does not state it; the other entries are as they were."""
    other = Model(id="other", targets=(TargetRef("gpu-1", "Other"),))
    async with database.write() as work:
        await apply(work, CatalogueFile(targets=(GPU,), models=(PRO, other)))
    shorter = Model(id="mimo-pro", targets=PRO.targets, context_window=4096)
    async with database.write() as work:
        applied = await apply(work, CatalogueFile(models=(shorter,)))
        catalogue = await load(work)
    assert (applied.targets, applied.models) == (Counts(), Counts(updated=1))
    assert catalogue.models() == (shorter, other)
    assert catalogue.targets() == (GPU,)
    assert await changes(database) == [("catalog", "*")] * 2


async def test_targets_keep_the_order_they_were_added_in(database: Database) -> None:
    first, second, third = (Target(id=name, engine="embedded") for name in ("zeta", "alpha", "mid"))
    async with database.write() as work:
        await apply(work, CatalogueFile(targets=(first, second)))
        await apply(work, CatalogueFile(targets=(third, second)))
        assert (await load(work)).targets() == (first, second, third)


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        (
            Model(id="m", targets=(TargetRef("gpu-2", "x"),)),
            "models (m).targets[0].target: there is no target 'gpu-2'. Did you mean 'gpu-1'?",
        ),
        (
            Model(id="m", targets=PRO.targets, successor="mimo-por"),
            "models (m).successor: there is no model 'mimo-por'. Did you mean 'mimo-pro'?",
        ),
        (
            Model(id="m", targets=PRO.targets, aliases=("pro",)),
            "models (m).aliases: 'pro' already names the model 'mimo-pro'",
        ),
        (
            Model(id="m", targets=PRO.targets, aliases=("mimo-pro",)),
            "models (m).aliases: 'mimo-pro' already names the model 'mimo-pro'",
        ),
        (
            Model(id="pro", targets=PRO.targets),
            "models (mimo-pro).aliases: 'pro' already names the model 'pro'",
        ),
    ],
)
async def test_a_file_that_does_not_fit_what_is_there_changes_nothing(
    database: Database, model: Model, complaint: str
) -> None:
    async with database.write() as work:
        await apply(work, FILE)
    newcomer = Target(id="newcomer", engine="embedded")
    with pytest.raises(Fault) as caught:
        async with database.write() as work:
            await apply(work, CatalogueFile(targets=(newcomer,), models=(model,)))
    assert caught.value.code is Code.MISCONFIGURED
    assert complaint in caught.value.message
    async with database.read() as work:
        catalogue = await load(work)
    assert (catalogue.targets(), catalogue.models()) == ((GPU,), (PRO,))
    assert len(await changes(database)) == 1


async def test_an_entry_that_cannot_be_read_back_is_named(database: Database) -> None:
    async with database.write() as work:
        await apply(work, FILE)
        await work.session.execute(update(CatalogModel).values(spec='{"id": "mimo-pro"}'))
    with pytest.raises(Fault, match="entry of the model 'mimo-pro' cannot be read"):
        async with database.read() as work:
            await load(work)


async def test_seeding_offers_every_preset_on_the_embedded_model_once(database: Database) -> None:
    for _ in range(2):
        async with database.write() as work:
            await seed(work)
    async with database.read() as work:
        catalogue = await load(work)
        assert await work.session.scalar(select(func.count()).select_from(ChangeRow)) == 1
    assert {model.id for model in catalogue.models()} == {
        "tokenmill-embedded",
        "mimo-v2.6-pro",
        "mimo-v2.6-flash",
        "mimo-v2.6-pro-ultraspeed",
        "mimo-v2.5-pro",
        "mimo-v2.5",
        "mimo-v2-pro",
        "mimo-v2-omni",
        "mimo-v2-flash",
    }
    for model in catalogue.models():
        ((target, ref),) = catalogue.targets_of(model)
        assert (target.engine, target.free, ref.model) == ("embedded", True, "default")


async def test_seeding_leaves_what_an_operator_made_or_named_alone(database: Database) -> None:
    """An operator's own id stays; where an alias of theirs is a preset's id, that preset stays away."""
    mine = Model(id="mimo-v2.5", targets=(TargetRef("gpu-1", "MiMo"),), aliases=("mimo-v2.6-pro",))
    async with database.write() as work:
        await apply(work, CatalogueFile(targets=(GPU,), models=(mine,)))
        await seed(work)
        catalogue = await load(work)
    assert catalogue.find("mimo-v2.5") == mine
    assert catalogue.find("mimo-v2.6-pro") == mine
    assert catalogue.find("mimo-v2.5-pro").successor is None
    assert catalogue.find("mimo-v2-pro").successor == "mimo-v2.5-pro"
    assert len(catalogue.models()) == len(presets().models) - 1


def test_the_presets_carry_the_published_figures() -> None:
    by_id = {model.id: model for model in presets().models}
    pro = by_id["mimo-v2.5-pro"]
    assert pro.price.usd == Price(
        input=Nano(435_000_000),
        cached_input=Nano(3_600_000),
        output=Nano(870_000_000),
        web_search=Nano(5_000_000),
    )
    assert pro.credits == Credits()
    assert (pro.context_window, pro.max_output_tokens, pro.input) == (1_048_576, 131_072, ("text",))
    assert {model.id for model in by_id.values() if model.thinking == "off"} == {"mimo-v2-flash"}
    assert by_id["tokenmill-embedded"].thinking == "never"
    assert by_id["tokenmill-embedded"].price == Prices()
    assert all(model.retires_at is None for model in by_id.values())


ids = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True)
words = st.text(min_size=1, max_size=40)
nanos = st.integers(0, 10**18 - 1).map(Nano)
seconds = st.floats(0, 86_400, exclude_min=True)
temperatures = st.floats(0, 2)
top_ps = st.floats(0, 1, exclude_min=True)
draws = st.builds(Draw, temperature=temperatures, top_p=top_ps)
prices = st.builds(Price, nanos, nanos, st.none() | nanos, st.none() | nanos, st.none() | nanos)
targets = st.builds(
    Target,
    id=ids,
    engine=st.sampled_from(["openai", "anthropic", "embedded"]),
    base_url=st.none() | words,
    api_key=st.none() | words,
    strict=st.booleans(),
    concurrency=st.integers(0, 10**6),
    timeouts=st.builds(Timeouts, seconds, seconds, seconds, seconds),
)
refs = st.builds(TargetRef, ids, words, st.integers(0, 10**6), st.integers(0, 10**6))
models = st.builds(
    Model,
    id=ids,
    targets=st.lists(refs, min_size=1, max_size=3).map(tuple),
    aliases=st.lists(ids, max_size=3).map(tuple),
    family=st.sampled_from([None, "mimo", "none"]),
    sampling=st.builds(Sampling, temperatures, top_ps, st.none() | draws, st.none() | draws),
    price=st.builds(Prices, st.none() | prices, st.none() | prices),
    credits=st.none() | st.builds(Credits, nanos, nanos, nanos),
    limits=st.builds(Limits, st.integers(1, 10**12), st.integers(1, 10**12)),
    retires_at=st.none() | st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1)),
    successor=st.none() | ids,
)


@settings(deadline=None)
@given(entry=targets | models)
def test_an_entry_survives_being_kept(entry: Target | Model) -> None:
    assert decode(type(entry), entry.id, encode(entry)) == entry


@settings(deadline=None)
@given(model=models)
def test_a_model_is_read_back_from_the_file_it_is_written_as(model: Model) -> None:
    """Two same references, aliases or the like are refused in files, and so not looked at here."""
    assume(not list(model_complaints(model, "model")))
    assert read_catalogue(write_entry(model), "written.toml").models == (model,)


@settings(deadline=None)
@given(target=targets)
def test_a_target_is_read_back_from_the_file_it_is_written_as(target: Target) -> None:
    address = None if target.engine == "embedded" else "http://127.0.0.1:8000/v1"
    key = "file:" + target.api_key if target.api_key and "\0" not in target.api_key else None
    target = replace(target, base_url=address, api_key=key)
    assert read_catalogue(write_entry(target), "written.toml").targets == (target,)


def test_a_field_of_a_newer_version_is_passed_over() -> None:
    newer = encode(PRO).replace("{", '{"colour":"red",', 1)
    assert decode(Model, PRO.id, newer) == PRO


async def test_the_fields_without_effect_are_told_by_apply(database: Database) -> None:
    text = """
    [[targets]]
    id = "e"
    engine = "embedded"
    [[models]]
    id = "m"
    targets = [{ target = "e", model = "default" }]
    limits = { rpm = 5 }
    web_search = true
    """
    async with database.write() as work:
        applied = await apply(work, read_catalogue(text, "catalog.toml"))
    assert applied.without_effect == ()
