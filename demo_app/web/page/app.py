"""Notes in one SQLite file, wholly inside a browser. worker.js calls start() once, and answer() for each thing that the page asks for.

What is told as done is kept: `keep` is awaited after each commit, and only then the page hears of it.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from pyodide.ffi import JsException  # what a JavaScript error is in Python

import migrations
from demo_app import APPLICATION_ID, prepare
from embedmig import EmbedmigError, Migrator, Progress, aio

SHOWN = 50  # notes at a time
SHIPPED = re.compile(r"(\d+)_\w+\.(?:py|sql)")


def start(path: str, as_of: int | None, keep: Callable[[], Awaitable[None]], tell: Callable[[str], None]) -> App:
    """The app on the file at `path`. `keep()` makes the browser store it, `tell(json)` says something to the page.

    `as_of=2` is the release that shipped versions 1 and 2 only: the later migrations are taken out of this tab.
    """
    folder = Path(migrations.__path__[0])
    found = {file: int(match[1]) for file in folder.iterdir() if (match := SHIPPED.fullmatch(file.name))}
    for file, version in found.items():
        if as_of and version > as_of:
            file.unlink()
    newest = max(version for version in found.values() if not as_of or version <= as_of)
    migrator = Migrator(migrations, application_id=APPLICATION_ID, app_version=f"{newest}.0", prepare=prepare)
    return App(path, newest, migrator, keep, lambda **said: tell(json.dumps(said)))


class App:
    """One open file, and what the page may ask of it. The page asks for one thing after the other."""

    def __init__(
        self,
        path: str,
        release: int,
        migrator: Migrator,
        keep: Callable[[], Awaitable[None]],
        tell: Callable[..., None],
    ) -> None:
        self.path, self.release, self.migrator, self.keep, self.tell = path, release, migrator, keep, tell
        self.conn: sqlite3.Connection | None = None

    async def answer(self, asked: str) -> None:
        """Do one thing to its end. What goes wrong is told, with what is safe to do next."""
        verb, *given = json.loads(asked)
        try:
            await VERBS[verb](self, *given)
        except EmbedmigError as error:
            self._close()
            self.tell(kind="refused", title=_words(type(error).__name__), text=str(error), offers=self._offers(error))
        except JsException as error:
            self._close()  # it is ahead of what the browser has kept
            text = (
                f"The browser did not keep the last change ({error.js_error.message}). What it kept before is as it was. "
                "Make room for it, then load this page again."
            )
            self.tell(kind="refused", title="Not kept", text=text, offers=["download"])

    async def launch(self) -> None:
        """What every launch does: bring the file up to date if it isn't, and open it."""
        report = None
        if not self.migrator.is_current(self.path):
            self.tell(kind="pending", ids=self.migrator.status(self.path).pending)
            report = await aio.migrate(self.path, self.migrator, on_progress=self._progress, flush=self.keep)
        self.conn = self.migrator.connect(self.path)
        self._ready()
        if report and report.before:
            seconds = f"{report.duration_s:.1f} s"
            self.tell(kind="notice", text=f"Brought up to date: version {report.before} → {report.after} in {seconds}.")

    async def add(self, texts: list[str]) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        columns = ("title", "body") if self._has_titles else ("body",)
        places = ", ".join("?" * len(columns))
        with self._open() as conn:
            conn.executemany(
                f"INSERT INTO notes ({', '.join(columns)}, created_at, updated_at) VALUES ({places}, ?, ?)",
                [(*(split(text) if self._has_titles else (text,)), now, now) for text in texts],
            )
        await self.keep()
        self._ready()

    async def delete(self, id: int) -> None:
        with self._open() as conn:
            conn.execute("DELETE FROM notes WHERE id = ?", [id])
        await self.keep()
        self._ready()

    async def search(self, words: str) -> None:
        self.tell(kind="found", words=words, notes=list(self._found(words)))

    async def reset(self) -> None:
        """Delete the stored file, its backups too, and begin with an empty one."""
        self._close()
        self.migrator.reset(self.path, keep_backup=False, force=True)
        for backup in self.migrator.backups(self.path):
            os.unlink(backup)
        await self.keep()
        await self.launch()

    async def restore(self, name: str | None) -> None:
        """Put a backup in the file's place, or a file that the page has brought; what was there becomes a backup."""
        self._close()
        folder = os.path.dirname(self.path)
        self.migrator.restore(self.path, os.path.join(folder, name) if name else "/brought.db")
        await self.keep()
        await self.launch()

    # -- what the page is told ---------------------------------------------------------------------------------

    def _ready(self) -> None:
        status = self.migrator.status(self._open())
        count, shown = self._open().execute("SELECT count(*) FROM notes").fetchone()[0], list(self._found(""))
        applied = [(a.version, a.id, a.applied_at, a.duration_ms, a.app_version) for a in status.applied]
        backups = [(os.path.basename(name), os.path.getsize(name)) for name in self.migrator.backups(self.path)]
        self.tell(
            kind="ready",
            release=self.release,
            version=status.version,
            pending=status.pending,
            applied=applied,
            size=os.path.getsize(self.path),
            backups=backups,
            count=count,
            notes=shown,
        )

    def _progress(self, now: Progress) -> None:
        self.tell(kind="progress", phase=now.phase, id=now.id, index=now.index, total=now.total,
                  done=now.done, rows=now.total_rows, elapsed=now.elapsed_s)  # fmt: skip

    def _offers(self, error: EmbedmigError) -> list[str]:
        """The buttons that are safe beside this refusal."""
        offers = ["again", "download"]
        try:
            names = [os.path.basename(name) for name in self.migrator.backups(self.path)]
        except EmbedmigError:
            names = []
        usable = [name for name in names if int(re.findall(r"\.v(\d+)", name)[-1]) <= self.release]
        return offers + [f"restore {name}" for name in usable[:1]] + ["reset"] * bool(error.may_offer_reset)

    # -- the notes ---------------------------------------------------------------------------------------------

    @property
    def _has_titles(self) -> bool:
        return self.release >= 4  # 004_split_titles

    def _found(self, words: str) -> Iterator[dict[str, Any]]:
        """The notes that have all the words, best first; without words the latest."""
        texts = ("notes.title", "notes.body") if self._has_titles else ("notes.body",)
        columns = f"notes.id, updated_at, {', '.join(texts)}"
        if words.strip() and self.release >= 2:  # 002_full_text_search
            found = self._open().execute(
                f"""
                SELECT {columns}, snippet(notes_fts, -1, char(1), char(2), '…', 12)
                FROM notes_fts JOIN notes ON notes.id = notes_fts.rowid WHERE notes_fts MATCH ? ORDER BY rank LIMIT ?
                """,
                [query(words), SHOWN],
            )
        else:
            found = self._open().execute(
                f"SELECT {columns}, NULL FROM notes ORDER BY updated_at DESC, notes.id DESC LIMIT ?", [SHOWN]
            )
        for id, at, *text, hit in found:
            title, body = text if self._has_titles else split(text[0])
            yield {"id": id, "at": at, "title": title, "body": body.strip()[:600], "hit": hit}

    def _open(self) -> sqlite3.Connection:
        if self.conn is None:
            raise RuntimeError("the file is closed")
        return self.conn

    def _close(self) -> None:
        if self.conn is not None:
            self.conn.close()
        self.conn = None


VERBS: dict[str, Callable[..., Awaitable[None]]] = {
    "launch": App.launch,
    "add": App.add,
    "delete": App.delete,
    "search": App.search,
    "reset": App.reset,
    "restore": App.restore,
}


def split(text: str) -> tuple[str, str]:
    """The first line, and the rest."""
    end = re.match(r"[^\r\n]*", text).end()  # type: ignore[union-attr]  # it matches the empty string
    return text[:end], text[end:]


def query(words: str) -> str:
    """For FTS5: all the words, the last one perhaps not typed to its end. In quotes nothing is an operator."""
    quoted = ['"{}"'.format(word.replace('"', '""')) for word in words.split()]
    return " ".join(quoted) + "*" * bool(quoted)


def _words(name: str) -> str:
    """DatabaseTooNew -> Database too new."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).capitalize()
