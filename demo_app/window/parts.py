"""What several pages are made of: the card in the middle, headings, buttons, questions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

INK, QUIET = "text-slate-800", "text-slate-600"  # on white and on the page's grey both are read well: 4.5 to 1 and more


def dress() -> None:
    """The colours of every page."""
    ui.colors(primary="#2f4b8f", negative="#a3262a", positive="#22663a")
    ui.query("body").classes(f"bg-slate-100 {INK}")
    ui.query(".nicegui-content").classes("p-0 gap-0 items-stretch")
    ui.add_css(".q-notification__actions .q-btn { color: white !important; }")  # else it has its ground's own colour
    ui.add_css(".q-chip__icon--remove { color: #475569; opacity: 1; }")  # Quasar's is too pale


@contextmanager
def card(title: str, icon: str) -> Iterator[None]:
    """A page that says one thing."""
    with ui.card().classes("w-full max-w-2xl mx-auto mt-6 sm:mt-20 p-8 gap-4 rounded-xl").props("flat bordered"):
        with ui.row().classes("items-center gap-3 no-wrap"):
            ui.icon(icon, size="2rem").classes("text-primary").props("aria-hidden=true")
            heading(title)
        yield


def heading(text: str, level: int = 1) -> TextElement:
    sizes = {1: "text-2xl font-semibold", 2: "text-lg font-semibold"}
    return TextElement(tag=f"h{level}", text=text).classes(f"{sizes[level]} m-0 leading-tight")


def text(said: str, *, quiet: bool = False) -> TextElement:
    return TextElement(tag="p", text=said).classes(f"m-0 break-words {QUIET if quiet else INK}")


def short(path: str) -> str:
    """A path as people write it: from their own folder on."""
    home = os.path.expanduser("~")
    return "~" + path.removeprefix(home) if path.startswith(os.path.join(home, "")) else path


def button(label: str, action: Callable[..., object], *, icon: str | None = None, kind: str = "plain") -> ui.button:
    """`kind`: "main" is the one that is meant to be pressed, "plain" any other, "danger" one that takes something away."""
    looks = {"main": "unelevated color=primary", "plain": "outline color=primary", "danger": "outline color=negative"}
    return ui.button(label, on_click=action, icon=icon).props(f"no-caps {looks[kind]}")


def focus(element: ui.element) -> None:
    """Let the keyboard begin here."""
    ui.run_javascript(f"getHtmlElement({element.id})?.focus()")


async def ask(title: str, sentence: str, answer: str) -> bool:
    """Ask before something is done. `answer` is the button that does it; the keyboard begins on the other one."""
    with ui.dialog() as dialog, _question(title, sentence), ui.row().classes("w-full justify-end"):
        no = button("Cancel", lambda: dialog.submit(False))
        button(answer, lambda: dialog.submit(True), kind="main")
    return await _answered(dialog, no)


async def ask_for_word(title: str, sentence: str, answer: str, word: str = "reset") -> bool:
    """Ask before something is taken away: the button is dead until the word has been typed."""
    with ui.dialog() as dialog, _question(title, sentence):
        typed = ui.input(f"Type {word} to go on").classes("w-full").props("outlined autocomplete=off")
        with ui.row().classes("w-full justify-end"):
            button("Cancel", lambda: dialog.submit(False))
            yes = button(answer, lambda: dialog.submit(True), kind="danger")
            yes.bind_enabled_from(typed, "value", backward=lambda value: (value or "").strip().lower() == word)
    return await _answered(dialog, typed)


@contextmanager
def _question(title: str, sentence: str) -> Iterator[None]:
    with ui.card().classes("p-6 gap-4 max-w-lg").props(f'role=alertdialog aria-label="{title}"'):
        heading(title, 2)
        text(sentence)
        yield


async def _answered(dialog: ui.dialog, first: ui.element) -> bool:
    dialog.on("show", lambda: focus(first))
    answer = await dialog
    dialog.delete()
    return bool(answer)
