"""A launch that is killed at any statement, or runs out of disk at any page: what the file is then, and what the next launch does.

What a killed process leaves is what the disk shows at that moment: SQLite's own memory goes with it, what it wrote
stays. So one run shows every kill: as each statement starts, the file and its journal are copied; each copy is then
a file whose launch was killed there. (tests/test_testing_faults.py compares with processes that are killed for real.)
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from contextlib import closing, contextmanager
from pathlib import Path

from embedmig import guard, history, transaction, verbs
from embedmig.errors import EmbedmigError, printable
from embedmig.policy import changed
from embedmig.testing.copies import image, opened
from embedmig.testing.subject import Refuted, differences, everything, told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from embedmig.testing.subject import Everything, Subject

    Left = dict[str, bytes]  # what lies on the disk: "" is the file itself, "-journal" and "-wal" its journals

KEPT = ("", "-journal", "-wal")  # -shm holds nothing that SQLite can't make anew
LAUNCHES = 10
MOST_FULL_DISKS = 8  # from each version: at every page where a run adds few, at every k-th where it adds many


class Trial:
    """The launches of one file that has rows: how a good one ends, and what a bad one may leave."""

    def __init__(self, subject: Subject, version: int, folder: str) -> None:
        self.subject, self.folder, self.files = subject, Path(folder), 0
        with subject.filled(version, subject.sample(version)) as conn:
            self.image = image(conn)
            self.allowed = [everything(conn)]  # the old content, or that of a transaction that was committed
            steps = subject.steps(conn)
            self.newest = everything(conn)
        self.pages = 0
        self.partial = [step.migration for step in steps if not step.migration.transactional]
        self._note_commits(version)
        self._launched: set[bytes] = set()  # files from which a next launch was tried

    def _note_commits(self, version: int) -> None:
        """Where a run is more than one transaction, what each leaves is allowed as well."""
        each = self.subject.migrator.atomic == "migration"
        pending = self.subject.after(version)
        if not (each or self.partial):
            self.allowed.append(self.newest)
            return
        with opened(self.subject.migrator, self.image) as conn:
            for migration in pending:
                self.subject.migrate(conn, migration.version)
                self.allowed.append(everything(conn))

    @property
    def path(self) -> Path:
        """The file that is tried now."""
        return self.folder / str(self.files) / "app.db"

    def put(self, left: Left) -> None:
        """Try a new file, of these very bytes."""
        self.files += 1
        self.path.parent.mkdir()
        for end, data in left.items():
            Path(f"{self.path}{end}").write_bytes(data)

    def launch(self, prepare: Callable[[sqlite3.Connection], object] | None = None) -> None:
        """One launch of the newest build, with something done first to the connection on which its migrations run."""
        own = self.subject.migrator.prepare

        def both(conn: sqlite3.Connection) -> None:
            if own is not None:
                own(conn)
            if prepare is not None:
                prepare(conn)

        changed(self.subject.migrator, prepare=both).migrate(self.path)

    # -- what a bad launch left --------------------------------------------------------------------------

    def judge(self, what: str) -> None:
        """Old or new, nothing in between, and the next launch completes; Refuted where not. `what` happened to the launch."""
        with self.read() as conn:
            found = everything(conn)
            begun = [applied for applied in history.read(conn) or [] if not applied.finished]
        if not begun and not any(self._same(found, good) for good in self.allowed):
            lines = differences(self.allowed[0], found, self.subject.accept)
            raise Refuted(told(f"{what}\nThe file then had neither its old nor its new content, but:", lines, _HALF))
        at_rest = self.path.read_bytes()
        if at_rest in self._launched:
            return
        self._launched.add(at_rest)
        self._launch_again(what, begun[0].id if begun else None)

    def _launch_again(self, what: str, begun: str | None) -> None:
        cure = _AGAIN.format(begun) if begun else _HALF
        try:
            self.launch()
        except EmbedmigError as error:
            raise Refuted(told(f"{what}\nThe next launch failed:", [str(error)], cure)) from error
        with self.read() as conn:
            found = everything(conn)
        if lines := differences(self.newest, found, self.subject.accept):
            raise Refuted(
                told(
                    f"{what}\nThe next launch made another file (+) of it than a launch that was left in peace (-):",
                    lines,
                    cure,
                )
            )

    def _same(self, one: Everything, other: Everything) -> bool:
        return not differences(one, other, self.subject.accept)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection to look with, prepared as the app has it."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as conn:
            verbs.prepare(self.subject.migrator, conn, str(self.path))
            yield conn


_HALF = (
    "Each migration runs in a transaction, so this should never be. Does one take SQLite's authorizer off, or write"
    " through a connection of its own? If not, please report it."
)
_AGAIN = (
    "{} runs outside a transaction (transactional = False), so it must be safe to run again: look first what is already"
    " there (IF NOT EXISTS, INSERT OR IGNORE), or move what can run in a transaction to a migration of its own."
)


def killed(subject: Subject, version: int) -> int:
    """Kill a launch from this version at every statement; returns at how many. Refuted at the first that leaves harm."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(subject, version, folder)
        seen: dict[tuple[tuple[str, bytes], ...], str] = {}
        statements = 0

        def look(statement: str) -> None:
            nonlocal statements
            statements += 1
            names = {end: Path(f"{trial.path}{end}") for end in KEPT}
            left = tuple((end, name.read_bytes()) for end, name in names.items() if name.exists())
            seen.setdefault(left, statement)

        trial.put({"": trial.image})
        trial.launch(lambda conn: guard.follow(conn, look))
        for left, statement in seen.items():
            trial.put(dict(left))
            trial.judge(f"A launch from version {version} was killed at this statement: {_short(statement)}")
        return statements


