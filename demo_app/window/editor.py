"""One note, to be read and changed. What is typed is saved by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime

from nicegui import ui
from sqlite_utils import Database

from demo_app import notes
from demo_app.notes import Note
from demo_app.window import parts
from demo_app.window.file import NotesFile

PAUSE_MS = 400  # without a key: then it is saved. Leaving the field saves at once.


class Editor:
    """The fields of one note. Another note gets fields of its own: nothing that comes late is written into the wrong one."""

    def __init__(
        self,
        file: NotesFile,
        note: Note,
        desk: ui.element,
        state: ui.label,
        written: Callable[[str, str], object],
        changed: Callable[[], Awaitable[object]],
        gone: Callable[[], Awaitable[object]],
        split: Callable[[int], Awaitable[object]],
    ) -> None:
        self.file, self.note, self.state = file, note, state
        self.written, self.changed, self.gone, self.split = written, changed, gone, split
        self.shown = note.id  # in the list
        self.kept = (note.title, note.text)  # what the file has
        desk.clear()
        state.text = ""
        with desk:
            typed = f"debounce={PAUSE_MS}"
            self.title = ui.input("Title", value=note.title, on_change=self.save).props(f"{typed} aria-label=Title")
            self.title.classes("w-full text-xl")
            self.topics = ui.input_chips("Topics", value=list(note.topics), new_value_mode="add-unique")
            self.topics.props("dense").classes("w-full").on_value_change(self.save_topics)
            self.text = ui.textarea("Text", value=note.text, on_change=self.save)
            self.text.props(f'{typed} borderless autogrow input-class="leading-relaxed"').classes("w-full grow")
            with ui.row().classes("w-full items-center justify-between"):
                ui.checkbox("Pinned", value=note.pinned, on_change=lambda event: self.pin(event.value))
                parts.button("Delete", self.delete, icon="delete", kind="danger")
        file.before_close.append(self.save)
        desk.client.on_delete(self.leave)

    async def save(self) -> None:
        """Write what the fields have, if the file does not have it yet."""
        title, text = fields = (self.title.value or "", self.text.value or "")
        if fields == self.kept or not await self.wrote(lambda db: self.keep(db, title, text)):
            return
        self.kept = fields
        if self.shown == self.note.id:
            self.written(title, text)
        else:
            self.shown = self.note.id
            self.state.text = "This note was changed in another window: both are kept, yours as a new note."
            await self.split(self.note.id)

    def keep(self, db: Database, title: str, text: str) -> bool:
        """In the file's own thread: of two saves, one upon the other, the second knows what the first has written."""
        kept = notes.keep(db, self.note.id, self.note.updated_at, title=title, text=text)
        if kept is not None:
            self.note = self.note._replace(id=kept.id, updated_at=kept.at)
        return kept is not None

    async def save_topics(self) -> None:
        if await self.wrote(lambda db: notes.set_topics(db, self.note.id, self.topics.value)):
            await self.changed()

    async def pin(self, pinned: bool) -> None:
        if await self.wrote(lambda db: notes.pin(db, self.note.id, pinned)):
            await self.changed()

    async def delete(self) -> None:
        named = notes.shown(self.note.title) or "This note"
        if not await parts.ask("Delete this note?", f"“{named}” can’t be brought back.", "Delete"):
            return
        if await self.wrote(lambda db: notes.delete(db, self.note.id)):
            self.leave()
            self.state.text = ""
            await self.gone()

    async def wrote(self, action: Callable[[Database], object]) -> bool:
        """Do it, and say what became of it: on a disk that is full the text stays in its field, and is not lost."""
        self.state.text = "Saving…"
        try:
            done = await self.file.do(action)
        except sqlite3.Error as error:
            self.state.text = f"Not saved: {error}. It is tried again with the next change."
            return False
        if done is False:
            self.state.text = "Not saved: this note was deleted meanwhile."
            return False
        self.state.text = f"Saved {datetime.now():%H:%M:%S}"
        return True

    def leave(self) -> None:
        """The fields are gone, or the tab of the browser is."""
        if self.save in self.file.before_close:
            self.file.before_close.remove(self.save)


def nothing(desk: ui.element, said: str = "Write a note, or import a folder of texts.") -> None:
    """What stands there while no note does."""
    desk.clear()
    with desk, ui.column().classes("w-full grow items-center justify-center"):
        ui.icon("edit_note", size="3rem").classes("text-slate-400").props("aria-hidden=true")
        parts.text(said, quiet=True)
