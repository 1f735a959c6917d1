"""What tools are known to do by themselves, which no platform in front of them can mend."""

from __future__ import annotations

from typing import Final

from tests.agents.scenarios import Scenario
from tests.agents.tools import Agent
from tokenmill.connect.connection import Wire
from tokenmill.connect.template import Text

_KNOWN: Final[dict[tuple[str, Wire | None, str], Text]] = {}
"""By tool, protocol (None: any) and scenario."""


def why(tool: Agent, wire: Wire, scenario: Scenario) -> Text | None:
    """What explains a verdict against the tool; None: nothing, so it is a defect of the platform's."""
    return _KNOWN.get((tool.id, wire, scenario.name)) or _KNOWN.get((tool.id, None, scenario.name))
