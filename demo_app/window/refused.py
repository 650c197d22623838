"""The page of a file that was not opened."""

from __future__ import annotations

import asyncio
import traceback

from nicegui import ui

from demo_app.window import parts, refusals
from demo_app.window.launch import Launch
from embedmig import doctor


def build(launch: Launch, error: Exception) -> None:
    said = refusals.refusal(error, launch.backup)
    with parts.card(said.title, "error_outline"):
        with ui.column().classes("gap-3").props("role=alert"):
            parts.text(said.sentence)
            parts.text(said.kept).classes("font-semibold")
            if said.cure:
                parts.text(said.cure)
        parts.text(parts.short(launch.path), quiet=True).classes("text-sm")
        with ui.row().classes("gap-3 mt-2"):
            for label in said.buttons:
                one = button(launch, error, label, "main" if label == said.buttons[0] else "plain")
                if label == said.buttons[0]:
                    parts.focus(one)
        if refusals.COPY in said.buttons:
            with ui.expansion("Details").classes("w-full").props("dense"):
                ui.label(traced(error)).classes("text-xs font-mono whitespace-pre-wrap break-all")


def button(launch: Launch, error: Exception, label: str, kind: str) -> ui.button:
    """One of the buttons that the refusal allows."""
    if label == refusals.AGAIN:
        return parts.button(label, launch.begin, kind=kind)
    if label == refusals.QUIT:
        return parts.button(label, launch.quit, kind=kind)
    if label == refusals.COPY:
        return parts.button(label, lambda: copy(launch, error))
    if label == refusals.RESET:
        return parts.button(label, lambda: reset(launch), kind="danger")
    return parts.button(label, lambda: restore(launch))


async def restore(launch: Launch) -> None:
    assert launch.backup is not None
    backup = launch.backup
    if await parts.ask(f"Restore {backup.named}?", backup.becomes, "Restore"):
        await launch.restore(backup)


async def reset(launch: Launch) -> None:
    sentence = "The file is put aside, and the app begins with an empty one: none of your notes will be in it."
    if await parts.ask_for_word("Begin again without your notes?", sentence, "Reset"):
        await launch.reset()


async def copy(launch: Launch, error: Exception) -> None:
    """All that a developer wants to know, and no note's text: the error, where it came from, the state of the file."""
    examined = await asyncio.to_thread(doctor.examine, launch.migrator, launch.path)
    ui.clipboard.write(f"{traced(error)}\n{examined.text()}\n")
    ui.notify("The report is in the clipboard.")


def traced(error: Exception) -> str:
    return "".join(traceback.format_exception(error))
