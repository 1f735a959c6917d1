"""Judges entries by the rules that types cannot state."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from tokenmill.catalog.complaints import Complaint, did_you_mean
from tokenmill.catalog.entries import Model, Target

_T = TypeVar("_T", bound=Hashable)

_KEY_SOURCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:[^\0]+")


def target_complaints(target: Target, path: str) -> Iterator[Complaint]:
    """What is wrong with one target; no message repeats a URL or a key."""
    if target.engine == "embedded":
        if target.base_url is not None:
            yield Complaint(f"{path}.base_url", "the embedded engine has none; leave it out")
    elif target.base_url is None:
        yield Complaint(f"{path}.base_url", f"missing; the {target.engine} engine needs it")
    elif wrong := _url_complaint(target.base_url):
        yield Complaint(f"{path}.base_url", wrong)
    if target.api_key is not None and not _KEY_SOURCE.fullmatch(target.api_key):
        yield Complaint(
            f"{path}.api_key",
            "write env:NAME or file:PATH; the catalogue says where the key is and never holds the key itself",
        )


def model_complaints(model: Model, path: str) -> Iterator[Complaint]:
    """What is wrong with one model, seen alone."""
    for name in _repeated([model.id, *model.aliases]):
        yield Complaint(f"{path}.aliases", f"'{name}' is named twice")
    for kind in _repeated(model.input):
        yield Complaint(f"{path}.input", f"'{kind}' is named twice")
    for target, upstream in _repeated((ref.target, ref.model) for ref in model.targets):
        yield Complaint(f"{path}.targets", f"'{upstream}' at target '{target}' is named twice; use weight")
    if model.successor == model.id:
        yield Complaint(f"{path}.successor", "a model cannot succeed itself")


def whole_complaints(targets: Sequence[Target], models: Sequence[Model]) -> Iterator[Complaint]:
    """What is wrong between the entries of a whole catalogue: names and references."""
    target_ids = [target.id for target in targets]
    model_ids = [model.id for model in models]
    for target_id in _repeated(target_ids):
        yield Complaint(f"targets ({target_id}).id", "another target has this id")
    for model_id in _repeated(model_ids):
        yield Complaint(f"models ({model_id}).id", "another model has this id")
    yield from _reference_complaints(set(target_ids), set(model_ids), models)
    owners = {model_id: model_id for model_id in model_ids}
    for model in models:
        for alias in model.aliases:
            owner = owners.setdefault(alias, model.id)
            if owner != model.id:
                yield Complaint(
                    f"models ({model.id}).aliases", f"'{alias}' already names the model '{owner}'"
                )


def _reference_complaints(
    target_ids: set[str], model_ids: set[str], models: Sequence[Model]
) -> Iterator[Complaint]:
    for model in models:
        for index, ref in enumerate(model.targets):
            if ref.target not in target_ids:
                yield Complaint(
                    f"models ({model.id}).targets[{index}].target",
                    f"there is no target '{ref.target}'.{did_you_mean(ref.target, sorted(target_ids))} "
                    "Add it to [[targets]].",
                )
        if model.successor is not None and model.successor not in model_ids:
            yield Complaint(
                f"models ({model.id}).successor",
                f"there is no model '{model.successor}'.{did_you_mean(model.successor, sorted(model_ids))}",
            )


def _url_complaint(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "not a URL; write it like http://127.0.0.1:8000/v1"
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url:
        return "expected http://HOST/… or https://HOST/…"
    if "@" in parts.netloc:
        return "holds a user name or password; put the key into api_key, as env:NAME or file:PATH"
    if "?" in url or "#" in url:
        return "has a query or a fragment; paths such as /chat/completions are added to its end"
    return None


def _repeated(names: Iterable[_T]) -> list[_T]:
    return [name for name, times in Counter(names).items() if times > 1]
