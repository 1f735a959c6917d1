"""Settings files are changed in place: what is ours goes in, and nothing else moves."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # It ships no types.
from hypothesis import given
from hypothesis import strategies as st

from tokenmill.connect import env_text, json_text, toml_text, yaml_text
from tokenmill.connect.template import Include, Json, Put, Upsert

COMMENTED = """\
// Settings of mine
{
  "theme": "dark", // not light
  /* what follows is
     old */
  "env": {
    "A": "1"   // the first
  },
  "list": [1, 2,],
}
"""


def test_comments_and_layout_of_a_json_file_stay() -> None:
    """A value put beside others takes a line of its own, and every other byte is where it was."""
    changed = json_text.apply(COMMENTED, Put(("env", "B"), "2"))
    assert changed == COMMENTED.replace('"A": "1"   // the first', '"A": "1",   // the first\n    "B": "2"')
    assert json_text.apply(changed, Put(("env", "B"), "2")) == changed
    replaced = json_text.apply(COMMENTED, Put(("theme",), {"name": "light"}))
    assert replaced == COMMENTED.replace('"dark"', '{\n    "name": "light"\n  }')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '{\n  "a": {\n    "b": 1\n  }\n}\n'),
        ("{}", '{\n  "a": {\n    "b": 1\n  }\n}'),
        ('{"x": 1}', '{"x": 1, "a": {"b": 1}}'),
        ('{"x": 1,}', '{"x": 1, "a": {"b": 1}}'),
        ('{\n\t"x": 1\n}\n', '{\n\t"x": 1,\n\t"a": {\n\t\t"b": 1\n\t}\n}\n'),
        ('{\r\n  "x": 1\r\n}', '{\r\n  "x": 1,\r\n  "a": {\r\n    "b": 1\r\n  }\r\n}'),
        ('{"a": {"b": true}}', '{"a": {"b": 1}}'),
        ('{"a": {"b": 2}, "a": {"b": 3}}', '{"a": {"b": 2}, "a": {"b": 1}}'),
        ('\ufeff{"a": {"b": 2}}', '\ufeff{"a": {"b": 1}}'),
        ("{a: {'b': .5}}", "{a: {'b': 1}}"),
        ('{"a": "short form"}', '{"a": {\n  "b": 1\n}}'),
        ("{ // nothing yet\n}", '{ // nothing yet\n  "a": {\n    "b": 1\n  }\n}'),
    ],
)
def test_a_value_finds_its_place(before: str, after: str) -> None:
    """Empty, inline, tabbed, CRLF, doubled, marked, bare and commented objects each take one more key."""
    assert json_text.apply(before, Put(("a", "b"), 1)) == after


def test_a_value_can_yield_to_what_is_there() -> None:
    """`absent` leaves what is set; `inside` also makes no objects of its own."""
    there = '{"a": {"b": 2}}'
    assert json_text.apply(there, Put(("a", "b"), 1, when="absent")) == there
    assert json_text.apply(there, Put(("c", "d"), 1, when="inside")) == there
    assert json_text.read(json_text.apply(there, Put(("a", "d"), 1, when="inside"))) == {
        "a": {"b": 2, "d": 1}
    }


def test_an_entry_of_a_list_replaces_its_like_and_keeps_its_other_fields() -> None:
    """What agrees in the key is ours to renew; strangers stay, behind."""
    there = '{"models": [{"id": "x"}, {"id": "m", "url": "old", "note": "mine"}]}'
    renewed = json_text.apply(there, Upsert(("models",), {"id": "m", "url": "new"}, by=("id",)))
    assert json_text.read(renewed) == {"models": [{"id": "x"}, {"id": "m", "url": "new", "note": "mine"}]}
    added = json_text.apply(there, Upsert(("models",), {"id": "n"}, by=("id",)))
    assert json.loads(added)["models"][0] == {"id": "n"}
    assert json.loads(json_text.apply("", Upsert(("models",), {"id": "n"}, by=("id",)))) == {
        "models": [{"id": "n"}]
    }
    spread = json_text.apply(
        '{\n  "models": [\n    {"id": "x"}\n  ]\n}', Upsert(("models",), {"id": "n"}, ("id",))
    )
    assert spread == '{\n  "models": [\n    {\n      "id": "n"\n    },\n    {"id": "x"}\n  ]\n}'


def test_a_name_joins_a_list_that_is_there() -> None:
    """A list of what is allowed must name ours; without such a list all is allowed."""
    assert json_text.apply('{"on": ["a"]}', Include(("on",), "b")) == '{"on": ["a", "b"]}'
    assert json_text.apply('{"on": ["b"]}', Include(("on",), "b")) == '{"on": ["b"]}'
    assert json_text.apply("{}", Include(("on",), "b")) == "{}"


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        ('{"a": 1', "line 1, column 8"),
        ('{\n  "a" 1\n}', "line 2, column 7: a colon"),
        ('{"a": 1 "b": 2}', "a comma"),
        ('{"a": nope}', "a value is missing"),
        ('{"a": 1} x', "follows the end"),
        ("[]", "no JSON object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": [1]}', "a is a list"),
    ],
)
def test_broken_json_is_refused_by_place(broken: str, where: str) -> None:
    """The complaint says where to look."""
    with pytest.raises(ValueError, match=where):
        json_text.apply(broken, Put(("a", "b"), 1))


KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(KEYS, VALUES, max_size=4),
    st.lists(KEYS, min_size=1, max_size=3),
    VALUES,
    st.sampled_from([None, 0, 2, "\t"]),
)
def test_any_json_takes_any_value_and_keeps_the_rest(
    tree: dict[str, Any], path: list[str], value: Json, indent: int | str | None
) -> None:
    """An independent reader finds the old tree with one value more; a second time changes nothing."""
    text = json.dumps(tree, indent=indent)
    edit = Put(tuple(path), value)
    try:
        changed = json_text.apply(text, edit)
    except ValueError:
        assert any(isinstance(each, list) for each in _along(tree, path))
        return
    assert json.loads(changed) == _with(tree, path, value)
    assert json_text.apply(changed, edit) == changed


TOML = """\
# mine
model = "gpt-5"  # the default
approval_policy = "on-request"
notify = [
  "a", # ]
  "b",
]

