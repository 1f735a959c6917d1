"""Writes the console's types of the admin API from its OpenAPI description.

`make api-types`; with `--check`, it says whether the file is not what the API says, and changes nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

from tokenmill.admin.app import build
from tokenmill.admin.services import Services

CONSOLE = Path(__file__).resolve().parent.parent / "console"
WRITTEN = CONSOLE / "src" / "api" / "schema.d.ts"
_WRITER = CONSOLE / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
_NODE = Path(sys.executable).parent / "node"


def main() -> int:
    types = typescript(description())
    if WRITTEN.exists() and WRITTEN.read_text("utf-8") == types:
        return 0
    if "--check" in sys.argv[1:]:
        print(f"{WRITTEN} is not what the admin API says. Run: make api-types")
        return 1
    WRITTEN.parent.mkdir(parents=True, exist_ok=True)
    WRITTEN.write_text(types, "utf-8")
    return 0


def description() -> dict[str, Any]:
    """The OpenAPI document, as `/console/api/openapi.json` serves it."""
    return build(cast(Services, None)).openapi()  # It is written when routes are known, before any is asked.


def typescript(document: dict[str, Any]) -> str:
    """The declarations. Raises CalledProcessError when the writer refuses the document."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "openapi.json"), Path(folder, "schema.d.ts")
        source.write_text(json.dumps(document), "utf-8")
        subprocess.run(
            [_NODE, _WRITER, source, "--output", target], check=True, capture_output=True, text=True
        )
        return target.read_text("utf-8")


if __name__ == "__main__":
    sys.exit(main())
