"""Each agent's settings as its own readers find them, over what was there, with a way back."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # It ships no types.

from tests.processes import wait_for
from tests.wire.golden import GOLDEN, check_bytes
from tokenmill.connect.connection import Connection, ModelFigures, Wire, kind_of, root_of
from tokenmill.connect.tools import TOOLS, find
from tokenmill.connect.trial import PROMPT, program_of, run_once
from tokenmill.connect.writing import undo, write
from tokenmill.kit.faults import Code, Fault
from tokenmill.kit.secrets import new_key

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
KEY = "sk-FIXEDKEYFORGOLDENS"
ROOTS = {"sk": "https://api.example.com", "tp": "https://api.example.com/token-plan"}
WAYS = [(tool, wire) for tool in TOOLS.values() for wire in tool.wires]


def connection(wire: Wire, root: str = ROOTS["sk"], **changes: Any) -> Connection:
    fields = {"key": KEY, "model": "mimo-v2.5-pro", "figures": ModelFigures(), **changes}
    return Connection(root=root, wire=wire, made_at=NOW, **fields)


def put(tool: str, home: Path, wire: Wire | None = None, at: datetime = NOW, **changes: Any) -> list[str]:
    """Writes the tool's files below `home`; what was done to each."""
    chosen = find(tool)
    way = connection(wire or chosen.wires[0], **changes)
    return [each.outcome for each in write(chosen.files(way), {"HOME": str(home)}, at)]


def parse(path: Path) -> Any:
    """By a reader that is not ours."""
    text = path.read_text()
    match path.suffix:
        case ".toml":
            return tomllib.loads(text)
        case ".yaml" | ".yml":
            return yaml.safe_load(text)
        case ".json":
            return json.loads(text)
    return dict(line.removeprefix("export ").split("=", 1) for line in text.splitlines())


def tree(home: Path) -> dict[str, str]:
    """All files below `home` but what `connect` keeps beside them."""
    files = (path for path in sorted(home.rglob("*")) if path.is_file() and ".tokenmill-" not in path.name)
    return {str(path.relative_to(home)): path.read_text() for path in files}


@pytest.mark.parametrize(("tool", "wire"), WAYS, ids=lambda each: getattr(each, "id", each))
def test_what_is_written_is_as_recorded(tool: Any, wire: Wire, tmp_path: Path) -> None:
    """The files of each agent on each protocol, byte for byte, readable by others and for the owner alone."""
    outcomes = put(tool.id, tmp_path, wire)
    files = tree(tmp_path)
    assert set(outcomes) == {"created"}
    assert len(outcomes) == len(files)
    text = "".join(f"# ~/{name}\n{content}\n" for name, content in files.items())
    check_bytes(GOLDEN / "connect" / f"{tool.id}.{wire}.txt", text.encode())
    for name, content in files.items():
        assert parse(tmp_path / name), name
        if KEY in content:
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert KEY in text


@pytest.mark.parametrize(("tool", "wire"), WAYS, ids=lambda each: getattr(each, "id", each))
def test_a_second_time_changes_nothing(tool: Any, wire: Wire, tmp_path: Path) -> None:
    """No file is touched and no backup made, although time has passed."""
    put(tool.id, tmp_path, wire)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    outcomes = put(tool.id, tmp_path, wire, at=NOW + timedelta(days=1))
    assert set(outcomes) == {"unchanged"}
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize(("tool", "wire"), WAYS, ids=lambda each: getattr(each, "id", each))
def test_each_kind_of_key_gets_its_own_base_url(tool: Any, wire: Wire, tmp_path: Path) -> None:
    """Only the address differs; the Token Plan's has its path in it."""
    put(tool.id, tmp_path / "sk", wire)
    put(tool.id, tmp_path / "tp", wire, root=ROOTS["tp"])
    plain, plan = tree(tmp_path / "sk"), tree(tmp_path / "tp")
    assert plan == {name: text.replace(ROOTS["sk"], ROOTS["tp"]) for name, text in plain.items()}
    assert plan != plain


