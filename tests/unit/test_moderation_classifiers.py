"""Classifiers: what they are shown, and what their answers mean."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec
import pytest

from tests.flow.upstreams import ScriptedUpstream, listening, whole
from tests.moderation import Heard, ScriptedModerator, reviewed, screen_of, text_of, texted
from tokenmill.conversation.events import Event, Finished, PartClosed, PartOpened, Started, Stop, TextDelta
from tokenmill.conversation.parts import Text
from tokenmill.engines.aiohttp_upstream import AiohttpUpstream
from tokenmill.kit.faults import Code, Fault
from tokenmill.moderation.categories import Category
from tokenmill.moderation.classifiers import GuardModel, ModerationEndpoint, moderations_url
from tokenmill.moderation.guards import GUARDS, SHIELD_GUIDELINES, Family, family_of
from tokenmill.moderation.judging import MOST_SHOWN, SHOWN, believed, judge
from tokenmill.moderation.policies import Policy
from tokenmill.moderation.review import NO_LISTS, Unjudged
from tokenmill.ports import Engine, Opinion, Route
from tokenmill.testing import ScriptedEngine

BLOCKS = Policy(input="block", output="block")


def says(words: str) -> Iterable[Event]:
    """A guard's answer."""
    return [
        Started("g", "m", 1),
        PartOpened(0, Text()),
        TextDelta(0, words),
        PartClosed(0),
        Finished(Stop.END),
    ]


def guard(engine: ScriptedEngine, model: str = "Qwen3Guard-Gen-4B", **more: object) -> GuardModel:
    """A guard model that a scripted engine plays."""

    def find() -> tuple[Engine, Route]:
        return engine, Route(target="g", engine="openai", upstream_model=model)

    return GuardModel(find, **more)  # type: ignore[arg-type]  # Each option fits its own argument.


@pytest.mark.parametrize(
    ("family", "answer", "meant"),
    [
        ("qwen3guard", "Safety: Safe\nCategories: None\nRefusal: No", []),
        ("qwen3guard", "Safety: Unsafe\nCategories: Violent, PII", [("violence", 1.0), ("privacy", 1.0)]),
        (
            "qwen3guard",
            "Safety: Controversial\nCategories: Politically Sensitive Topics",
            [("politics", 0.5)],
        ),
        ("qwen3guard", "Safety: Unsafe", [("custom", 1.0)]),
        ("llama_guard", "\n\nsafe", []),
        ("llama_guard", "\n\nunsafe\nS4,S10", [("sexual_minors", 1.0), ("hate", 1.0)]),
        ("llama_guard", "unsafe", [("custom", 1.0)]),
    ],
)
async def test_each_familys_answer_is_read(
    family: Family, answer: str, meant: list[tuple[str, float]]
) -> None:
    """Its words become our categories."""
    opinions = await guard(ScriptedEngine(says(answer)), style=family).judge("text", None)
    assert [(opinion.category, opinion.score) for opinion in opinions] == meant


async def test_shieldgemma_is_asked_once_for_each_guideline() -> None:
    """Its answers are yes or no, and each belongs to its own question."""
    engine = ScriptedEngine(says("No"), says("Yes"), says("No."), says("no"))
    opinions = await guard(engine, "google/shieldgemma-2b").judge("a reply", "a question")
    assert len(engine.asked) == len(SHIELD_GUIDELINES) == 4
    (opinion,) = opinions
    assert (opinion.category, opinion.word) == ("harassment", "No Harassment")
    part = engine.asked[0][0].turns[0].parts[0]
    assert isinstance(part, Text)
    assert "Human Question: a question\n\nChatbot Response: a reply" in part.text
    assert "Does the Chatbot Response violate" in part.text


@pytest.mark.parametrize("family", GUARDS)
async def test_an_answer_that_is_no_verdict_is_a_failure(family: Family) -> None:
    """Nobody guesses what "Sure, here is" may mean."""
    with pytest.raises(Fault) as failed:
        await guard(ScriptedEngine(says("Sure, here is")), style=family).judge("text", None)
    assert failed.value.code is Code.UPSTREAM_BROKE


async def test_a_guard_that_does_not_answer_in_time_is_a_failure() -> None:
    """The deadline is that of the settings."""

    async def think() -> None:
        await asyncio.sleep(30)

    engine = ScriptedEngine([Started("g", "m", 1), think])
    with pytest.raises(Fault) as failed:
        await guard(engine, seconds=0.05).judge("text", None)
    assert failed.value.code is Code.UPSTREAM_TIMEOUT


def test_a_guards_family_is_known_by_its_name_or_has_to_be_said() -> None:
    """A model of another name is an error that says what to write."""
    assert family_of("meta-llama/Llama-Guard-4-12B") == "llama_guard"
    assert family_of("Qwen/Qwen3Guard-Gen-8B") == "qwen3guard"
    with pytest.raises(Fault, match="classifier_style"):
        family_of("gpt-4")


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("https://api.openai.com", "https://api.openai.com/v1/moderations"),
        ("https://api.openai.com/v1/", "https://api.openai.com/v1/moderations"),
        ("http://10.0.0.1:9/x/moderations", "http://10.0.0.1:9/x/moderations"),
    ],
)
def test_an_endpoint_may_be_written_as_a_base_url(written: str, asked: str) -> None:
    """Whichever form is at hand."""
    assert moderations_url(written) == asked


