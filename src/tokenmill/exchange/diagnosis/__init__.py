"""Finds out what targets can do, and what that means for the tools that use them."""