EXISTING: dict[str, dict[str, str]] = {
    "claude-code": {
        ".claude/settings.json": '{\n  "env": {"EDITOR": "vi", "ANTHROPIC_MODEL": "opus"},\n'
        '  "permissions": {"allow": ["Bash(ls:*)"]},\n  "model": "opus"\n}\n',
        ".claude.json": '{"numStartups": 12, "projects": {"/src": {"history": []}}, '
        '"hasCompletedOnboarding": true}',
    },
    "openclaw": {
        ".openclaw/openclaw.json": "// mine\n{\n  gateway: { mode: 'local', port: 18789, },\n"
        "  agents: { defaults: { model: 'anthropic/claude', models: { 'anthropic/claude': {} } } },\n}\n"
    },
    "opencode": {
        ".config/opencode/opencode.jsonc": '{\n  // servers\n  "mcp": {"x": {"type": "local"}},\n'
        '  "enabled_providers": ["anthropic"],\n  "provider": {"mine": {"npm": "y"}},\n}\n'
    },
    "kilo-code": {".config/kilo/kilo.json": '{"permission": {"*": "ask"}}'},
    "cline": {
        ".cline/data/settings/providers.json": '{"version":1,"lastUsedProvider":"cline","modes":{},'
        '"providers":{"cline":{"settings":{"provider":"cline","auth":{"accessToken":"t"}},"updatedAt":'
        '"2026-01-01T00:00:00.000Z","tokenSource":"oauth"}}}'
    },
    "hermes": {
        ".hermes/config.yaml": "# mine\nmodel:\n  provider: openrouter\n  default: x/y  # good\n"
        "  temperature: 1\nterminal:\n  backend: local\n"
    },
    "codebuddy": {
        ".codebuddy/models.json": '{"models": [{"id": "gpt", "apiKey": "k"}], "availableModels": ["gpt"]}'
    },
    "codex": {
        ".codex/config.toml": '# mine\nmodel = "gpt-5.2"\n\n[mcp_servers.docs]\ncommand = "npx"\n',
        ".codex/.env": "export OTHER=1\n",
    },
    "qwen-code": {
        ".qwen/settings.json": '{"$version": 3, "ui": {"theme": "x"}, "modelProviders": {"openai": '
        '[{"id": "mimo-v2.5-pro", "envKey": "MINE", "baseUrl": "https://other"}]}}'
    },
    "aider": {
        ".aider.conf.yml": "## mine\ndark-mode: true\nmodel: sonnet   # usual\nread:\n- CONVENTIONS.md\n"
    },
}


@pytest.mark.parametrize("tool", TOOLS)
def test_what_is_not_ours_stays(tool: str, tmp_path: Path) -> None:
    """Over settings as people have them, each line that says nothing of ours is there afterwards."""
    _prepare(tmp_path, tool)
    outcomes = put(tool, tmp_path)
    assert "changed" in outcomes
    text = "".join(f"# ~/{name}\n{content}\n" for name, content in tree(tmp_path).items())
    check_bytes(GOLDEN / "connect" / f"{tool}.over.txt", text.encode())
    for name in (name for name in EXISTING[tool] if name not in (".openclaw/openclaw.json",)):
        path = tmp_path / name
        if path.suffix != ".jsonc":
            missing = _missing(parse_text(path, EXISTING[tool][name]), parse(path))
            assert missing <= REPLACED.get(tool, set()), name
    assert set(put(tool, tmp_path)) == {"unchanged"}


REPLACED = {
    "claude-code": {"env.ANTHROPIC_MODEL"},
    "cline": {"lastUsedProvider"},
    "hermes": {"model.provider", "model.default"},
    "codebuddy": {"models", "availableModels"},
    "codex": {"model"},
    "qwen-code": {"modelProviders.openai"},
    "aider": {"model"},
}
"""What is ours to change there; lists have grown."""


@pytest.mark.parametrize("tool", TOOLS)
def test_undo_brings_everything_back(tool: str, tmp_path: Path) -> None:
    """Files are as they were, to the byte and the mode, and those that were made are gone."""
    _prepare(tmp_path, tool)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            path.chmod(0o640)
    before = tree(tmp_path)
    put(tool, tmp_path)
    files = find(tool).files(connection(find(tool).wires[0]))
    undo(files, {"HOME": str(tmp_path)}, NOW)
    assert tree(tmp_path) == before
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in before} == {0o640}
    with pytest.raises(Fault, match="nothing to undo"):
        undo(files, {"HOME": str(tmp_path)}, NOW)


def test_undo_goes_back_one_change_at_a_time(tmp_path: Path) -> None:
    """Two changes within one second are two; what a file was before undo is kept, unless we had made it."""
    environ = {"HOME": str(tmp_path)}
    put("codex", tmp_path)
    first = tree(tmp_path)
    put("codex", tmp_path, model="mimo-v2.6-pro")
    files = find("codex").files(connection("responses"))
    (done,) = undo(files, environ, NOW)  # The key was the same, so .env was not part of the second change.
    assert (done.path.name, done.outcome, tree(tmp_path)) == ("config.toml", "restored", first)
    assert done.kept is not None
    assert "mimo-v2.6-pro" in done.kept.read_text()
    assert [each.outcome for each in undo(files, environ, NOW)] == ["removed", "removed"]
    assert tree(tmp_path) == {}


