"""Alembic migrations as package data: `versions/` holds one numbered, named file per step."""
