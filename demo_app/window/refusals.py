"""Why the file was not opened: the sentence, what became of the data, and only what is safe to do."""

from __future__ import annotations

from nicegui import app, ui

from demo_app.window.launch import Launch


def build(launch: Launch, error: Exception) -> None:
    ui.label(str(error))
    ui.button("Try again", on_click=launch.begin)
    ui.button("Quit", on_click=app.shutdown)
