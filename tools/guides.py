"""Writes the set-up guides of the coding agents from the templates of `tokenmill connect`.

`make guides`; with `--check`, it says which pages are not what the templates say, and changes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from tokenmill.connect.connection import PLAN_PATH, USUAL_MODEL, WIRE_NAMES, Connection, ModelFigures, Wire
from tokenmill.connect.merging import fresh
from tokenmill.connect.template import File, Text, Tool
from tokenmill.connect.tools import TOOLS

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "guides" / "connect"
ROOT = "http://127.0.0.1:8080"
KEY = "sk-YOUR-KEY"

_FENCES = {"json": "json", "toml": "toml", "yaml": "yaml", "env": "sh"}
Language = Literal["en", "zh-CN"]
LANGUAGES: tuple[Language, ...] = ("en", "zh-CN")


def main() -> int:
    pages = dict(all_pages())
    stale = [name for name, text in pages.items() if _read(FOLDER / name) != text]
    known = {path.name for path in FOLDER.glob("*.md")}
    stale += sorted(known - set(pages))
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/guides/connect/{name} is not what the templates say; run `make guides`.")
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in known - set(pages):
        (FOLDER / name).unlink()
    for name, text in pages.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


def all_pages() -> Iterator[tuple[str, str]]:
    """(name, text) of each page."""
    for language in LANGUAGES:
        yield f"index.{language}.md", "\n".join(_index(language)) + "\n"
        for tool in TOOLS.values():
            yield f"{tool.id}.{language}.md", "\n".join(_guide(tool, language)) + "\n"


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _example(tool: Tool, wire: Wire) -> Connection:
    return Connection(ROOT, KEY, USUAL_MODEL, ModelFigures(), wire, datetime(2026, 11, 22, 8, tzinfo=UTC))


def _say(text: Text, language: Language) -> str:
    return text.en if language == "en" else text.zh


def _other(page: str, language: Language) -> str:
    return f"[简体中文]({page}.zh-CN.md)" if language == "en" else f"[English]({page}.en.md)"


TITLE = Text("{name} with TokenMill", "在 {name} 中使用 TokenMill")
WRITTEN = Text(
    "Written by `make guides` from what `tokenmill connect` writes.",
    "本页由 `make guides` 根据 `tokenmill connect` 写入的内容生成。",
)
ALL = Text("All tools", "全部工具")
INSTALL = Text("Install", "安装")
CONNECT = Text("Connect", "连接")
ON_SITE = Text(
    "On the platform's own machine, leave `--base-url` out: its settings and catalogue say the address and "
    "what the model can take. `--model` chooses another model. `--print` only shows the settings.",
    "如果在平台所在的机器上执行，可省略 `--base-url`：地址与模型参数取自平台的设置和模型目录。"
    "`--model` 可选择其他模型，`--print` 只显示配置而不写入。",
)
KEPT = Text(
    "What else the files hold stays. What they were is kept beside them, as `FILE.tokenmill-backup-…`;",
    "文件中的其他设置保持不变；原文件保存为同目录下的 `FILE.tokenmill-backup-…`，恢复命令：",
)
BACK = Text("brings the latest one back.", "")
BY_HAND = Text("Or by hand", "或手动配置")
MERGE = Text(
    "Add this to the file; it may hold more.",
    "将以下内容加入文件（文件中可以有其他内容）。",
)
OR_AT = Text("or {places}", "或 {places}")
ADDRESSES = Text(
    "For a `tp-` key of a Token Plan, the Base URL is another one. "
    "Put your platform's address in place of `{root}`.",
    "Token Plan 的 `tp-` Key 使用不同的 Base URL。请将 `{root}` 换成您的平台地址。",
)
ADDRESS_HEAD = Text(
    "| protocol | pay as you go, `sk-…` | Token Plan, `tp-…` |",
    "| 协议 | 按量付费 `sk-…` | Token Plan `tp-…` |",
)
PROTOCOLS = Text(
    "{name} can use any of these protocols; `--wire {others}` chooses another one than {first}.",
    "{name} 可使用以上任一协议；默认为 {first}，可用 `--wire {others}` 选择其他协议。",
)
START = Text("Start", "启动")
TRY = Text(
    "To see whether it works, let it run once, in a home of its own, with these settings and no others:",
    "如需验证，可让它在独立的主目录中、仅用以上配置运行一次：",
)
KNOW = Text("Good to know", "注意事项")
INDEX = Text("Coding agents with TokenMill", "在编程智能体中使用 TokenMill")
INDEX_HEAD = Text("| tool | protocols | settings |", "| 工具 | 协议 | 配置文件 |")
INDEX_LEAD = Text(
    "One command sets a tool up, and each guide also says how to do it by hand:",
    "一条命令即可完成配置；各篇指南也说明了手动配置的方法：",
)


def _guide(tool: Tool, language: Language) -> Iterator[str]:
    example = _example(tool, tool.wires[0])
    command = f"tokenmill connect {tool.id}"
    yield f"# {_say(TITLE, language).format(name=tool.name)}"
    yield ""
    yield f"{_other(tool.id, language)} · [{_say(ALL, language)}](index.{language}.md)"
    yield ""
    yield from _section(1, INSTALL, language, tool.install)
    yield from _section(2, CONNECT, language, f"{command} --key {KEY} --base-url {ROOT}")
    yield _say(ON_SITE, language)
    yield ""
    yield f"{_say(KEPT, language)} `{command} --undo` {_say(BACK, language)}".rstrip()
    yield ""
    yield f"### {_say(BY_HAND, language)}"
    yield ""
    yield _say(MERGE, language)
    yield ""
    for file in tool.files(example):
        yield from _file(file, language)
    yield from _addresses(tool, language)
    yield from _section(3, START, language, tool.start(example))
    yield _say(TRY, language)
    yield ""
    yield f"```\n{command} --key {KEY} --base-url {ROOT} --check\n```"
    yield ""
    if notes := tool.notes(example):
        yield f"## {_say(KNOW, language)}"
        yield ""
        for note in notes:
            yield f"- {_say(note, language)}"
        yield ""
    yield _say(WRITTEN, language)


def _section(number: int, title: Text, language: Language, command: str) -> Iterator[str]:
    yield f"## {number}. {_say(title, language)}"
    yield ""
    yield f"```\n{command}\n```"
    yield ""


def _file(file: File, language: Language) -> Iterator[str]:
    others = [f"`${name}{'/' if below else ''}{below}`" for name, below in file.place.overrides]
    if file.place.rival is not None:
        others.append(f"`{file.place.rival}`")
    places = f" ({_say(OR_AT, language).format(places=', '.join(others))})" if others else ""
    yield f"`{file.place.shown}`{places}:"
    yield ""
    yield f"```{_FENCES[file.format]}\n{fresh(file).rstrip()}\n```"
    yield ""


def _addresses(tool: Tool, language: Language) -> Iterator[str]:
    yield _say(ADDRESSES, language).format(root=ROOT)
    yield ""
    yield _say(ADDRESS_HEAD, language)
    yield "|---|---|---|"
    for wire in tool.wires:
        path = "/anthropic" if wire == "messages" else "/v1"
        yield f"| {WIRE_NAMES[wire]} | `{ROOT}{path}` | `{ROOT}{PLAN_PATH}{path}` |"
    yield ""
    if len(tool.wires) > 1:
        others = "|".join(tool.wires[1:])
        first = WIRE_NAMES[tool.wires[0]]
        yield _say(PROTOCOLS, language).format(name=tool.name, first=first, others=others)
        yield ""


def _index(language: Language) -> Iterator[str]:
    yield f"# {_say(INDEX, language)}"
    yield ""
    yield _other("index", language)
    yield ""
    yield _say(INDEX_LEAD, language)
    yield ""
    yield f"```\ntokenmill connect TOOL --key {KEY} --base-url {ROOT}\n```"
    yield ""
    yield _say(INDEX_HEAD, language)
    yield "|---|---|---|"
    for tool in TOOLS.values():
        wires = ", ".join(WIRE_NAMES[wire] for wire in tool.wires)
        files = tool.files(_example(tool, tool.wires[0]))
        settings = ", ".join(f"`{file.place.shown}`" for file in files)
        yield f"| [{tool.name}]({tool.id}.{language}.md) | {wires} | {settings} |"
    yield ""
    yield _say(WRITTEN, language)


if __name__ == "__main__":
    sys.exit(main())
