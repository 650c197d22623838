"""The page of the data: the file and its history, its backups, and what can be done to it as a whole."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple

from nicegui import ui

from demo_app.window import examined, parts
from demo_app.window.launch import Launch
from demo_app.window.refusals import Backup
from embedmig import EmbedmigError, Migrator, Status


class Kept(NamedTuple):
    """A backup beside the file. `version` is None where it can't be read, `backup` where this release can't open it."""

    path: str
    version: int | None
    bytes: int
    at: datetime
    backup: Backup | None


def build(launch: Launch) -> Callable[[], Awaitable[None]]:
    """The page, empty at first; returns what fills it, each time that it is shown."""
    with ui.column().classes("w-full gap-4"):
        with section("The file"):
            facts = ui.column().classes("gap-1 w-full")
        with section("History", "What was done to this file, from its first day."):
            history = ui.column().classes("w-full")
        with section("Backups", "One is made before each upgrade. A restore keeps what it replaces."):
            backups = ui.column().classes("w-full gap-0")
            parts.button("Back up now", lambda: back_up(launch, look), icon="save")
        with section("Is all well?", "Looks at every page of the file. Nothing is changed, and no note is shown."):
            examined.doctor(launch)
        with section("Rehearse the next upgrade", "Runs what is pending on a copy of the file, and tells what it did."):
            examined.rehearsal(launch)
        with section("The schema", "Of the newest version that this release knows."):
            drawn = ui.column().classes("w-full")
        with section("Reset local data"):
            parts.text("Deletes all notes, and begins with an empty file. A backup of what was there is kept.")
            parts.button("Reset…", lambda: reset(launch), icon="delete_forever", kind="danger")

    async def look() -> None:
        status, size, found = await asyncio.to_thread(read, launch.migrator, launch.path)
        tell_file(facts, launch, status, size)
        tell_history(history, status)
        tell_backups(backups, launch, found, look)
        if not drawn.default_slot.children:
            await examined.schema(drawn, launch)

    return look


def section(title: str, sentence: str = "") -> ui.card:
    card = ui.card().classes("w-full p-5 gap-3 rounded-xl border-slate-200").props("flat bordered")
    with card:
        parts.heading(title, 2)
        if sentence:
            parts.text(sentence, quiet=True)
    return card


# -- the file and its history ---------------------------------------------------------------------------------------


def read(migrator: Migrator, path: str) -> tuple[Status, int, list[Kept]]:
    """How the file stands, its size in bytes, and its backups."""
    status = migrator.status(path)
    return status, os.path.getsize(path), [kept(migrator, name) for name in status.backups]


def kept(migrator: Migrator, path: str) -> Kept:
    found = os.stat(path)
    at = datetime.fromtimestamp(found.st_mtime)
    try:
        status = migrator.status(path)
    except EmbedmigError:
        return Kept(path, None, found.st_size, at, None)
    fits = None if status.unknown else Backup(path, status.version, at, behind=bool(status.pending))
    return Kept(path, status.version, found.st_size, at, fits)


def tell_file(place: ui.element, launch: Launch, status: Status, size: int) -> None:
    place.clear()
    facts = {
        "Where it is": parts.short(launch.path),
        "Size": megabytes(size),
        "Version": f"{status.version}, by release {launch.migrator.app_version} of the app",
    }
    with place:
        for name, value in facts.items():
            with ui.row().classes("gap-4 no-wrap w-full"):
                parts.text(name, quiet=True).classes("w-28 shrink-0")
                parts.text(value).classes("break-all")


def tell_history(place: ui.element, status: Status) -> None:
    place.clear()
    columns = {"version": "Version", "what": "Change", "at": "When", "took": "Took", "by": "Release"}
    rows = [
        {
            "version": one.version, "what": one.description, "at": when(one.applied_at), "took": took(one.duration_ms),
            "by": one.app_version or "",
        }
        for one in reversed(status.applied)
    ]  # fmt: skip
    with place:
        ui.table(
            rows=rows, row_key="version",
            columns=[{"name": key, "label": said, "field": key, "align": "left"} for key, said in columns.items()],
        ).props("flat dense wrap-cells").classes("w-full")  # fmt: skip


# -- backups ----------------------------------------------------------------------------------------------------------


def tell_backups(place: ui.element, launch: Launch, found: list[Kept], look: Callable[[], Awaitable[None]]) -> None:
    place.clear()
    with place:
        if not found:
            parts.text("There is none yet.")
        for one in found:
            tell_backup(one, launch, look)


def tell_backup(one: Kept, launch: Launch, look: Callable[[], Awaitable[None]]) -> None:
    name = os.path.basename(one.path)
    with ui.row().classes("w-full items-center gap-3 py-2 border-b border-slate-200 no-wrap"):
        with ui.column().classes("grow gap-0 min-w-0"):
            parts.text("Can't be read" if one.version is None else f"Version {one.version}").classes("font-medium")
            parts.text(f"{name} · {megabytes(one.bytes)} · {one.at:%Y-%m-%d %H:%M}", quiet=True).classes("text-sm")
        if backup := one.backup:
            parts.button("Restore", lambda: restore(launch, backup)).props(f'aria-label="Restore {name}"')
        elif one.version is not None:
            parts.text("Of a newer release", quiet=True).classes("text-sm whitespace-nowrap")
        parts.button("Delete", lambda: delete(one, look), kind="danger").props(f'aria-label="Delete {name}"')


async def back_up(launch: Launch, look: Callable[[], Awaitable[None]]) -> None:
    try:
        path = await asyncio.to_thread(launch.migrator.backup, launch.path)
    except EmbedmigError as error:
        refused(error)
    else:
        ui.notify(f"{os.path.basename(path)} is what your notes are now.", color="positive")
        await look()


async def restore(launch: Launch, backup: Backup) -> None:
    if await parts.ask(f"Restore {backup.named}?", backup.becomes, "Restore"):
        await launch.restore(backup)


async def delete(one: Kept, look: Callable[[], Awaitable[None]]) -> None:
    name = os.path.basename(one.path)
    if await parts.ask("Delete this backup?", f"{name} can’t be brought back. Your notes stay as they are.", "Delete"):
        try:
            await asyncio.to_thread(os.remove, one.path)
        except OSError as error:
            refused(error)
        await look()


async def reset(launch: Launch) -> None:
    sentence = "All notes in this file will be deleted. A backup of them is kept beside it."
    if await parts.ask_for_word("Delete all notes?", sentence, "Delete all notes"):
        await launch.reset()


def refused(error: Exception) -> None:
    ui.notify(str(error), color="negative", timeout=0, close_button="Close", multi_line=True)


# -- in words ---------------------------------------------------------------------------------------------------------


def megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"


def when(at: str) -> str:
    """In the user's own time. Another app's record, taken over, may have said it otherwise."""
    try:
        return f"{datetime.fromisoformat(at).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return at


def took(ms: int | None) -> str:
    return "not known" if ms is None else f"{ms} ms" if ms < 1000 else f"{ms / 1000:.1f} s"