async def test_an_endpoints_answer_is_read_and_its_key_sent() -> None:
    """Categories with scores, and those that it flags without one."""
    result = {
        "flagged": True,
        "categories": {"hate": True, "violence": False, "sexual/minors": True, "new/kind": True},
        "category_scores": {"hate": 0.7, "violence": 0.4},
    }
    upstream = AiohttpUpstream()
    async with listening(ScriptedUpstream(whole({"results": [result]}), whole({"results": []}))) as server:
        asked = ModerationEndpoint(upstream, server.url, model="m", key=lambda: "k")
        opinions = {each.word: each for each in await asked.judge("text", None)}
        with pytest.raises(Fault):
            await asked.judge("text", None)
    await upstream.close()
    assert (opinions["hate"].score, opinions["hate"].flagged) == (0.7, True)
    assert (opinions["violence"].score, opinions["violence"].flagged) == (0.4, False)
    assert opinions["sexual/minors"].category == "sexual_minors"
    assert opinions["new/kind"].category == "custom"
    assert server.asked[0] == {"input": "text", "model": "m"}
    assert server.headers[0]["authorization"] == "Bearer k"


def test_a_policys_threshold_overrules_what_a_classifier_makes_of_its_score() -> None:
    """Without one it is believed; with one, the score counts alone."""
    opinions = [Opinion("hate", 0.3, True, "hate"), Opinion("violence", 0.6, False, "violence")]

    def found(**thresholds: float) -> set[str]:
        policy = Policy(
            input="block", thresholds={Category(name): score for name, score in thresholds.items()}
        )
        return {finding.category.value for finding in believed(opinions, policy, "input")}

    assert found() == {"hate"}
    assert found(hate=0.5, violence=0.5) == {"violence"}


async def test_a_text_too_long_to_be_shown_whole_says_so() -> None:
    """Its beginning and its end are shown, in pieces that overlap."""
    shown = ScriptedModerator("quince")
    text = "a" * (SHOWN * (MOST_SHOWN + 3)) + " quince"
    judged = await judge(text, NO_LISTS, BLOCKS, "input", shown)
    assert (judged.unseen, judged.action) == (True, "block")
    assert len(shown.shown) == MOST_SHOWN
    seam = "b" * (SHOWN - 3) + "quince" + "b" * 100
    assert (await judge(seam, NO_LISTS, BLOCKS, "input", ScriptedModerator("quince"))).action == "block"


@pytest.mark.parametrize("size", [1, 3, 7, 50, 1000])
async def test_nothing_of_a_window_leaves_before_it_has_been_judged(size: int) -> None:
    """Wherever a reply is cut: what is disliked is not in what was sent, nor anything behind it."""
    text = "".join(f"{number} bottles, " for number in range(100)) + "a quince, " + "and so on. " * 30
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    moderator = ScriptedModerator("quince")
    out = await reviewed(texted(pieces), screen_of(NO_LISTS, BLOCKS, moderator, window=120))
    told = text_of(out)
    assert text.startswith(told)
    assert "q" not in told
    assert len(told) >= text.index("quince") - 120 - max(size, 64) - 64
    assert out[-1] == Finished(Stop.FILTER)
    assert max(map(len, moderator.shown)) <= 120 + max(size, 64) + 200


async def test_a_seam_between_two_windows_hides_nothing() -> None:
    """The end of one window is shown again with the next."""
    text = "x " * 58 + "qui" + "nce " + "y " * 100
    out = await reviewed(
        texted(list(text)), screen_of(NO_LISTS, BLOCKS, ScriptedModerator("quince"), window=119)
    )
    assert "quince" not in text_of(out)
    assert out[-1] == Finished(Stop.FILTER)


async def test_a_policy_that_flags_shows_the_classifier_the_whole_and_holds_nothing() -> None:
    """One look at the end, and a verdict."""
    heard = Heard()
    moderator = ScriptedModerator("quince")
    screen = screen_of(NO_LISTS, Policy(output="flag"), moderator, window=10, heard=heard)
    events = texted(["a quince ", "and ", "a pear"])
    assert await reviewed(events, screen) == events
    assert moderator.shown == ["a quince and a pear"]
    assert [(verdict.outcome, verdict.category) for verdict in heard.verdicts] == [("flagged", "hate")]


@pytest.mark.parametrize("on_failure", ["open", "closed"])
async def test_a_classifier_that_fails_leaves_it_to_the_policy(on_failure: str) -> None:
    """Open: the reply goes on and the record says `failed`; closed: it ends, with nothing of it sent."""
    heard = Heard()
    policy = msgspec.structs.replace(BLOCKS, on_failure=on_failure)
    away = ScriptedModerator(fault=Fault(Code.UPSTREAM_AWAY, "away"))
    screen = screen_of(NO_LISTS, policy, away, heard=heard)
    if on_failure == "open":
        assert text_of(await reviewed(texted(["some words"]), screen)) == "some words"
    else:
        with pytest.raises(Unjudged):
            await reviewed(texted(["some words"]), screen)
    assert [(verdict.outcome, verdict.rule) for verdict in heard.verdicts] == [("failed", "upstream_away")]


async def test_a_policy_without_the_classifier_does_not_ask_it() -> None:
    """It is for those whose texts must not leave the house."""
    moderator = ScriptedModerator("quince")
    policy = msgspec.structs.replace(BLOCKS, classifier=False)
    events = texted(["a quince"])
    assert await reviewed(events, screen_of(NO_LISTS, policy, moderator)) == events
    assert moderator.shown == []