def test_undo_keeps_what_an_agent_has_added_since(tmp_path: Path) -> None:
    """A file of ours that has grown is put aside, not lost."""
    put("aider", tmp_path)
    settings = tmp_path / ".aider.conf.yml"
    settings.write_text(settings.read_text() + "dark-mode: true\n")
    done = undo(find("aider").files(connection("chat")), {"HOME": str(tmp_path)}, NOW)
    kept = [each.kept for each in done if each.path == settings]
    assert kept[0] is not None
    assert "dark-mode" in kept[0].read_text()
    assert not settings.exists()


def test_a_broken_file_stops_everything(tmp_path: Path) -> None:
    """Of two files, neither is touched when one cannot be read; the complaint names it and what to do."""
    (tmp_path / ".claude.json").write_text('{"a": ')
    with pytest.raises(Fault, match=r"\.claude\.json was left as it is.*line 1.*--print") as caught:
        put("claude-code", tmp_path)
    assert caught.value.code is Code.CONFLICT
    assert tree(tmp_path) == {".claude.json": '{"a": '}
    (tmp_path / ".claude.json").write_bytes(b"\xff")
    with pytest.raises(Fault, match="no UTF-8"):
        put("claude-code", tmp_path)


def test_links_modes_and_backups(tmp_path: Path) -> None:
    """A linked file is changed where it is; the backup keeps the old mode, the file with the key loses it."""
    real = tmp_path / "dotfiles" / "qwen.json"
    real.parent.mkdir()
    real.write_text("{}")
    real.chmod(0o644)
    (tmp_path / ".qwen").mkdir()
    (tmp_path / ".qwen" / "settings.json").symlink_to(real)
    put("qwen-code", tmp_path)
    assert (tmp_path / ".qwen" / "settings.json").is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    (backup,) = real.parent.glob("*.tokenmill-backup-20261122080000")
    assert (backup.read_text(), stat.S_IMODE(backup.stat().st_mode)) == ("{}", 0o644)
    real.chmod(0o664)
    assert put("qwen-code", tmp_path) == ["changed"]
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert not [path for path in real.parent.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("tool", "environ", "file"),
    [
        ("claude-code", {"CLAUDE_CONFIG_DIR": "{}/c"}, "c/settings.json"),
        ("openclaw", {"OPENCLAW_STATE_DIR": "{}/s", "OPENCLAW_CONFIG_PATH": "{}/o.json5"}, "o.json5"),
        ("openclaw", {"OPENCLAW_STATE_DIR": "{}/s"}, "s/openclaw.json"),
        ("opencode", {"XDG_CONFIG_HOME": "{}/x"}, "x/opencode/opencode.json"),
        ("kilo-code", {"XDG_CONFIG_HOME": "~/x"}, "x/kilo/kilo.json"),
        ("cline", {"CLINE_DIR": "{}/d", "CLINE_DATA_DIR": "{}/e"}, "e/settings/providers.json"),
        ("hermes", {"HERMES_HOME": "{}/h"}, "h/config.yaml"),
        ("codebuddy", {"CODEBUDDY_CONFIG_DIR": "{}/b"}, "b/models.json"),
        ("codex", {"CODEX_HOME": "{}/x"}, "x/config.toml"),
        ("qwen-code", {"QWEN_HOME": ""}, ".qwen/settings.json"),
    ],
)
def test_variables_say_where_files_are(tool: str, environ: dict[str, str], file: str, tmp_path: Path) -> None:
    """As the agents themselves have it; an empty variable says nothing."""
    told = {name: value.format(tmp_path) for name, value in environ.items()} | {"HOME": str(tmp_path)}
    write(find(tool).files(connection(find(tool).wires[0])), told, NOW)
    assert file in tree(tmp_path)


def test_an_address_is_a_platform_or_a_base_url() -> None:
    """The Token Plan's path is added to a platform's address only."""
    assert root_of("https://h/", "sk") == "https://h"
    assert root_of("https://h", "tp") == "https://h/token-plan"
    assert root_of("https://h/token-plan", "tp") == "https://h/token-plan"
    assert root_of("https://plan.h/v1/", "tp") == "https://plan.h"
    assert root_of("https://h/mill/anthropic", "sk") == "https://h/mill"
    for wrong in ("h:8080", "ftp://h", "https://", "https://h/v1?x=1"):
        with pytest.raises(Fault, match="--base-url"):
            root_of(wrong, "sk")


