"""What the catalogue offers, and how it answers to names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tokenmill.catalog.catalogue import Catalogue
from tokenmill.catalog.entries import Model, Target, TargetRef
from tokenmill.catalog.guess import guess_family
from tokenmill.kit.faults import Code, Fault

GPU = Target(id="gpu-1", engine="openai", base_url="http://127.0.0.1:8000/v1")
EMBEDDED = Target(id="embedded", engine="embedded")
PRO = Model(
    id="mimo-v2.5-pro",
    aliases=("MiMo", "default-chat"),
    targets=(TargetRef("gpu-1", "MiMo-V2.5-Pro"), TargetRef("embedded", "default", priority=1)),
)
FLASH = Model(id="mimo-v2.6-flash", targets=(TargetRef("embedded", "default"),))


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue([GPU, EMBEDDED], [PRO, FLASH])


@pytest.mark.parametrize(
    "name",
    ["mimo-v2.5-pro", "MiMo", "default-chat", "mimo-v2.5-pro[1m]", "mimo-v2.5-pro[1M]", "default-chat[1m]"],
)
def test_a_model_is_found_by_id_and_by_alias_with_or_without_the_long_context_suffix(
    catalogue: Catalogue, name: str
) -> None:
    assert catalogue.find(name) is PRO


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Mimo-V2.5-Pro", "Did you mean 'mimo-v2.5-pro'"),
        ("mimo-v2.5-prp", "Did you mean 'mimo-v2.5-pro'"),
        ("mimo-v2.6-flush[1m]", "Did you mean 'mimo-v2.6-flash'"),
        ("mimo-v2.5-pro[1m][1m]", "Did you mean 'mimo-v2.5-pro'"),
    ],
)
def test_a_wrong_case_or_a_typo_is_refused_with_the_near_names(
    catalogue: Catalogue, name: str, near: str
) -> None:
    with pytest.raises(Fault) as caught:
        catalogue.find(name)
    assert caught.value.code is Code.UNKNOWN_MODEL
    assert caught.value.field == "model"
    assert caught.value.message.startswith(f"There is no model '{name}'. {near}")
    assert caught.value.message.endswith(" GET /v1/models lists all.")


@pytest.mark.parametrize("name", ["", "zzz", "[1m]"])
def test_a_name_that_resembles_nothing_is_refused_without_a_guess(catalogue: Catalogue, name: str) -> None:
    with pytest.raises(Fault) as caught:
        catalogue.find(name)
    assert caught.value.message == f"There is no model {name!r}. GET /v1/models lists all."


def test_a_monstrous_name_makes_a_short_message(catalogue: Catalogue) -> None:
    with pytest.raises(Fault) as caught:
        catalogue.find("mimo\n" * 1_000_000)
    assert len(caught.value.message) < 400
    assert "\n" not in caught.value.message


def test_targets_come_in_the_order_of_the_models_entry(catalogue: Catalogue) -> None:
    assert catalogue.targets_of(PRO) == ((GPU, PRO.targets[0]), (EMBEDDED, PRO.targets[1]))


def test_a_target_that_is_not_there_is_passed_over() -> None:
    catalogue = Catalogue([EMBEDDED], [PRO])
    assert catalogue.targets_of(PRO) == ((EMBEDDED, PRO.targets[1]),)


@pytest.mark.parametrize(
    ("model_id", "family"),
    [
        ("mimo-v2.5-pro", "mimo"),
        ("xiaomi-mimo-v2", "mimo"),
        ("qwen2.5-coder-7b", "qwen"),
        ("qwq-32b", "qwen"),
        ("deepseek-v3.2", "deepseek"),
        ("deepseek-r1-distill-qwen-7b", "deepseek"),
        ("glm-4.6", "glm"),
        ("chatglm3-6b", "glm"),
        ("kimi-k2", "kimi"),
        ("llama-3.3-70b", "llama"),
        ("meta-llama-3", "llama"),
        ("hermes-3-llama-3.1-8b", "hermes"),
        ("mixtral-8x7b", "mistral"),
        ("gpt-oss-120b", "harmony"),
        ("tokenmill-embedded", "none"),
        ("gpt-4o", "none"),
    ],
)
def test_a_family_is_guessed_from_the_id(model_id: str, family: str) -> None:
    assert guess_family(model_id) == family


def test_a_stated_family_wins_over_the_guess() -> None:
    refs = (TargetRef("gpu-1", "x"),)
    assert Model(id="qwen3-8b", targets=refs).markup == "qwen"
    assert Model(id="qwen3-8b", targets=refs, family="none").markup == "none"


OLD = Model(
    id="mimo-v2-pro",
    aliases=("old",),
    targets=PRO.targets,
    retires_at=datetime(2027, 1, 31, tzinfo=UTC),
    successor="mimo-v2.4-pro",
)
OLDER = Model(
    id="mimo-v2.4-pro",
    targets=PRO.targets,
    retires_at=datetime(2027, 1, 1, tzinfo=UTC),
    successor="mimo-v2.5-pro",
)
LAST_DAY = datetime(2027, 1, 30, 23, 59, 59, tzinfo=UTC)
RETIRED = datetime(2027, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize("name", ["mimo-v2-pro", "old", "old[1m]"])
def test_a_retired_model_answers_like_an_unknown_one_that_names_its_successor(name: str) -> None:
    """Of successors that are retired as well, the next that is not."""
    catalogue = Catalogue([GPU], [PRO, OLD, OLDER])
    assert catalogue.find(name, LAST_DAY) is OLD
    with pytest.raises(Fault) as caught:
        catalogue.find(name, RETIRED)
    assert (caught.value.code, caught.value.field) == (Code.UNKNOWN_MODEL, "model")
    assert caught.value.message == (
        "The model 'mimo-v2-pro' was retired at 2027-01-31T00:00:00Z. "
        "Use its successor 'mimo-v2.5-pro' instead."
    )
    assert catalogue.find(name) is OLD


def test_a_model_that_was_retired_is_neither_listed_nor_guessed() -> None:
    catalogue = Catalogue([GPU], [PRO, OLD])
    assert catalogue.models(LAST_DAY) == (PRO, OLD)
    assert catalogue.models(RETIRED) == (PRO,)
    with pytest.raises(Fault) as caught:
        catalogue.find("mimo-v2-prp", RETIRED)
    assert "'mimo-v2-pro'" not in caught.value.message


@pytest.mark.parametrize("successor", [None, "gone", "second"])
def test_successors_that_lead_nowhere_or_in_a_circle_are_not_named(successor: str | None) -> None:
    first = Model(id="first", targets=PRO.targets, retires_at=RETIRED, successor=successor)
    second = Model(id="second", targets=PRO.targets, retires_at=RETIRED, successor="first")
    with pytest.raises(Fault, match=r"retired at .*\. GET /v1/models lists what there is\."):
        Catalogue([GPU], [first, second]).find("first", RETIRED)
