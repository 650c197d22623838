"""What can be found out about the file without changing it: is it sound, what would the next upgrade do, what is its schema?"""

from __future__ import annotations

import asyncio

from nicegui import ui

from demo_app import MIGRATOR
from demo_app.window import parts
from demo_app.window.launch import Launch
from embedmig import EmbedmigError, Rehearsal


def doctor(launch: Launch) -> None:
    """A button, and below it the report of embedmig.doctor: it can be pasted into a bug report as it is."""

    async def look() -> None:
        from embedmig.doctor import examine  # what it needs takes a moment to load, and is seldom needed

        button.disable()
        try:
            report = await asyncio.to_thread(examine, launch.migrator, launch.path)
        finally:
            button.enable()
        place.clear()
        with place:
            verdict(report.healthy, "All is well." if report.healthy else "Not all is well: see WRONG and NOT KNOWN.")
            code(report.text(), "text", "Copy the report")

    button = parts.button("Examine the file", look, icon="health_and_safety")
    place = ui.column().classes("w-full gap-2").props("role=status")


def rehearsal(launch: Launch) -> None:
    """A button, and below it what today's release would do to this file: nothing, unless an older release is running."""

    async def rehearse() -> None:
        button.disable()
        place.clear()
        try:
            told = await asyncio.to_thread(MIGRATOR.rehearse, launch.path)
        except EmbedmigError as error:
            with place:
                verdict(False, str(error))
        else:
            with place:
                tell(told)
        finally:
            button.enable()

    button = parts.button("Rehearse", rehearse, icon="science")
    place = ui.column().classes("w-full gap-2").props("role=status")


def tell(told: Rehearsal) -> None:
    if not told.per_migration:
        parts.text(f"Nothing is pending: the file and this release are both at version {told.report.after}.")
        return
    at = f"from version {told.report.before} to {told.report.after}"
    needed = f"{told.bytes_needed / 1e6:,.1f} MB"
    verdict(
        True, f"It would go well, {at}, in {told.report.duration_s:.1f} s. It needs {needed} of free room on the disk."
    )
    labels = {"id": "Migration", "took": "Took", "rows": "Rows written", "size": "Size of the file after it"}
    rows = [
        {
            "id": one.id, "took": f"{one.duration_ms:,} ms", "rows": f"{one.rows_written:,}",
            "size": f"{one.bytes_after / 1e6:,.1f} MB",
        }
        for one in told.per_migration
    ]  # fmt: skip
    columns = [{"name": key, "label": said, "field": key, "align": "left"} for key, said in labels.items()]
    ui.table(rows=rows, columns=columns, row_key="id").props("flat dense").classes("w-full")
    with ui.expansion("What becomes of the schema").classes("w-full"):
        code(told.schema_diff, "diff", "Copy the difference")


async def schema(place: ui.element, launch: Launch) -> None:
    """The tables and views, and what points to what."""
    from embedmig.pictures import entities_mermaid

    drawn = await asyncio.to_thread(entities_mermaid, launch.migrator)
    with place:
        ui.mermaid(drawn, config={"theme": "neutral"}).classes("w-full").props(
            'role=img aria-label="The tables of the file, and what points to what"'
        )


def verdict(good: bool, said: str) -> None:
    with ui.row().classes("items-center gap-2 no-wrap"):
        icon, color = ("check_circle", "text-positive") if good else ("error", "text-negative")
        ui.icon(icon, size="1.5rem").classes(color).props("aria-hidden=true")
        parts.text(said)


def code(said: str, language: str, copy: str) -> None:
    """Text that can be copied, and scrolled by the keyboard."""
    shown = ui.code(said, language=language).classes("w-full text-xs max-h-96 overflow-auto").props("tabindex=0")
    shown.copy_button.props(f'aria-label="{copy}"')
