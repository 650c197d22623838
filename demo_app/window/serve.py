"""Serve the window on this machine alone, show it in the user's browser, and end with Quit or Ctrl-C."""

from __future__ import annotations

import secrets
import socket

from nicegui import app, ui
from starlette.middleware.trustedhost import TrustedHostMiddleware

from demo_app.window import data, notes, refusals, upgrade
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
    place = ui.column().classes("w-full items-stretch gap-0")

    def show() -> None:
        place.clear()
        with place:
            if launch.notice:
                ui.notify(launch.notice, type="warning", multi_line=True, timeout=0, close_button="Close")
                launch.notice = None
            build(launch)

    launch.changed.subscribe(show)
    show()


def build(launch: Launch) -> None:
    """The page of the stage."""
    if launch.stage == "upgrading":
        upgrade.build(launch)
    elif launch.error is not None:
        refusals.build(launch, launch.error)
    elif launch.file is not None:
        opened(launch)
    elif launch.stage == "ended":
        ui.label("Your notes are closed. You can close this window.")


def opened(launch: Launch) -> None:
    """The notes and the data page, under a bar with their names."""
    assert launch.file is not None
    with ui.tabs() as tabs:
        first, second = ui.tab("Notes"), ui.tab("Data")
    ui.button("Quit", on_click=app.shutdown)
    with ui.tab_panels(tabs, value=first):
        with ui.tab_panel(first):
            notes.build(launch.file)
        with ui.tab_panel(second):
            data.build(launch)
