"""The page of the notes: a list on the left, with a search; the note that was chosen on the right."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import datetime

from nicegui import ui
from nicegui.events import KeyEventArguments, ScrollEventArguments

from demo_app import notes
from demo_app.notes import Listed
from demo_app.window import editor, folders, parts
from demo_app.window.file import NotesFile

PAGE = 50  # notes that are read, and sent to the browser, at once
PAUSE_MS = 120  # between two keys: who types on does not wait for what the letters so far would find
MARKS = ("\x02", "\x03")  # around the words that were searched for; as good as no note has such characters
TALL = "h-[calc(100vh-13rem)] min-h-64"
EVERY_TOPIC = ""


def build(file: NotesFile, shown: Callable[[], bool]) -> None:
    """`shown`: is this page the one that is seen? The keyboard is its own only then."""
    page = NotesPage(file)
    ui.keyboard(lambda event: page.key(event) if shown() else None, repeating=False)
    ui.timer(0, page.begin, once=True)


class NotesPage:
    """What one tab of the browser shows of the notes: `found` are those of the list, `chosen` is the id of the one that is edited."""

    def __init__(self, file: NotesFile) -> None:
        self.file = file
        self.found: list[Listed] = []
        self.lines: dict[int, Line] = {}
        self.chosen: int | None = None
        self.editor: editor.Editor | None = None
        self._turn = 0  # of the list: an answer to an older question is dropped
        self._is_whole = True
        self._reads = False
        with ui.row().classes("w-full items-center no-wrap gap-3"):
            self.search = ui.input(placeholder="Search: press /", on_change=self.look)
            self.search.props(f'outlined dense clearable debounce={PAUSE_MS} type=search aria-label="Search the notes"')
            self.search.classes("grow bg-white").on("keydown.down", lambda: self.step(1))
            with self.search.add_slot("prepend"):
                ui.icon("search").props("aria-hidden=true")
            self.topic = ui.select({EVERY_TOPIC: "All topics"}, value=EVERY_TOPIC, on_change=self.look, with_input=True)
            self.topic.props('outlined dense options-dense aria-label="Topic"').classes("w-56 bg-white")
            parts.button("New note", self.write, icon="add", kind="main").tooltip("Press n")
            self.folders()
        with ui.row().classes("w-full items-stretch no-wrap gap-4 mt-1"):
            with ui.column().classes("w-2/5 min-w-72 gap-1"):
                self.count = parts.text("", quiet=True).classes("text-sm").props("role=status")
                with ui.scroll_area(on_scroll=self.scrolled).classes(
                    f"{TALL} bg-white rounded-xl border border-slate-200"
                ) as self.area:
                    wide = "width: 100%; padding: 0"
                    self.area.props(f'content-style="{wide}" content-active-style="{wide}"')
                    self.place = ui.list().props('separator role=listbox aria-label="Notes"').classes("w-full")
                    self.more = parts.button("Show more", self.read_on).classes("m-3")
            with ui.column().classes("w-3/5 grow gap-1"):
                self.saved = parts.text("", quiet=True).classes("text-sm min-h-5 self-end").props("role=status")
                self.desk = ui.column().classes(
                    f"w-full {TALL} bg-white rounded-xl border border-slate-200 p-5 gap-3 no-wrap overflow-auto"
                )

    def folders(self) -> None:
        with ui.button(icon="more_vert").props('flat round color=primary aria-label="Import and export"'), ui.menu():
            ui.menu_item("Import a folder…", lambda: folders.take_in(self.file, self.changed))
            ui.menu_item("Export to a folder…", lambda: folders.give_out(self.file))

    # -- the list -----------------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        await self.changed()
        if self.found:
            await self.choose(self.found[0].id)
        else:
            editor.nothing(self.desk)

    async def changed(self) -> None:
        """Notes came or went: look again."""
        names = await self.file.do(notes.topics)
        self.topic.set_options(
            {EVERY_TOPIC: "All topics"} | {name: f"{name} ({number:,})" for name, number in names if name}
        )
        self.topic.value = self.topic.value or EVERY_TOPIC  # the one that was chosen may have gone with its last note
        await self.look()

    async def look(self) -> None:
        """Show the first page of what is asked for now."""
        self._turn += 1
        turn = self._turn
        found, told = await self._asked(turn, None)
        if turn == self._turn:
            self.found, self.lines = [], {}
            self.place.clear()
            self.area.scroll_to(pixels=0)
            self._show(found)
            self.count.text = told

    async def read_on(self) -> None:
        """Show the next page below."""
        if self._is_whole or self._reads:
            return
        self._reads, turn = True, self._turn
        try:
            found, _ = await self._asked(turn, self.found[-1])
        finally:
            self._reads = False
        if turn == self._turn:
            self._show(found)

    async def _asked(self, turn: int, after: Listed | None) -> tuple[list[Listed], str]:
        words, topic = (self.search.value or "").strip(), self.topic.value or None

        def ask(db: notes.Database) -> tuple[list[Listed], str]:
            if turn != self._turn:  # somebody typed on while the question before this one was answered
                return [], ""
            if words:
                return notes.search(db, words, topic=topic, after=after, most=PAGE, marks=MARKS), ""
            return notes.listed(db, topic=topic, after=after, most=PAGE), "" if topic else notes.number(notes.count(db))

        found, told = await self.file.do(ask)
        several = f"The first {PAGE}" if len(found) == PAGE else str(len(found))
        return found, told or f"{several} found" if found else "Nothing found" if words or topic else "No notes yet"

    def _show(self, found: list[Listed]) -> None:
        self.found += found
        with self.place:
            self.lines |= {one.id: Line(one, self.choose) for one in found}
        if self.chosen in self.lines:
            self.lines[self.chosen].mark(True)
        self._is_whole = len(found) < PAGE
        self.more.visible = not self._is_whole

    async def scrolled(self, event: ScrollEventArguments) -> None:
        if (
            event.vertical_position
            and event.vertical_size - event.vertical_position < 2 * event.vertical_container_size
        ):
            await self.read_on()

    # -- the note -----------------------------------------------------------------------------------------------------

    async def choose(self, id: int) -> None:
        """Show a note to be read and changed."""
        if self.editor is not None:
            await self.editor.save()
            self.editor.leave()
        note = await self.file.do(lambda db: notes.note(db, id))
        if self.chosen in self.lines:
            self.lines[self.chosen].mark(False)
        self.chosen = id
        if id in self.lines:
            self.lines[id].mark(True)
        if note is None:
            editor.nothing(self.desk, "This note was deleted meanwhile.")
        else:
            self.editor = editor.Editor(
                self.file, note, self.desk, self.saved, self.written, self.changed, self.gone, self.split
            )

    async def write(self) -> None:
        """Begin a new note, on top of the list of all."""
        topic = self.topic.value or ""
        id = await self.file.do(lambda db: notes.create(db, "", [topic]))
        self.search.value = ""
        await self.changed()
        await self.choose(id)
        ui.run_javascript("document.querySelector('[aria-label=Title]')?.focus()")

    def written(self, title: str, text: str) -> None:
        """The note that is shown was saved: its line says so. It stays where it is, as long as nobody looks anew."""
        if self.chosen in self.lines:
            self.lines[self.chosen].say(title, text)

    async def split(self, id: int) -> None:
        """The note that is shown has become another one: what another window made of it stays beside it."""
        self.chosen = id
        await self.changed()

    async def gone(self) -> None:
        """The note that is shown was deleted: the next one takes its place."""
        ids = [one.id for one in self.found]
        at = ids.index(self.chosen) if self.chosen in ids else 0
        await self.changed()
        if self.found:
            await self.choose(self.found[min(at, len(self.found) - 1)].id)
        else:
            self.chosen = None
            editor.nothing(self.desk)

    # -- the keyboard -------------------------------------------------------------------------------------------------

    async def key(self, event: KeyEventArguments) -> None:
        if not event.action.keydown or event.modifiers.ctrl or event.modifiers.alt or event.modifiers.meta:
            return
        if event.key == "/":
            parts.focus(self.search)
        elif event.key == "n":
            await self.write()
        elif event.key.arrow_down or event.key.arrow_up:
            await self.step(1 if event.key.arrow_down else -1)

    async def step(self, by: int) -> None:
        """Choose the note below or above."""
        ids = [one.id for one in self.found]
        if not ids:
            return
        at = ids.index(self.chosen) + by if self.chosen in ids else 0
        await self.choose(ids[max(0, min(at, len(ids) - 1))])
        parts.focus(self.lines[self.chosen].item)


class Line:
    """One note of the list."""

    def __init__(self, note: Listed, choose: Callable[[int], object]) -> None:
        self.item = ui.item(on_click=lambda: choose(note.id)).props("role=option aria-selected=false")
        with self.item, ui.item_section():
            with ui.row().classes("w-full items-baseline justify-between no-wrap gap-2"):
                self.title = ui.html(sanitize=False).classes("font-medium truncate")
                ui.label(("📌 " if note.pinned else "") + day(note.updated_at)).classes(
                    f"text-xs {parts.QUIET} whitespace-nowrap"
                )
            self.shown = ui.html(sanitize=False).classes(f"text-sm {parts.QUIET} line-clamp-2 break-words")
        self.say(note.marked or note.title, note.shown)

    def say(self, title: str, text: str) -> None:
        self.title.content = marked(title) or "(no title)"
        self.shown.content = marked(text)

    def mark(self, chosen: bool) -> None:
        """Is it the one that is shown?"""
        self.item.props(f"aria-selected={str(chosen).lower()}")
        self.item.classes(**{"add" if chosen else "remove": "bg-blue-50"})


def marked(text: str) -> str:
    """The words that were searched for, as HTML; whatever else looks like HTML is text."""
    opened, closed = '<mark class="bg-amber-200 rounded-sm">', "</mark>"
    cut = " ".join(text.split())[: 2 * notes.BEGINNING]
    words = html.escape(cut + MARKS[1] * (cut.count(MARKS[0]) - cut.count(MARKS[1])))
    return words.replace(MARKS[0], opened).replace(MARKS[1], closed)


def day(at: str) -> str:
    """When, in the user's own time: the hour of today, the day of any other."""
    try:
        then = datetime.fromisoformat(at).astimezone()
    except ValueError:
        return at[:10]  # another release may have written it otherwise
    return f"{then:%H:%M}" if then.date() == datetime.now().date() else f"{then:%Y-%m-%d}"