def test_a_key_is_checked_by_its_checksum() -> None:
    """A cut or changed key is refused, without repeating it."""
    key = new_key("tp")
    assert kind_of(key) == "tp"
    changed = key[:-1] + ("A" if key[-1] != "A" else "B")
    for wrong in (key[:-1], changed, "nonsense", ""):
        with pytest.raises(Fault, match="not a whole key") as caught:
            kind_of(wrong)
        assert not wrong or wrong not in caught.value.message


def test_figures_of_the_model_reach_the_agent(tmp_path: Path) -> None:
    """Context, output and images are the catalogue's, wherever an agent has a place for them."""
    figures = ModelFigures(context=65_536, output=4_096, images=True, thinking=False)
    for tool in ("opencode", "openclaw", "codebuddy", "cline"):
        put(tool, tmp_path / tool, figures=figures)
        text = "".join(tree(tmp_path / tool).values())
        assert "65536" in text
        assert "4096" in text
    model = json.loads((tmp_path / "openclaw/.openclaw/openclaw.json").read_text())
    assert model["models"]["providers"]["tokenmill"]["models"][0]["input"] == ["text", "image"]
    assert model["models"]["providers"]["tokenmill"]["models"][0]["reasoning"] is False


STAND_IN = """#!{python}
import json, os, subprocess, sys, time
settings = json.load(open(os.path.expanduser("~/.qwen/settings.json")))
daemon = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
open({pid!r}, "w").write(str(daemon.pid))
print("\\x1b[1mYou asked:\\x1b[0m", sys.argv[-1])
print({said!r}, settings["env"]["TOKENMILL_API_KEY"], "SECRET" in os.environ)
time.sleep({sleep})
sys.exit({status})
"""


@pytest.mark.parametrize(
    ("said", "status", "sleep", "ok"),
    [("Ok.", 0, 0, True), ("token", 0, 0, False), ("OK", 3, 0, False), ("OK", 0, 60, False)],
)
def test_an_agent_is_tried_in_a_home_of_its_own(
    said: str, status: int, sleep: int, ok: bool, tmp_path: Path
) -> None:
    """It finds our settings alone; its answer counts, not the echoed prompt; nobody stays behind."""
    program = tmp_path / "qwen"
    pid = tmp_path / "pid"
    script = STAND_IN.format(python=sys.executable, pid=str(pid), said=said, status=status, sleep=sleep)
    program.write_text(script)
    program.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SECRET": "x", "HOME": str(tmp_path)}
    report = run_once(find("qwen-code"), connection("chat"), environ, NOW, patience=5)
    assert (report.ok, report.exit) == (ok, None if sleep else status)
    assert KEY not in report.said
    if not sleep:
        assert report.said == f"You asked: {PROMPT}\n{said} sk-… False"
    wait_for(lambda: not _runs(int(pid.read_text())))  # A killed process takes a moment to be gone.
    assert not (tmp_path / ".qwen").exists()


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_that_is_not_installed_says_how(tool: str, tmp_path: Path) -> None:
    """The message holds the command that installs it."""
    with pytest.raises(Fault, match=rf"not installed.*{find(tool).install}"):
        program_of(find(tool), {"PATH": str(tmp_path)})


def test_the_guides_are_what_the_templates_say() -> None:
    """No page in either language has drifted, and the READMEs lead to them."""
    root = Path(__file__).resolve().parent.parent.parent
    done = subprocess.run(
        [sys.executable, root / "tools" / "guides.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    folder = root / "docs" / "guides" / "connect"
    names = {f"{tool}.{language}.md" for tool in [*TOOLS, "index"] for language in ("en", "zh-CN")}
    assert {path.name for path in folder.iterdir()} == names
    assert "docs/guides/connect/index.en.md" in (root / "README.md").read_text()
    assert "docs/guides/connect/index.zh-CN.md" in (root / "README.zh-CN.md").read_text()
    for name in names:  # Every link leads somewhere.
        for target in (folder / name).read_text().split("](")[1:]:
            assert (folder / target.split(")")[0]).exists(), name


def parse_text(path: Path, text: str) -> Any:
    other = path.with_name("other" + path.suffix)
    other.write_text(text)
    try:
        return parse(other)
    finally:
        other.unlink()


def _prepare(home: Path, tool: str) -> None:
    for name, text in EXISTING[tool].items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)


def _missing(before: Any, after: Any, at: str = "") -> set[str]:
    """Paths whose values are not what they were."""
    if isinstance(before, dict) and isinstance(after, dict):
        return {
            each
            for key in before
            for each in _missing(before[key], after.get(key), f"{at}.{key}".lstrip("."))
        }
    return set() if before == after else {at}


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False
