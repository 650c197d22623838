"""The open file of notes, for a window that never stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlite_utils import Database

from embedmig import Migrator

T = TypeVar("T")


class NotesFile:
    """The file, open. Its connection lives in one worker thread, since SQLite's connections belong to their thread:

    found = await file.do(lambda db: notes.search(db, words))
    """

    def __init__(self, path: str, migrator: Migrator) -> None:
        self.path = path
        self.migrator = migrator
        self.before_close: list[Callable[[], Awaitable[object]]] = []  # what a page still has to save
        self._worker = ThreadPoolExecutor(1, "notes")
        self._db: Database | None = None

    async def open(self) -> None:
        """Open it as the app does at every launch; whatever embedmig refuses is raised."""
        self._db = await self._run(lambda: self.migrator.open(self.path))

    async def do(self, action: Callable[[Database], T]) -> T:
        """Call `action` with the database, in its thread. One at a time, in the order of the calls."""
        assert self._db is not None, "the file is closed"
        db = self._db
        return await self._run(lambda: action(db))

    async def close(self) -> None:
        """Save what is still to be saved, and close it: before the program ends, and before another file takes its place."""
        if self._db is None:
            return
        for save in self.before_close:
            await save()
        db, self._db = self._db, None
        await self._run(db.close)
        self._worker.shutdown()

    async def _run(self, action: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, action)
