"""The page of the data: the file's history, its backups, and what can be done to it as a whole."""

from __future__ import annotations

from nicegui import ui

from demo_app.window.launch import Launch


def build(launch: Launch) -> None:
    """`await launch.restore(backup)` and `await launch.reset()` close the file, act, and launch again; errors become its notice."""
    ui.label(launch.path)
