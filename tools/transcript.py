"""Runs a fresh platform, sends it real requests with curl, and writes the session into both READMEs.

`make transcript`. Everything between the transcript marks is what the commands printed, with the
password and the key cut short.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")
MARKS = re.compile(r"(<!-- transcript -->\n).*?(<!-- /transcript -->)", re.DOTALL)
PATIENCE = 300  # Seconds for one request; the model reads some dozens of tokens a second.

FAQ = ROOT / "tests" / "golden" / "openai_chat" / "faq.request.json"
CALLS: tuple[tuple[str, dict[str, object]], ...] = (
    (
        "",
        {
            "model": "mimo-v2.5-pro",
            "messages": [{"role": "user", "content": "用一句话介绍北京。"}],
            "temperature": 0,
        },
    ),
    ("@faq.request.json", json.loads(FAQ.read_text(encoding="utf-8"))),
)
"""What is asked, and the name under which a long request is shown."""


def main() -> int:
    tokenmill = Path(sys.executable).with_name("tokenmill")
    with tempfile.TemporaryDirectory() as folder:
        command = [str(tokenmill), "serve", "--port", "0", "--data", f"{folder}/data"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                banner = _read_banner(server)
                key = re.search(r"sk-\w+", banner)
                url = re.search(r"http://[\d.]+:\d+", banner)
                assert key is not None
                assert url is not None
                shown = [_cut_secrets(banner)]
                shown += [_call(url.group(), key.group(), body, name) for name, body in CALLS]
            finally:
                server.terminate()
    text = "\n".join(["```console", "$ tokenmill serve", *shown, "```"]).replace(
        url.group(), "http://127.0.0.1:8080"
    )
    for readme in READMES:
        before = readme.read_text(encoding="utf-8")
        readme.write_text(MARKS.sub(lambda m: f"{m[1]}{text}\n{m[2]}", before), encoding="utf-8")
    print(text)
    return 0


def _read_banner(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    lines: list[str] = []
    for line in server.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith("curl "):
            return "\n".join(lines).strip()
    raise SystemExit("the server ended before it was ready")


def _cut_secrets(banner: str) -> str:
    cut = re.sub(r"(sk-\w{4})\w+", r"\1…", banner)
    return re.sub(r"(password )\S+", r"\1…", cut)


def _call(url: str, key: str, body: dict[str, object], name: str) -> str:
    data = json.dumps(body, ensure_ascii=False)
    began = time.monotonic()
    headers = ["-H", f"api-key: {key}", "-H", "Content-Type: application/json"]
    command = ["curl", "-sS", f"{url}/v1/chat/completions", *headers, "-d", data]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)
    reply = json.loads(answer.stdout)
    message = reply["choices"][0]["message"]
    said = message["content"] or json.dumps(message["tool_calls"][0]["function"], ensure_ascii=False)
    shown = name or f"'{data}'"
    return (
        f'\n$ curl -s {url}/v1/chat/completions -H "api-key: $KEY" -d {shown}\n'
        f"{said}\n"
        f"# {reply['choices'][0]['finish_reason']}, {reply['usage']['prompt_tokens']} + "
        f"{reply['usage']['completion_tokens']} tokens, {reply['system_fingerprint']}, "
        f"{time.monotonic() - began:.1f} s"
    )


if __name__ == "__main__":
    sys.exit(main())
