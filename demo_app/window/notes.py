"""The page of the notes."""

from __future__ import annotations

from nicegui import ui

from demo_app import notes
from demo_app.window.file import NotesFile


def build(file: NotesFile) -> None:
    count = ui.label()

    async def look() -> None:
        count.text = f"{len(await file.do(notes.recent))} notes"

    ui.timer(0, look, once=True)
