"""Keeps the business in a database: tables, units of work, migrations and the hot path's own store."""
