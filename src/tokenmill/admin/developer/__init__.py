"""Holds the resources of whoever signs in: one module each, all of the same form."""