[model_providers.azure]
name = "Azure = here"
text = '''
[not.a.table]
model = "no"
'''

[[hooks]]
run = "x"
"""


def test_a_toml_file_keeps_comments_tables_and_strings() -> None:
    """Root keys stay above the tables, ours comes last, and an old value is replaced in its line."""
    changed = TOML
    for edit in (
        Put(("model",), "mimo"),
        Put(("model_provider",), "tokenmill"),
        Put(("model_providers", "tokenmill", "name"), "TokenMill"),
        Put(("model_providers", "tokenmill", "wire_api"), "responses"),
        Put(("model_providers", "azure", "port"), 8),
    ):
        changed = toml_text.apply(changed, edit)
        assert toml_text.apply(changed, edit) == changed
    expected = TOML.replace('model = "gpt-5"  # the', 'model = "mimo"  # the')
    expected = expected.replace('  "b",\n]\n', '  "b",\n]\nmodel_provider = "tokenmill"\n')
    expected = expected.replace("no\"\n'''\n", "no\"\n'''\nport = 8\n")
    expected += '\n[model_providers.tokenmill]\nname = "TokenMill"\nwire_api = "responses"\n'
    assert changed == expected


@pytest.mark.parametrize(
    "text",
    [
        "model_providers = { tokenmill = { name = 'x' } }\n",
        "model_providers = 1\n",
        "[[model_providers]]\na = 1\n",
        "a = \n",
    ],
)
def test_toml_that_cannot_be_changed_safely_is_refused(text: str) -> None:
    """What comes out is read again; if it is not what was meant, nothing comes out."""
    with pytest.raises(ValueError, match=r"."):
        toml_text.apply(text, Put(("model_providers", "tokenmill", "name"), "TokenMill"))


def test_toml_knows_dotted_and_quoted_keys_and_crlf() -> None:
    """The same value under another spelling is changed where it stands."""
    dotted = "model_providers.tokenmill.name = 'x'\r\n\"model\" = 'y'\r\n"
    changed = toml_text.apply(dotted, Put(("model_providers", "tokenmill", "name"), "T"))
    changed = toml_text.apply(changed, Put(("model",), "m"))
    assert changed == 'model_providers.tokenmill.name = "T"\r\n"model" = "m"\r\n'
    assert tomllib.loads(toml_text.apply("# only this", Put(("a", "b c"), True))) == {"a": {"b c": True}}


YAML = """\
# Hermes
model:
  provider: openrouter   # where
  default: "anthropic/claude"

  # my own
  temperature: 0.5
