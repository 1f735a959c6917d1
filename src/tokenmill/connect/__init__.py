"""Writes the settings with which coding agents use the platform."""
