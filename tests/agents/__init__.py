"""The real coding agents, installed at pinned versions and run headless against a platform."""
