"""Searches the web for models: providers, pages fetched with care, and what of them matters."""
