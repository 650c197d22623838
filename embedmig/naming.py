"""The names of tables, columns and all else: how SQLite compares them, and how they stand in SQL."""

from __future__ import annotations


def folded(name: str) -> str:
    """A name as SQLite compares it, and as its own lower() makes it: only ASCII's letters have a case."""
    return name.lower() if name.isascii() else "".join(c.lower() if c.isascii() else c for c in name)


def quoted(name: str) -> str:
    """A name from the file as it may stand in SQL."""
    return '"' + name.replace('"', '""') + '"'
