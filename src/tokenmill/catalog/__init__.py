"""Holds what is offered: the models that callers name, with the targets that serve them."""
