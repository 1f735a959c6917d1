"""Settings for all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# A landing is judged by cases that the author could have seen; new ones are looked for at the desk.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
