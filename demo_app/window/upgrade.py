"""The page of an upgrade that takes its time: which migrations run, how far it is, and a way to stop it."""

from __future__ import annotations

from nicegui import ui

from demo_app.window.launch import Launch


def build(launch: Launch) -> None:
    ui.label("Your notes are being brought up to date").classes("text-h5")
    bar = ui.linear_progress(0)
    ui.button("Cancel", on_click=launch.cancel)

    def look() -> None:
        now = launch.now
        if now and now.total:
            bar.value = now.index / now.total

    ui.timer(0.1, look)
