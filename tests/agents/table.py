"""Keeps the verdicts and writes the pages that show them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from tests.agents.scenarios import SCENARIOS, Scenario
from tests.agents.tools import AGENTS, Agent
from tokenmill.connect.connection import WIRE_NAMES, Wire
from tokenmill.connect.template import Text

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = Path(__file__).parent / "results.json"
PAGES: Final = {"en": ROOT / "docs/reference/agents.md", "zh": ROOT / "docs/reference/agents.zh-CN.md"}
ACCEPT: Final = "AGENTS_ACCEPT"

Results = dict[str, Any]
"""Tools by name: title, version and, by wire and scenario, what went wrong and why."""


class Book:
    """The verdicts of one run; kept, with the pages, where `AGENTS_ACCEPT=1` is set."""

    def __init__(self) -> None:
        self._new: Results = {}

    def write(
        self,
        tool: Agent,
        wire: Wire,
        scenario: Scenario,
        wrong: str | None,
        known: Text | None,
    ) -> None:
        """Writes one verdict down."""
        entry = self._new.setdefault(
            tool.id, {"title": tool.settings.name, "version": tool.version, "wires": {}}
        )
        entry["wires"].setdefault(wire, {})[scenario.name] = {
            "wrong": wrong,
            "known": [known.en, known.zh] if known else None,
        }

    def close(self) -> None:
        """Prints the table; with `AGENTS_ACCEPT=1` it is kept, beside what was known of the same versions."""
        print("\n" + page(self._new, "en"))
        if os.environ.get(ACCEPT):
            kept = load()
            for tool, entry in self._new.items():
                _merge(kept, tool, entry)
            RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
            write_pages(kept)


def write_pages(results: Results) -> None:
    """Writes both pages anew."""
    for language, file in PAGES.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(page(results, language))


def _merge(kept: Results, tool: str, entry: Any) -> None:
    if kept.get(tool, {}).get("version") != entry["version"]:
        kept[tool] = entry
        return
    for wire, verdicts in entry["wires"].items():
        kept[tool]["wires"].setdefault(wire, {}).update(verdicts)


def load() -> Results:
    """The verdicts that were kept."""
    found: Results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return found


_WORDS: Final = {
    "en": {
        "head": "# Coding agents\n\n[中文](agents.zh-CN.md)\n\n"
        "Each tool was run headless, at the version shown, through a running platform whose upstream plays\n"
        "a model that thinks, reads a file, reads two more at once, and answers. `make test-agents` repeats\n"
        "it and prints this table; `AGENTS=codex,cline` selects, `AGENTS_ACCEPT=1` writes the page anew.\n"
        "✓ passed, ✗ did not (see the notes), – not run, or nothing to run.\n",
        "habits": "## What tools do by themselves\n",
        "tool": "Tool",
        "version": "Version",
        "wire": "Protocol",
        "notes": "## Notes\n",
        "scenarios": "## Scenarios\n",
    },
    "zh": {
        "head": "# 编程智能体\n\n[English](agents.md)\n\n"
        "每个工具均以所示版本、无界面方式，经由运行中的平台执行；上游扮演一个先思考、读一个文件、再同时读两个文件、最后作答的模型。\n"
        "`make test-agents` 会重新运行并打印本表；`AGENTS=codex,cline` 选择工具，"
        "`AGENTS_ACCEPT=1` 重写本页。✓ 通过，✗ 未通过（见说明），– 未运行或不适用。\n",
        "habits": "## 工具自身的行为\n",
        "tool": "工具",
        "version": "版本",
        "wire": "协议",
        "notes": "## 说明\n",
        "scenarios": "## 场景\n",
    },
}
_EXPLAINED: Final = {
    "sk": ("The whole story with an `sk-` key.", "使用 `sk-` 密钥走完全程。"),
    "tp": ("The whole story with a `tp-` key.", "使用 `tp-` 密钥走完全程。"),
    "name": (
        "The whole story with a model whose name no tool takes for one that it knows.",
        "模型名称不为任何工具所识别时走完全程。",
    ),
    "busy": (
        "The upstream answers 429 with `retry-after: 1` to the first request; the platform asks again.",
        "上游对第一个请求返回 429（`retry-after: 1`）。",
    ),
    "broken": (
        "The upstream answers 500 to the first request; the platform asks again.",
        "上游对第一个请求返回 500。",
    ),
    "away": (
        "The upstream answers 500 until the platform gives up once and the tool has to repeat its request.",
        "上游持续返回 500，直到平台放弃一次、由工具自行重试。",
    ),
    "demands": (
        "The upstream answers 400 unless all reasoning of tool-calling turns comes back, byte for byte.",
        "上游要求逐字节回传带工具调用轮次的全部思考，否则返回 400。",
    ),
    "leaks": (
        "The upstream writes its tool calls as MiMo's markup into its reasoning.",
        "上游把工具调用以 MiMo 标记写进思考内容。",
    ),
    "wallet": (
        "An `sk-` key without balance: the tool ends with the reason, after twelve requests at most.",
        "`sk-` 密钥余额不足：工具在最多十二次请求后结束并显示原因。",
    ),
    "plan": (
        "A `tp-` key whose plan is used up: the tool ends with the reason, after twelve requests at most.",
        "`tp-` 密钥套餐用尽：工具在最多十二次请求后结束并显示原因。",
    ),
}


_HABITS: Final = (
    Text(
        "Codex repeats its request five times, within seconds, before it shows that the wallet is empty; "
        "that a plan is used up it shows at once, in words of its own (`Quota exceeded`).",
        "Codex 在显示余额不足之前会在数秒内重试五次；套餐用尽则立即以自己的措辞（`Quota exceeded`）显示。",
    ),
    Text(
        "Before they show that a plan is used up, OpenCode and aider ask nine times, Cline and Kilo Code six "
        "times, Hermes Agent three times; aider asks nine times at an empty wallet, too.",
        "在显示套餐用尽之前，OpenCode 与 aider 请求九次，Cline 与 Kilo Code 六次，Hermes Agent 三次；"
        "余额不足时 aider 也请求九次。",
    ),
    Text(
        "Qwen Code takes the white space off both ends of the thinking that it sends back.",
        "Qwen Code 回传思考内容时会去掉首尾空白。",
    ),
    Text(
        "OpenClaw takes the punctuation out of the ids of calls.",
        "OpenClaw 会去掉工具调用 id 中的标点。",
    ),
    Text(
        "aider gives its model no tools: it asks once and reads the answer.",
        "aider 不向模型提供工具：只提问一次并读取回答。",
    ),
)


def page(results: Results, language: str) -> str:
    """The page in one language (`en`, `zh`)."""
    words = _WORDS[language]
    titles = [s.title if language == "en" else s.title_zh for s in SCENARIOS]
    lines = [words["head"]]
    lines.append(f"| {words['tool']} | {words['version']} | {words['wire']} | {' | '.join(titles)} |")
    lines.append("|---" * (3 + len(SCENARIOS)) + "|")
    notes: dict[str, int] = {}
    for agent in AGENTS:
        entry = results.get(agent.id, {"wires": {}})
        for wire in (each for each in agent.settings.wires if each in entry["wires"]):
            verdicts = entry["wires"][wire]
            cells = [_cell(verdicts.get(s.name), language, notes) for s in SCENARIOS]
            lines.append(
                f"| {entry['title']} | {entry['version']} | {WIRE_NAMES[wire]} | {' | '.join(cells)} |"
            )
    lines += ["", words["scenarios"]]
    which = 0 if language == "en" else 1
    lines += [
        f"- **{title}**: {_EXPLAINED[s.name][which]}" for s, title in zip(SCENARIOS, titles, strict=True)
    ]
    lines += ["", words["habits"], *(f"- {each.en if language == 'en' else each.zh}" for each in _HABITS)]
    if notes:
        lines += ["", words["notes"], *(f"{number}. {note}" for note, number in notes.items())]
    return "\n".join(lines) + "\n"


def _cell(verdict: Any, language: str, notes: dict[str, int]) -> str:
    if verdict is None:
        return "–"
    if verdict["wrong"] is None:
        return "✓"
    why = verdict["known"][0 if language == "en" else 1] if verdict["known"] else verdict["wrong"]
    return f"✗ {notes.setdefault(why, len(notes) + 1)}"
