#!/usr/bin/env bash
# Re-resolves requirements/*.txt from pyproject.toml: hashes yes, registry addresses no.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
compile() {
  "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-emit-find-links --no-annotate --custom-compile-command "make lock" "$@"
}
compile pyproject.toml --output-file requirements/base.txt
compile --group build -c requirements/base.txt --output-file requirements/build.txt
compile --group dev -c requirements/base.txt -c requirements/build.txt --output-file requirements/dev.txt
