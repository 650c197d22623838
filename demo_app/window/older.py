"""The page of an older release, `--as-of N`: the notes as that release knew them, so that an upgrade has something to keep."""

from __future__ import annotations

from nicegui import ui

from demo_app import notes, older
from demo_app.window import parts
from demo_app.window.launch import Launch


def build(launch: Launch) -> None:
    file, release = launch.file, launch.migrator.app_version
    assert file is not None
    parts.heading(f"Release {release}", 2)
    with ui.row().classes("w-full items-center"):
        new = ui.input("New note").classes("grow").props("outlined dense")
        parts.button("Add", lambda: add(), icon="add", kind="main")
    count = parts.text("", quiet=True)
    with ui.list().props("separator").classes("w-full bg-white rounded-xl") as place:
        pass

    async def look() -> None:
        total, found = await file.do(older.newest)
        count.text = notes.number(total)
        place.clear()
        with place:
            for at, body in found:
                with ui.item(), ui.item_section():
                    ui.item_label(body or "(no text)")
                    ui.item_label(at[:10]).classes(parts.QUIET)

    async def add() -> None:
        if said := (new.value or "").strip():
            new.value = ""
            await file.do(lambda db: older.add(db, said))
            await look()

    new.on("keydown.enter", add)
    ui.timer(0, look, once=True)
