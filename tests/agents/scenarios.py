"""What a tool goes through, and how one tells whether it came out well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.agents.running import Ran
from tests.agents.tools import Agent
from tests.agents.upstream import FILES, WorkingModel, bare
from tests.agents.watching import Watcher
from tests.flow.forgetful import thought
from tests.flow.upstreams import Answer, whole

MODEL = "mimo-v2.5-pro"
OTHER_MODEL = "coder-large"
"""A name by which no tool takes its model for one of a family that it knows."""

MOST_REFUSALS = 12
"""Requests after which a tool that is told "no" has to have given up."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`fails` is what the upstream answers first; `spent`: the key has nothing left to spend."""

    name: str
    title: str
    title_zh: str
    kind: Literal["sk", "tp"] = "sk"
    model: str = MODEL
    fails: tuple[Answer, ...] = ()
    leaks: bool = False
    demands: bool = False
    spent: bool = False


def _error(status: int, message: str, **headers: str) -> Answer:
    return whole({"error": {"message": message, "type": "error", "code": str(status)}}, status, **headers)


SCENARIOS = (
    Scenario("sk", "pay-as-you-go key", "按量付费密钥"),
    Scenario("tp", "Token Plan key", "Token Plan 密钥", kind="tp"),
    Scenario("name", "a model of another name", "其他名称的模型", model=OTHER_MODEL),
    Scenario(
        "busy", "upstream 429 once", "上游 429 一次", fails=(_error(429, "Slow down", retry_after="1"),)
    ),
    Scenario("broken", "upstream 500 once", "上游 500 一次", fails=(_error(500, "Oops"),)),
    Scenario("away", "upstream 500 four times", "上游 500 四次", fails=(_error(500, "Oops"),) * 4),
    Scenario("demands", "upstream wants reasoning back", "上游要求回传思考", demands=True),
    Scenario("leaks", "calls leak into reasoning", "工具调用混入思考", leaks=True),
    Scenario("wallet", "wallet empty", "余额不足", spent=True),
    Scenario("plan", "plan used up", "套餐用尽", kind="tp", spent=True),
)

_TOLD = {"sk": ("balance", "wallet"), "tp": ("renew", "Quota exceeded")}
"""What the platform's message is known by; the last is what Codex makes of `insufficient_quota`."""


def judge(
    scenario: Scenario, tool: Agent, words: Sequence[str], ran: Ran, seen: Watcher, model: WorkingModel
) -> str | None:
    """What went wrong; None: nothing."""
    checks: Callable[..., str | None] = _judge_refusal if scenario.spent else _judge_story
    return checks(scenario, tool, words, ran, seen, model)


def _judge_story(
    scenario: Scenario, tool: Agent, words: Sequence[str], ran: Ran, seen: Watcher, model: WorkingModel
) -> str | None:
    if ran.status is None:
        return "did not end in time"
    if model.refused:
        return f"the upstream missed its reasoning {model.refused} times"
    missing = [word for word in words if word not in ran.output]
    if missing:
        return f"gave no answer (exit status {ran.status}, replies {_listed(seen)})"
    if ran.status != 0:
        return f"exit status {ran.status}"
    if tool.read is None:
        return None
    if not scenario.leaks:
        calls = {
            bare(model.id_of(turn, at)) for turn, names in enumerate(FILES) for at, _ in enumerate(names)
        }
        if missed := calls - model.answered:
            return f"results did not come back under their ids: {', '.join(sorted(missed))}"
    thoughts = [thought(turn) for turn, _ in enumerate(FILES)]
    if scenario.demands and model.back[-1] not in (thoughts, [t.strip() for t in thoughts if tool.trims]):
        return "the reasoning that came back was changed"
    return None


def _judge_refusal(
    scenario: Scenario, tool: Agent, words: Sequence[str], ran: Ran, seen: Watcher, model: WorkingModel
) -> str | None:
    if ran.status is None:
        return f"did not end in time (replies {_listed(seen)})"
    if model.asked:
        return "the upstream was asked all the same"
    if not any(word in ran.output for word in _TOLD[scenario.kind]):
        return "did not show why"
    if len(seen.statuses) > MOST_REFUSALS:
        return f"asked {len(seen.statuses)} times"
    return None


def _listed(seen: Watcher) -> str:
    return ", ".join(map(str, seen.statuses)) or "none"
