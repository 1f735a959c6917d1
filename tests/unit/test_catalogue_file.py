"""What a catalogue file may say, and how it is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenmill.catalog.entries import Credits, Limits, Model, Price, Sampling, Target
from tokenmill.catalog.file import CatalogueFile, read_catalogue, read_catalogue_file
from tokenmill.catalog.writing import write_entry
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.money import NANO, Nano
from tokenmill.ports import Timeouts

EXAMPLE = Path(__file__).parents[2] / "examples" / "catalog.toml"

TARGET = """
[[targets]]
id = "gpu-1"
engine = "openai"
base_url = "http://127.0.0.1:18000/v1"
"""
MODEL = """
[[models]]
id = "mimo-v2.5-pro"
targets = [{ target = "gpu-1", model = "MiMo-V2.5-Pro" }]
"""


def read(text: str) -> CatalogueFile:
    return read_catalogue(text, "catalog.toml")


def refusal(text: str) -> str:
    with pytest.raises(Fault) as caught:
        read(text)
    assert caught.value.code is Code.MISCONFIGURED
    assert caught.value.message.startswith("catalog.toml")
    return caught.value.message


def test_what_a_file_leaves_out_takes_its_default() -> None:
    file = read(TARGET + MODEL)
    (target,), (model,) = file.targets, file.models
    assert target == Target(
        id="gpu-1",
        engine="openai",
        base_url="http://127.0.0.1:18000/v1",
        api_key=None,
        dialect="none",
        thinking_switch="thinking",
        reasoning_back="accepted",
        strict=False,
        free=False,
        concurrency=0,
        timeouts=Timeouts(connect=5, first=120, between=60, whole=1800),
        on_disconnect="cancel",
    )
    assert (model.targets[0].weight, model.targets[0].priority) == (1, 0)
    assert model.markup == "mimo"
    assert model.input == ("text", "image", "audio", "video")
    assert (model.context_window, model.max_output_tokens) == (1_048_576, 131_072)
    assert (model.thinking, model.web_search, model.aliases) == ("on", False, ())
    assert model.sampling == Sampling(temperature=1.0, top_p=0.95, tools=None, thinking=None)
    assert model.credits == Credits(Nano(300 * NANO), Nano(2_500_000_000), Nano(600 * NANO))
    assert model.limits == Limits(rpm=100, tpm=10_000_000)
    assert (model.retires_at, model.successor) == (None, None)
    assert file.without_effect == ()


def test_a_model_without_a_price_has_the_usual_one_in_dollars() -> None:
    (model,) = read(TARGET + MODEL).models
    assert model.price.of("USD") == Price(
        input=Nano(435_000_000),
        cached_input=Nano(3_600_000),
        output=Nano(870_000_000),
        web_search=Nano(5_000_000),
    )
    assert model.price.of("CNY") is None


def test_a_price_of_none_is_for_sale_in_no_currency() -> None:
    (model,) = read(f'{TARGET}{MODEL}price = "none"').models
    assert model.price.of("USD") is None
    assert model.price.of("CNY") is None
    assert 'price = "none"' in write_entry(model)


def test_a_price_in_one_currency_is_for_sale_in_that_alone() -> None:
    (model,) = read(f"{TARGET}{MODEL}price.CNY = {{ input = 3, output = 6 }}").models
    assert model.price.of("USD") is None
    assert model.price.of("CNY") == Price(input=Nano(3 * NANO), output=Nano(6 * NANO))


def test_what_is_written_to_the_cache_may_have_a_price_of_its_own() -> None:
    (model,) = read(f"{TARGET}{MODEL}price.USD = {{ input = 3, output = 15, written_input = 3.75 }}").models
    assert model.price.usd is not None
    assert model.price.usd.written_input == 3_750_000_000
    assert "written_input = 3.75" in write_entry(model)


def test_prices_are_exact() -> None:
    text = TARGET + MODEL + 'price.USD = { input = 0.435, cached_input = 0.0036, output = "0.87" }\n'
    price = read(text + "price.CNY = { input = 3, output = 6, web_search = 0.016 }").models[0].price
    assert price.usd is not None
    assert price.cny is not None
    assert (price.usd.input, price.usd.cached_input, price.usd.output) == (
        435_000_000,
        3_600_000,
        870_000_000,
    )
    assert price.usd.web_search is None
    assert (price.cny.input, price.cny.output, price.cny.web_search) == (3 * 10**9, 6 * 10**9, 16_000_000)


@settings(deadline=None)
@given(nano=st.integers(0, 10**18 - 1))
def test_every_price_down_to_a_billionth_is_read_exactly(nano: int) -> None:
    written = f"{Decimal(nano).scaleb(-9):f}"
    price = (
        read(f"{TARGET}{MODEL}price.USD = {{ input = {written}, output = '{written}' }}").models[0].price.usd
    )
    assert price is not None
    assert (price.input, price.output) == (nano, nano)


@pytest.mark.parametrize("field", ["api_key", "base_url"])
def test_none_says_that_an_optional_field_is_absent(field: str) -> None:
    text = '[[targets]]\nid = "e"\nengine = "embedded"\n'
    assert read(f'{text}{field} = "none"').targets == read(text).targets


def test_a_family_of_none_is_a_family_and_not_a_missing_one() -> None:
    assert read(f'{TARGET}{MODEL}family = "none"').models[0].markup == "none"


def test_credits_of_none_leave_the_model_out_of_plans() -> None:
    assert read(f'{TARGET}{MODEL}credits = "none"').models[0].credits is None


@pytest.mark.parametrize("written", ['"2027-01-31T08:00:00+08:00"', "2027-01-31T00:00:00Z"])
def test_a_retirement_is_read_as_text_or_as_tomls_own_time_and_kept_in_utc(written: str) -> None:
    (model,) = read(f"{TARGET}{MODEL}retires_at = {written}").models
    assert model.retires_at == datetime(2027, 1, 31, tzinfo=UTC)
    assert str(model.retires_at) == "2027-01-31 00:00:00+00:00"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('context_window = "1M"', "context_window: expected a whole number, got text"),
        ("context_window = 1.5", "context_window: expected a whole number, got a number"),
        ("context_window = true", "context_window: expected a whole number, got true or false"),
        ("context_window = 0", "context_window: expected 1 or more"),
        ("limits = { rpm = -1 }", "limits.rpm: expected 1 or more"),
        ("limits = 5", "limits: expected a table, got a whole number"),
        ("max_output = 5", "there is no field 'max_output'. Did you mean 'max_output_tokens'?"),
        ("price.EUR = { input = 1, output = 1 }", "price: there is no field 'EUR'."),
        ("price.USD = { input = 1 }", "price.USD.output: missing"),
        ("price.USD = { input = -1, output = 1 }", "price.USD.input: expected an amount of 0 or more"),
        ("price.USD = { input = nan, output = 1 }", "price.USD.input: expected an amount of 0 or more"),
        (
            "price.USD = { input = 1e99999, output = 1 }",
            "price.USD.input: expected an amount below 1000000000",
        ),
        ("price.USD = { input = 0.0000000001, output = 1 }", "'1E-10' is finer than a billionth"),
        ("price.USD = { input = 'sk-x', output = 1 }", "expected an amount like 0.0036, got other text"),
        ("thinking = 'maybe'", "thinking: expected one of never, off, on."),
        ("family = 'mimmo'", "Did you mean 'mimo'"),
        ("input = []", "input: is empty; name at least one"),
        ("input = ['text', 'txet']", "input[1]: expected one of"),
        ("input = ['text', 'text']", "input: 'text' is named twice"),
        ("sampling = { top_p = 0 }", "sampling.top_p: expected more than 0"),
        ("sampling = { temperature = inf }", "sampling.temperature: expected a finite number"),
        ("sampling.tools = { temperature = 3 }", "sampling.tools.temperature: expected 2 or less"),
        ("aliases = ['with space']", "aliases[0]: expected letters, digits"),
        ("aliases = ['a', 'a']", "aliases: 'a' is named twice"),
        ("aliases = ['mimo-v2.5-pro']", "aliases: 'mimo-v2.5-pro' is named twice"),
        ("successor = 'mimo-v2.5-pro'", "successor: a model cannot succeed itself"),
        ("retires_at = '2027-01-31T00:00:00'", "retires_at: has no time zone"),
        ("retires_at = 2027-01-31", "expected a time like 2027-01-31T00:00:00Z, got a date alone"),
        ("retires_at = 'soon'", "expected a time like 2027-01-31T00:00:00Z, got other text"),
    ],
)
def test_a_wrong_field_of_a_model_is_named(line: str, complaint: str) -> None:
    message = refusal(TARGET + MODEL + line)
    assert message.startswith("catalog.toml: models[0] (mimo-v2.5-pro)")
    assert complaint in message


@pytest.mark.parametrize(
    ("refs", "complaint"),
    [
        ("[]", "targets: is empty; name at least one"),
        ("[{ target = 'gpu-1' }]", "targets[0].model: missing"),
        ("[{ target = 'gpu-1', model = 'a', weight = -1 }]", "targets[0].weight: expected 0 or more"),
        ("[{ target = 'gpu-1', model = 'a' }, { target = 'gpu-1', model = 'a' }]", "is named twice"),
        ("'gpu-1'", "targets: expected a list, got text"),
    ],
)
def test_a_wrong_reference_to_a_target_is_named(refs: str, complaint: str) -> None:
    assert complaint in refusal(f"{TARGET}[[models]]\nid = 'm'\ntargets = {refs}")


@pytest.mark.parametrize(
    ("base_url", "complaint"),
    [
        ("ftp://host/v1", "expected http://HOST/"),
        ("127.0.0.1:8000", "expected http://HOST/"),
        ("http://", "expected http://HOST/"),
        ("http://host:port/", "not a URL"),
        ("http://me:hunter2@host/v1", "holds a user name or password"),
        ("http://host/v1?key=hunter2", "has a query"),
        ("http://host/v1#hunter2", "has a query or a fragment"),
        ("", "is empty"),
    ],
)
def test_a_wrong_base_url_is_refused_and_never_repeated(base_url: str, complaint: str) -> None:
    message = refusal(f'[[targets]]\nid = "t"\nengine = "openai"\nbase_url = "{base_url}"')
    assert f"targets[0] (t).base_url: {complaint}" in message
    assert "hunter2" not in message


def test_a_literal_key_is_refused_and_never_repeated() -> None:
    message = refusal(TARGET + 'api_key = "sk-very-secret"')
    assert "targets[0] (gpu-1).api_key: write env:NAME or file:PATH" in message
    assert "secret" not in message


@pytest.mark.parametrize("source", ["env:GPU_1_KEY", "file:/run/secrets/gpu 1"])
def test_a_key_is_named_by_where_it_is(source: str) -> None:
    assert read(f'{TARGET}api_key = "{source}"').targets[0].api_key == source


def test_only_the_embedded_engine_goes_without_a_base_url() -> None:
    assert read('[[targets]]\nid = "e"\nengine = "embedded"').targets[0].base_url is None
    message = refusal('[[targets]]\nid = "t"\nengine = "anthropic"')
    assert "targets[0] (t).base_url: missing; the anthropic engine needs it" in message
    message = refusal('[[targets]]\nid = "e"\nengine = "embedded"\nbase_url = "http://h"')
    assert "the embedded engine has none" in message


@pytest.mark.parametrize("bad_id", ["Gpu", "-gpu", "g pu", "gpu\\n", "", "g" * 129])
def test_an_id_is_lower_case_and_plain(bad_id: str) -> None:
    assert "targets[0]" in refusal(f'[[targets]]\nid = "{bad_id}"\nengine = "embedded"')


def test_an_id_stands_once_in_a_file() -> None:
    assert "targets (gpu-1).id: is used by 2 tables" in refusal(TARGET + TARGET)


def test_everything_wrong_is_told_at_once() -> None:
    message = refusal(f"{TARGET}colour = 1\n{MODEL}context_window = 0\nthinking = 1\n[[model]]\n")
    assert message.splitlines() == [
        "catalog.toml: 4 things are wrong:",
        "  'model': there is no such table. Did you mean 'models'?",
        "  targets[0] (gpu-1): there is no field 'colour'.",
        "  models[0] (mimo-v2.5-pro).context_window: expected 1 or more",
        "  models[0] (mimo-v2.5-pro).thinking: expected text, got a whole number",
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[targets]", "is not TOML"),
        ("targets = 3", "targets: expected [[targets]] tables, each with two brackets, got a whole number"),
        ("[models]\nid = 'm'", "models: expected [[models]] tables, each with two brackets, got a table"),
        ("models = ['m']", "models[0]: expected a table, got text"),
    ],
)
def test_a_file_of_another_shape_is_refused(text: str, complaint: str) -> None:
    assert complaint in refusal(text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(Fault, match=r"absent\.toml cannot be read: No such file"):
        read_catalogue_file(tmp_path / "absent.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# caf\xe9\n")
    with pytest.raises(Fault, match=r"latin\.toml is not UTF-8 text"):
        read_catalogue_file(latin)


def test_fields_without_effect_are_named_only_when_the_file_sets_them_to_something() -> None:
    idle = f"{TARGET}free = false\non_disconnect = 'cancel'\n{MODEL}web_search = false\nsuccessor = 'none'"
    assert read(idle).without_effect == ()
    asking = (
        f"{TARGET}strict = true\non_disconnect = 'drain'\nconcurrency = 4\n"
        f"{MODEL}price.USD = {{ input = 1, output = 2 }}\nfamily = 'none'\nweb_search = true\n"
        "retires_at = 2027-01-31T00:00:00Z\ncontext_window = 5"
    )
    assert read(asking).without_effect == ("concurrency",)


def test_a_weight_has_no_effect_yet_where_a_model_has_several_targets() -> None:
    one = f"{TARGET}[[models]]\nid = 'm'\ntargets = [{{ target = 'gpu-1', model = 'a', weight = 2 }}]"
    assert read(one).without_effect == ()
    two = one.removesuffix("]") + ", { target = 'gpu-2', model = 'a', priority = 1 }]"
    assert read(two).without_effect == ("targets.weight",)


def test_the_shipped_example_is_a_valid_file() -> None:
    file = read_catalogue_file(EXAMPLE)
    assert [target.engine for target in file.targets] == ["openai"]
    assert [type(model) for model in file.models] == [Model]
