"""One launch of the app: the file is brought up to date and opened, or not. What became of it, for the pages to show.

No widget is touched here. Pages read the fields, and are told by `changed` when another page is due.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from datetime import datetime

from nicegui import Event, app

from demo_app.window.file import NotesFile
from demo_app.window.refusals import Backup
from embedmig import DatabaseBusy, EmbedmigError, MigrationCancelled, Migrator, Progress, Report, aio

QUIETLY_S = 0.4  # an upgrade that is over by then is not worth a page
AGAIN_S = 0.5  # between two tries while another process has the file
HASTE_S = 0.2  # what a question may wait for a lock
FAREWELL_S = 0.2  # for the last page to arrive at the browser


class Launch:
    """`stage` is "opening", "upgrading", "open", "refused", "acting" (a restore or a reset) or "ended".

    `file` is there while it is open, `error` while it is refused, and `backup` then is the newest one that this release can
    open. `pending` are the ids of the migrations of the upgrade that runs, `now` is what it is doing. `notice` (all is well) and
    `trouble` (something was not done) are sentences for the next page, which takes them.
    """

    def __init__(self, path: str, migrator: Migrator) -> None:
        self.path = os.path.abspath(path)
        self.migrator = migrator
        self.hasty = hasty(migrator)
        self.changed: Event[[]] = Event()
        self.stage = "opening"
        self.file: NotesFile | None = None
        self.error: Exception | None = None
        self.backup: Backup | None = None
        self.pending: tuple[str, ...] = ()
        self.now: Progress | None = None
        self.began = 0.0
        self.notice: str | None = None
        self.trouble: str | None = None
        self._upgrade: asyncio.Future[Report] | None = None
        self._stopped = False
        self._acts = self._ends = False
        self._restored: Backup | None = None  # and not told yet

    @property
    def elapsed_s(self) -> float:
        """Seconds since the upgrade began, and the wait for others before it."""
        return time.monotonic() - self.began

    async def begin(self) -> None:
        """Bring the file up to date and open it. Nothing is raised: `stage` says what became of it."""
        if self._acts or self._ends:
            return  # another tab of the browser was first
        self._acts = True
        self.file = self.error = self.backup = self.now = None
        self.pending, self._stopped, self.began = (), False, time.monotonic()
        self._show("opening")
        soon = asyncio.get_running_loop().call_later(QUIETLY_S, self._show, "upgrading")
        try:
            await self._brought_up_to_date()
        except Exception as error:  # whatever it is, the user must see it
            self.error = error
            self.backup = await asyncio.to_thread(restorable, self.hasty, self.path)
        finally:
            soon.cancel()
            self._acts, self._restored = False, None
        self._show("open" if self.file else "refused")

    async def _brought_up_to_date(self) -> None:
        """Upgrade and open it, for as long as it takes: where another window of the app is at it, until that one is done."""
        while self.file is None:
            if self._stopped:
                raise MigrationCancelled(path=self.path, kept="Nothing was changed.")
            try:
                if not await asyncio.to_thread(self.migrator.is_current, self.path):
                    self.pending = (await asyncio.to_thread(self.hasty.status, self.path)).pending
                    report = await self._migrated()
                    if report is None:
                        continue
                    self.notice = told(report, self._restored)
                file = NotesFile(self.path, self.hasty)
                await file.open()
                if self._restored and not self.notice:
                    self.notice = f"Restored {self._restored.named}."
                self.file = file
            except DatabaseBusy:
                await asyncio.sleep(AGAIN_S)

    async def _migrated(self) -> Report | None:
        """The upgrade, which cancel() stops; None where that came before it had begun, or after it was done."""
        self._upgrade = asyncio.ensure_future(aio.migrate(self.path, self.migrator, on_progress=self._progressed))
        if self._stopped:
            self._upgrade.cancel()
        try:
            return await self._upgrade
        except asyncio.CancelledError as cancelled:
            if isinstance(cancelled.__cause__, EmbedmigError):
                raise cancelled.__cause__
            if not self._stopped:
                raise  # it is not the upgrade that was cancelled, but we
            return None
        finally:
            self._upgrade = None

    def _progressed(self, now: Progress) -> None:
        self.now = now

    def cancel(self) -> None:
        """Stop the upgrade. Everything is undone, and the page says so."""
        self._stopped = True
        if self._upgrade is not None:
            self._upgrade.cancel()

    async def restore(self, backup: Backup) -> None:
        """Put a backup in the file's place, and begin again."""

        def put() -> None:
            self.migrator.restore(self.path, backup.path)
            self._restored = backup

        await self._without_the_file(put)

    async def reset(self) -> None:
        """Delete the file, build it again, and begin again. A damaged one too: the page was asked for the word."""
        await self._without_the_file(lambda: self.migrator.reset(self.path, force=bool(self.error)))

    async def _without_the_file(self, action: Callable[[], object]) -> None:
        """Close the file, do it, and begin again, whether it could be done or not."""
        if self._acts or self._ends:
            return
        self._acts = True
        try:
            if self.file is not None:
                await self.file.close()
            self._show("acting")
            await asyncio.to_thread(action)
        except (EmbedmigError, OSError) as error:
            self.trouble = str(error)
        finally:
            self._acts = False
        await self.begin()

    async def quit(self) -> None:
        """End the program, its file closed first."""
        await self.end()
        self.stage = "ended"
        self.changed.emit()
        await asyncio.sleep(FAREWELL_S)
        app.shutdown()

    async def end(self) -> None:
        """Leave the file as it should be left: an upgrade is undone, an open file is closed."""
        self._ends = True
        self.cancel()
        while self._acts:
            await asyncio.sleep(0.02)
        if self.file is not None:
            await self.file.close()

    def _show(self, stage: str) -> None:
        if stage == self.stage or self._ends:
            return
        self.stage = stage
        self.changed.emit()


def hasty(migrator: Migrator) -> Migrator:
    """The same for questions, which nobody can cancel: where somebody else is at work on the file they give up at once."""
    return Migrator(
        migrator.migrations, application_id=migrator.application_id, app_version=migrator.app_version,
        prepare=migrator.prepare, timeout=HASTE_S,
    )  # fmt: skip


def told(report: Report, restored: Backup | None = None) -> str | None:
    """What the user may know of an upgrade; of a new file, nothing. `restored`: the backup that was upgraded."""
    if not (report.before and report.ran):
        return None
    if restored:
        return f"Restored {restored.named}, and brought up to date: version {report.before} to {report.after}."
    kept = " A backup is kept." if report.backup else ""
    return f"Your notes were brought up to date: version {report.before} to {report.after}.{kept}"


def restorable(migrator: Migrator, path: str) -> Backup | None:
    """The newest backup of the file that this release of the app can open."""
    try:
        for name in migrator.backups(path):
            try:
                status = migrator.status(name)
            except EmbedmigError:
                continue  # an older one may be good
            if status.applied and not status.unknown:
                at = datetime.fromtimestamp(os.stat(name).st_mtime)
                return Backup(name, status.version, at, behind=bool(status.pending))
    except (EmbedmigError, OSError):
        pass  # the folder can't be read, or somebody has just deleted the backup
    return None
