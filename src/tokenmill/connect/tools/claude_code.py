"""Claude Code: `~/.claude/settings.json`, whose `env` its own process takes over."""

from __future__ import annotations

from tokenmill.connect.connection import LONG_CONTEXT, Connection
from tokenmill.connect.template import File, Place, Put, Text, Tool, Trial

_SETTINGS = Place(".claude/settings.json", (("CLAUDE_CONFIG_DIR", "settings.json"),))
_STATE = Place(".claude.json", (("CLAUDE_CONFIG_DIR", ".claude.json"),))
_ASSUMED = 200_000  # Tokens of context that some versions give to a model they do not know.


def _files(c: Connection) -> tuple[File, ...]:
    variables = {
        "ANTHROPIC_BASE_URL": c.anthropic,
        "ANTHROPIC_AUTH_TOKEN": c.key,
        "ANTHROPIC_MODEL": c.model,
        "ANTHROPIC_DEFAULT_OPUS_MODEL": c.model,
        "ANTHROPIC_DEFAULT_SONNET_MODEL": c.model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": c.model,
    }
    edits = tuple(Put(("env", name), value) for name, value in variables.items())
    done = Put(("hasCompletedOnboarding",), True)
    return File(_SETTINGS, "json", edits), File(_STATE, "json", (done,), secret=False)


def _trial(c: Connection, prompt: str) -> Trial:
    quiet = (
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
        "DISABLE_TELEMETRY",
        "DISABLE_ERROR_REPORTING",
        "DISABLE_AUTOUPDATER",
    )
    return Trial(("-p", prompt), dict.fromkeys(quiet, "1"))


def _notes(c: Connection) -> tuple[Text, ...]:
    notes = [
        Text(
            "Unset `ANTHROPIC_API_KEY` in your shell: with a second key, Claude Code asks which to use.",
            "请在 shell 中取消 `ANTHROPIC_API_KEY`：若同时存在另一个 Key，Claude Code 会询问使用哪一个。",
        )
    ]
    if c.figures.context > _ASSUMED and not c.model.endswith(LONG_CONTEXT):
        notes.append(
            Text(
                f"Some versions take a model they do not know for one with {_ASSUMED:,} tokens of context "
                f"and compact early. If yours does, connect again with `--model '{c.model}{LONG_CONTEXT}'`; "
                "the platform takes the suffix off.",
                f"部分版本会把不认识的模型当作 {_ASSUMED:,} token 上下文并过早压缩。遇到这种情况，请用 "
                f"`--model '{c.model}{LONG_CONTEXT}'` 重新连接；平台会去掉该后缀。",
            )
        )
    return tuple(notes)


TOOL = Tool(
    id="claude-code",
    name="Claude Code",
    programs=("claude",),
    install="npm install -g @anthropic-ai/claude-code",
    wires=("messages",),
    files=_files,
    start=lambda c: "claude",
    trial=_trial,
    notes=_notes,
    overruling=("ANTHROPIC_API_KEY",),
    long_names=True,
)
