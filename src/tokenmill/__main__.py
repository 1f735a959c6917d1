"""Starts the command line: `python -m tokenmill`."""

from __future__ import annotations

from tokenmill.cli.main import run


def main() -> None:
    """The `tokenmill` command."""
    run()


if __name__ == "__main__":
    main()