toolsets:
- all
agent:
  prompt: |
    model:
      provider: not this
"""


def test_a_yaml_file_keeps_comments_lists_and_blocks() -> None:
    """Values are changed in their lines, and new ones join their block."""
    changed = YAML
    edits = (
        Put(("model", "provider"), "custom"),
        Put(("model", "base_url"), "http://x/v1"),
        Put(("model", "context_length"), 9),
    )
    for edit in edits:
        changed = yaml_text.apply(changed, edit)
        assert yaml_text.apply(changed, edit) == changed
    expected = YAML.replace("provider: openrouter   # where", 'provider: "custom"   # where').replace(
        "temperature: 0.5\n", 'temperature: 0.5\n  base_url: "http://x/v1"\n  context_length: 9\n'
    )
    assert changed == expected
    assert yaml.safe_load(changed)["model"]["temperature"] == 0.5


@pytest.mark.parametrize(
    "before",
    [
        "",
        "# nothing\n",
        "---\na: 1\n",
        "model: short-form\n",
        "model: {}\nb: 2",
        "model:\nb: 2\n",
        "model:\n  # soon\nb: 2\n",
        "model: # soon\n    x: 1\nb: 2\n",
        "'model':\n  \"default\": 'it''s'\r\n",
        "a: [1,\n  2]\nmodel:\n  x:\n    - 1\n  default: old # c\n",
        "a: 'x: y'\nurl: http://h:1/p#q\n",
    ],
)
def test_plain_yaml_takes_a_value(before: str) -> None:
    """An independent reader finds the old tree with one value more, and a second time changes nothing."""
    edit = Put(("model", "default"), "mi: #mo")
    changed = yaml_text.apply(before, edit)
    there = yaml.safe_load(before) or {}
    model = there.get("model") if isinstance(there.get("model"), dict) else {}
    assert yaml.safe_load(changed) == {**there, "model": {**(model or {}), "default": "mi: #mo"}}
    assert yaml_text.apply(changed, edit) == changed


@pytest.mark.parametrize(
    "text",
    [
        "{model: {default: x}}\n",
        "model: {default: x}\n",
        "model: &m\n  default: x\n",
        "model:\n  default: |\n    x\n",
        "model:\n  default:\n    x: 1\n",
        "model:\n- x\n",
        "model:\n  a: 1\nmodel:\n  b: 1\n",
        "just text\n",
        "a: 1\n---\nb: 2\n",
    ],
)
def test_yaml_of_another_form_is_refused(text: str) -> None:
    """Rather than to guess, it leaves the file to its owner."""
    with pytest.raises(ValueError, match=r"line|form"):
        yaml_text.apply(text, Put(("model", "default"), "m"))


def test_environment_lines_are_replaced_or_added() -> None:
    """All lines of the name agree afterwards, whichever of them a reader takes."""
    edit = Put(("KEY",), "new")
    assert env_text.apply("", edit) == "KEY=new\n"
    assert env_text.apply("A=1", edit) == "A=1\nKEY=new\n"
    assert env_text.apply("export KEY=old\nMYKEY=1\nKEY = x\n", edit) == "KEY=new\nMYKEY=1\nKEY=new\n"
    assert env_text.apply("KEY=new\n", edit) == "KEY=new\n"


def _with(tree: Any, path: list[str], value: Any) -> Any:
    below = (
        _with(tree.get(path[0]) if isinstance(tree, dict) else None, path[1:], value) if path[1:] else value
    )
    return {**(tree if isinstance(tree, dict) else {}), path[0]: below}


def _along(tree: Any, path: list[str]) -> list[Any]:
    seen = []
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
        seen.append(tree)
    return seen
