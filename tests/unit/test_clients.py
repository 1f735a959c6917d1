"""Tools are known by the headers that were recorded of them."""

from __future__ import annotations

import pytest

from tokenmill.api.clients import tool_of

AI_SDK = "ai-sdk/provider-utils/4.0.5 runtime/bun/1.3.4"
STAINLESS = {"x-stainless-lang": "js", "x-stainless-package-version": "0.128.0", "x-stainless-os": "Linux"}

RECORDED: dict[str, tuple[str, dict[str, str]]] = {
    "Claude Code": (
        "claude-code",
        {
            "user-agent": "claude-cli/2.1.330 (external, sdk-cli)",
            "x-app": "cli",
            "x-claude-code-session-id": "7c1f6d5e",
            "anthropic-version": "2023-06-01",
            **STAINLESS,
        },
    ),
    "Claude Code without its session": (
        "claude-code",
        {"user-agent": "claude-cli/1.0.119 (external, cli)", "x-app": "cli"},
    ),
    "OpenCode": ("opencode", {"user-agent": f"opencode/1.18.33 {AI_SDK}", "x-session-affinity": "ses_1"}),
    "Kilo Code": (
        "kilo-code",
        {
            "user-agent": f"Kilo-Code/7.7.9 {AI_SDK}",
            "http-referer": "https://kilocode.ai",
            "x-title": "Kilo Code",
        },
    ),
    "Kilo Code in an editor": (
        "kilo-code",
        {"user-agent": "OpenAI/JS 5.12.2", "http-referer": "https://kilocode.ai", **STAINLESS},
    ),
    "Cline CLI, which sends nothing of its own": (
        "ai-sdk",
        {"user-agent": "ai-sdk/openai-compatible/3.0.37 " + AI_SDK},
    ),
    "Cline in an editor": (
        "cline",
        {"user-agent": "OpenAI/JS 5.12.2", "http-referer": "https://cline.bot", "x-title": "Cline"},
    ),
    "OpenClaw on chat, which sends nothing of its own": (
        "openai-node",
        {"user-agent": "OpenAI/JS 7.15.0", "traceparent": "00-1-2-01", **STAINLESS},
    ),
    "OpenClaw on messages": (
        "anthropic-node",
        {
            "user-agent": "undici",
            "anthropic-version": "2023-06-01",
            "anthropic-dangerous-direct-browser-access": "true",
            **STAINLESS,
        },
    ),
    "Hermes on chat, which sends nothing of its own": (
        "openai-python",
        {"user-agent": "OpenAI/Python 2.24.0", "x-stainless-lang": "python"},
    ),
    "Hermes on messages": (
        "anthropic-python",
        {
            "user-agent": "Anthropic/Python 0.87.0",
            "anthropic-beta": "interleaved-thinking-2025-05-14,fine-grained-tool-streaming-2025-05-14",
        },
    ),
    "CodeBuddy": (
        "codebuddy",
        {"user-agent": "CLI/2.163.0 CodeBuddy/2.163.0", "x-product": "SaaS", **STAINLESS},
    ),
    "Codex": ("codex", {"originator": "codex_exec", "user-agent": "codex_exec/0.169.0 (Linux; x86_64)"}),
    "Codex in an editor": ("codex", {"originator": "codex_vscode", "user-agent": "Mozilla/5.0"}),
    "Qwen Code on chat": ("qwen-code", {"user-agent": "QwenCode/0.24.4 (linux; x64)", **STAINLESS}),
    "Qwen Code on messages, in disguise": (
        "qwen-code",
        {"user-agent": "claude-cli/0.24.4 (external, cli)", **STAINLESS},
    ),
    "aider": ("openai-python", {"user-agent": "OpenAI/Python 1.109.1", "x-stainless-lang": "python"}),
    "OpenAI's SDK, asynchronous": ("openai-python", {"user-agent": "AsyncOpenAI/Python 2.8.0"}),
    "Anthropic's SDK, asynchronous": ("anthropic-python", {"user-agent": "AsyncAnthropic/Python 0.75.0"}),
    "Anthropic's SDK for Node": ("anthropic-node", {"user-agent": "Anthropic/JS 0.71.0"}),
    "curl": ("curl", {"user-agent": "curl/8.5.0"}),
    "a stranger": ("my-agent", {"user-agent": "My-Agent/1.0 (Linux)", **STAINLESS}),
    "a library": ("python-requests", {"user-agent": "python-requests/2.32.3"}),
    "an SDK below another client": ("openai-python", {"user-agent": "", "x-stainless-lang": "python"}),
    "a client below nothing": ("undici", {"user-agent": "undici"}),
    "nobody": ("unknown", {}),
}


@pytest.mark.parametrize(("tool", "headers"), RECORDED.values(), ids=RECORDED)
def test_a_tool_is_known_by_its_headers(tool: str, headers: dict[str, str]) -> None:
    """As far as they tell: four of the tools send only what their SDK sends."""
    assert tool_of(lambda name: headers.get(name.decode(), "")) == tool


def test_a_name_is_short_and_plain() -> None:
    """It is a column of reports, and a caller writes what it likes."""
    assert tool_of(lambda name: "é<script>" + "x" * 1000 if name == b"user-agent" else "")[:9] == "éscriptxx"
    assert len(tool_of(lambda name: "x" * 1000 if name == b"user-agent" else "")) == 64
