"""The page of an upgrade that takes its time: which migrations run, how far it is, and a way to stop it."""

from __future__ import annotations

from nicegui import ui

from demo_app.window import parts
from demo_app.window.launch import Launch
from embedmig import Progress

WAITING = "waiting for another launch"
RUNNING = ("started", "running")
PHASES = {
    "checking the file": "Checking the file",
    "backing up": "Making a backup",
    "committing": "Writing to the disk",
}


def build(launch: Launch) -> None:
    with parts.card("Your notes are being brought up to date", "upgrade"):
        doing = parts.text("").props("role=status")
        with ui.column().classes("gap-1") as migrations:
            lines = {id: line(words(id)) for id in launch.pending}
        bar = ui.linear_progress(0, show_value=False, size="12px").props('rounded aria-label="How far the upgrade is"')
        with ui.row().classes("w-full justify-between"):
            rows, clock = parts.text("", quiet=True), parts.text("", quiet=True)
        stop = parts.button("Cancel", launch.cancel)
    parts.focus(stop)

    def look() -> None:
        """Ten times a second: what changed is sent, the rest stays."""
        now = launch.now
        waiting = now is None or now.phase == WAITING
        doing.text = told(now)
        migrations.visible = not waiting
        bar.value = round(fraction(now), 3)
        bar.props("indeterminate" if not bar.value else "", remove="" if not bar.value else "indeterminate")
        rows.text = f"{now.done or 0:,} of {now.total_rows:,} rows" if now and now.id and now.total_rows else ""
        clock.text = "{:.0f}:{:02.0f}".format(*divmod(int(launch.elapsed_s), 60))
        for number, icon in enumerate(lines.values(), 1):
            icon.name = state(number, now)

    look()
    ui.timer(0.1, look)


def line(said: str) -> ui.icon:
    """A migration of the list; returns the sign before it."""
    with ui.row().classes("items-center gap-2 no-wrap"):
        icon = ui.icon("radio_button_unchecked", size="1.25rem").classes("text-primary").props("aria-hidden=true")
        parts.text(said)
    return icon


def told(now: Progress | None) -> str:
    """What is being done, in words."""
    if now is None or now.phase == WAITING:
        return (
            "Another window of this app is at work on the file. This one goes on by itself as soon as that one is done."
        )
    if now.id is None or now.phase in PHASES:
        return PHASES.get(now.phase, "Getting ready")
    return f"{now.index} of {now.total}: {words(now.id)}"


def state(number: int, now: Progress | None) -> str:
    """The sign before the migration of this number."""
    at = now.index if now else 0
    if number < at or (number == at and now and now.phase not in RUNNING):
        return "check_circle"
    return "pending" if number == at else "radio_button_unchecked"


def fraction(now: Progress | None) -> float:
    """How far it is, from 0 to 1; 0 where nobody knows."""
    if now is None or not now.total or not now.index:
        return 0.0
    if now.phase not in RUNNING:
        return now.index / now.total
    return (now.index - 1 + min(1.0, (now.done or 0) / now.total_rows if now.total_rows else 0.0)) / now.total


def words(id: str) -> str:
    """004_split_titles -> Split titles"""
    return id.partition("_")[2].replace("_", " ").capitalize() or id
