"""Holds the resources of operators: one module each, all of the same form."""
