"""Notes in and out as files: the app runs on the user's own machine, and a folder is named by its path."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from nicegui import run, ui

from demo_app import notes
from demo_app.window import parts
from demo_app.window.file import NotesFile


async def take_in(file: NotesFile, changed: Callable[[], Awaitable[object]]) -> None:
    """Import the texts of a folder that the user names."""
    sentence = "Each .md and .txt file in it becomes a note. Texts that are there already are left out."
    folder = await asked("Import a folder", sentence, "Import", "")
    if folder is None:
        return
    try:
        new, files = await file.do(lambda db: notes.add_folder(db, folder))
    except OSError as error:
        ui.notify(f"Nothing was imported. {said(error)}", color="negative", timeout=0, close_button="Close")
        return
    ui.notify(f"{notes.number(files, 'file')}, {new:,} of them new", color="positive")
    await changed()


async def give_out(file: NotesFile) -> None:
    """Export all notes to a folder that the user names."""
    sentence = "Each note becomes a .md file in a folder that is new, or empty. Nothing is overwritten."
    proposed = Path.home() / time.strftime("Notes %Y-%m-%d")
    folder = await asked("Export to a folder", sentence, "Export", str(proposed))
    if folder is None:
        return
    told = ui.notification("Exporting…", spinner=True, timeout=None)
    try:
        await run.io_bound(notes.make_empty, folder)
        written = above = 0
        # page by page, so that the file is free for the user in between
        while page := await file.do(lambda db, above=above: notes.texts(db, above=above)):  # type: ignore[misc]
            written += await run.io_bound(notes.write, folder, page)
            above = page[-1][0]
            told.message = f"Exporting… {notes.number(written)}"
    except OSError as error:
        ui.notify(f"The export ended early. {said(error)}", color="negative", timeout=0, close_button="Close")
    else:
        ui.notify(
            f"{notes.number(written)} {'was' if written == 1 else 'were'} written to {folder}",
            color="positive",
            timeout=8000,
            close_button="Close",
        )
    finally:
        told.dismiss()


async def asked(title: str, sentence: str, answer: str, proposed: str) -> Path | None:
    """The folder that the user names; None if he would rather not."""
    with ui.dialog() as dialog, ui.card().classes("p-6 gap-4 w-[32rem]").props(f'role=dialog aria-label="{title}"'):
        parts.heading(title, 2)
        parts.text(sentence)
        path = ui.input("Folder", value=proposed).props("outlined").classes("w-full")
        path.on("keydown.enter", lambda: dialog.submit(path.value))
        with ui.row().classes("w-full justify-end"):
            parts.button("Cancel", lambda: dialog.submit(None))
            parts.button(answer, lambda: dialog.submit(path.value), kind="main")
    dialog.on("show", lambda: parts.focus(path))
    named = await dialog
    dialog.delete()
    return Path(named.strip()).expanduser() if named and named.strip() else None


def said(error: OSError) -> str:
    """What the operating system refused, as a sentence."""
    return f"{error.filename}: {error.strerror}." if error.filename and error.strerror else f"{error}"
