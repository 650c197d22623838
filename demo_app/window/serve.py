"""Serve the window on this machine alone, show it in the user's browser, and end with Quit or Ctrl-C."""

from __future__ import annotations

import secrets
import socket

from nicegui import app, ui
from starlette.middleware.trustedhost import TrustedHostMiddleware

from demo_app import MIGRATOR
from demo_app.window import data, notes, older, parts, refused, upgrade
from demo_app.window.launch import Launch
from embedmig import Migrator

HOST = "127.0.0.1"


def serve(path: str, migrator: Migrator, *, port: int = 0, browser: bool = True) -> None:
    """Open the file and serve its window until the user quits. `port` 0 takes one that is free."""
    launch, port = Launch(path, migrator), port or free_port()
    secret = secrets.token_urlsafe(16)
    address = f"/?key={secret}"
    # any page in the user's browser may ask this port for something, and any user of this machine: who asks by another name
    # than this one, or without the key, gets nothing
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST])

    @ui.page("/")
    def page(key: str = "") -> None:
        if secrets.compare_digest(key.encode(), secret.encode()):
            window(launch)
        else:
            ui.label("Start the app again: this address is none of its.")

    app.on_startup(lambda: print(f"Notes: http://{HOST}:{port}{address}\nCtrl-C ends it.", flush=True))
    app.on_startup(launch.begin)
    app.on_shutdown(launch.end)
    try:
        ui.run(
            host=HOST, port=port, show=address if browser else False, title="Notes", favicon="📝", language="en-US",
            reload=False, show_welcome_message=False,
        )  # fmt: skip
    except KeyboardInterrupt:
        pass  # uvicorn has ended in good order, and says by what


def free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


def window(launch: Launch) -> None:
    """What this browser tab shows: the page of the launch's stage, and another one as soon as that changes."""
    parts.dress()
    place = ui.column().classes("w-full items-stretch gap-0")

    def show() -> None:
        place.clear()
        with place:
            tell(launch)
            build(launch)

    launch.changed.subscribe(show)
    show()


def tell(launch: Launch) -> None:
    """Say what the page before this one left to be said."""
    if launch.notice:
        ui.notify(launch.notice, multi_line=True, timeout=8000, close_button="Close", color="primary")
    if launch.trouble:
        ui.notify(launch.trouble, multi_line=True, timeout=0, close_button="Close", color="negative")
    launch.notice = launch.trouble = None


def build(launch: Launch) -> None:
    """The page of the stage."""
    if launch.stage == "upgrading":
        upgrade.build(launch)
    elif launch.stage == "refused" and launch.error is not None:
        refused.build(launch, launch.error)
    elif launch.stage == "open":
        opened(launch)
    elif launch.stage == "acting":
        acting()
    elif launch.stage == "ended":
        ended()


def opened(launch: Launch) -> None:
    """The notes and the data page, under a bar with their names."""
    assert launch.file is not None
    bar = ui.element("header").classes("w-full bg-white border-b border-slate-200")
    with bar, ui.row().classes("w-full max-w-5xl mx-auto px-4 items-center justify-between no-wrap"):
        parts.heading("Notes")
        with ui.tabs().props("no-caps inline-label active-color=primary indicator-color=primary") as tabs:
            first = ui.tab("Notes", icon="notes")
            second = ui.tab("Data", icon="storage")
        parts.button("Quit", launch.quit)
    with ui.tab_panels(tabs, value=first).classes("w-full max-w-5xl mx-auto bg-transparent").props("keep-alive"):
        with ui.tab_panel(first):
            if launch.migrator is MIGRATOR:
                notes.build(launch.file, shown=lambda: tabs.value in (first, "Notes"))
            else:
                older.build(launch)
        with ui.tab_panel(second):
            look = data.build(launch)
    tabs.on_value_change(lambda event: look() if event.value == "Data" else None)


def acting() -> None:
    with parts.card("One moment", "hourglass_empty"):
        parts.text("Your notes are closed while their file is replaced.").props("role=status")
        ui.linear_progress(show_value=False).props('indeterminate rounded aria-label="Working"')


def ended() -> None:
    with parts.card("Your notes are closed", "check_circle"):
        parts.text("You can close this window.")
    # there is nothing to reconnect to, and another program may soon have this port
    ui.add_css("#popup { display: none; }")  # NiceGUI's "Connection lost"
    ui.run_javascript("window.socket.disconnect()")
