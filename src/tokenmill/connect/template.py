"""Declares what a template of an agent's settings is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from tokenmill.connect.connection import Connection, Wire

Json: TypeAlias = "str | int | bool | list[Json] | dict[str, Json] | None"
Format = Literal["json", "toml", "yaml", "env"]


@dataclass(frozen=True, slots=True)
class Text:
    """One thing said in both languages."""

    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where an agent keeps a file: `home` below the home directory, unless a variable says otherwise.

    `overrides` are (variable, what follows its value), the strongest first; `""` follows a variable that
    names the file itself. A `rival` beside the file is read after it and so is written to where it exists.
    """

    home: str
    overrides: tuple[tuple[str, str], ...] = ()
    rival: str | None = None

    def path(self, environ: Mapping[str, str]) -> Path:
        """The file as this environment has it."""
        home = Path(environ.get("HOME") or Path.home())
        found = home / self.home
        for variable, below in self.overrides:
            if value := environ.get(variable):
                base = home / value[2:] if value.startswith("~/") else Path(value)
                found = base / below if below else base
                break
        if self.rival is not None and found.with_name(self.rival).exists():
            return found.with_name(self.rival)
        return found.absolute()

    @property
    def shown(self) -> str:
        """The usual path, for people."""
        return f"~/{self.home}"


@dataclass(frozen=True, slots=True)
class Put:
    """A value at a path of keys; `absent`: only where none is; `inside`: so, and only in what is there."""

    path: tuple[str, ...]
    value: Json
    when: Literal["always", "absent", "inside"] = "always"


@dataclass(frozen=True, slots=True)
class Upsert:
    """An entry of a list of objects, put in place of one that agrees in the keys `by`, else before all."""

    path: tuple[str, ...]
    value: dict[str, Json]
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Include:
    """An entry that a list of names must have, if there is such a list."""

    path: tuple[str, ...]
    value: str


Edit = Put | Upsert | Include


@dataclass(frozen=True, slots=True)
class File:
    """A file of an agent with what belongs into it; one with a secret is for its owner's eyes only."""

    place: Place
    format: Format
    edits: tuple[Edit, ...]
    secret: bool = True


@dataclass(frozen=True, slots=True)
class Trial:
    """How an agent is run once without a terminal: its arguments, and variables that keep it quiet."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tool:
    """A coding agent: how it is called, installed, set up, started and tried.

    The first of `wires` is the one used unless another is asked for. `overruling` are variables that
    would win over the files.
    """

    id: str
    name: str
    programs: tuple[str, ...]
    install: str
    wires: tuple[Wire, ...]
    files: Callable[[Connection], tuple[File, ...]]
    start: Callable[[Connection], str]
    trial: Callable[[Connection, str], Trial]
    notes: Callable[[Connection], tuple[Text, ...]] = lambda _: ()
    overruling: tuple[str, ...] = ()
    long_names: bool = False  # Whether `[1m]` after a model's name means something to it.
