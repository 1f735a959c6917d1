"""Holds the schema's history, one Alembic revision a file, applied by `store.migrate`."""
