"""The page of an older release, `--as-of N`: the notes as that release knew them, so that an upgrade has something to keep."""

from __future__ import annotations

from datetime import UTC, datetime

from nicegui import ui
from sqlite_utils import Database

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
        total, found = await file.do(newest)
        count.text = f"{total:,} {'note' if total == 1 else 'notes'}"
        place.clear()
        with place:
            for at, body in found:
                with ui.item(), ui.item_section():
                    ui.item_label(body or "(no text)")
                    ui.item_label(at[:10]).classes(parts.QUIET)

    async def add() -> None:
        if said := (new.value or "").strip():
            new.value = ""
            await file.do(lambda db: insert(db, said))
            await look()

    new.on("keydown.enter", add)
    ui.timer(0, look, once=True)


def newest(db: Database, most: int = 50) -> tuple[int, list[tuple[str, str]]]:
    """How many notes there are, and the newest of them: (updated_at, the beginning of the text). Of any version of the file."""
    titled = "title" in db.table("notes").columns_dict
    shown = "coalesce(title, '') || ' ' || body" if titled else "body"
    (total,) = db.execute("SELECT count(*) FROM notes").fetchone()
    rows = db.execute(f"SELECT updated_at, substr({shown}, 1, 100) FROM notes ORDER BY updated_at DESC LIMIT ?", [most])
    return total, rows.fetchall()


def insert(db: Database, text: str) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    row = {"body": text, "created_at": now, "updated_at": now}
    if db.table("notes").columns_dict.keys() >= {"title", "pinned"}:
        row |= {"title": text, "body": ""}
    db.table("notes").insert(row)