def disk_full(subject: Subject, version: int) -> int:
    """Let the disk be full at every k-th page of a launch from this version; returns how often. Refuted at the first that leaves harm."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(subject, version, folder)
        trial.put({"": trial.image})
        with closing(sqlite3.connect(trial.path)) as conn:
            first = transaction.page_count(conn)
        trial.launch()
        with closing(sqlite3.connect(trial.path)) as conn:
            last = transaction.page_count(conn)
        limits = range(first, last, max(1, -(-(last - first) // MOST_FULL_DISKS)))
        for limit in limits:
            trial.put({"": trial.image})
            try:
                trial.launch(lambda conn, limit=limit: conn.execute(f"PRAGMA max_page_count = {limit}"))  # type: ignore[misc]
            except EmbedmigError:
                pass  # as it should; which error it is, embedmig's own tests look at
            trial.judge(f"The disk was full at page {limit + 1} in a launch from version {version}.")
        return len(limits)


def at_once(subject: Subject, version: int, folder: str) -> None:
    """Launch ten times at once from this version; Refuted unless all succeed and each migration runs once."""
    trial = Trial(subject, version, folder)
    trial.put({"": trial.image} if version else {})
    start = threading.Barrier(LAUNCHES)
    ran: list[str] = []
    failed: list[Exception] = []

    def launch() -> None:
        start.wait()
        try:
            ran.extend(subject.migrator.migrate(trial.path).ran)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=launch) for _ in range(LAUNCHES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        cure = "Does prepare() or a migration use what only one launch can have?"
        raise Refuted(told(f"Of {LAUNCHES} launches at once {len(failed)} failed:", [str(failed[0])], cure))
    pending = subject.after(version)
    once = [migration.id for migration in pending if migration.transactional]
    if odd := [id for id in once if ran.count(id) != 1]:
        lines = [f"{id} ran {ran.count(id)} times" for id in odd]
        raise Refuted(told(f"In {LAUNCHES} launches at once not each migration ran once:", lines, _HALF))
    with trial.read() as conn:
        if lines := differences(trial.newest, everything(conn), subject.accept):
            what = f"{LAUNCHES} launches at once made another file (+) than one alone (-):"
            raise Refuted(told(what, lines, _HALF))


def _short(statement: str) -> str:
    text = printable(" ".join(statement.split()))
    return text if len(text) <= 200 else text[:200] + " ..."
