"""What a suite tests: one app's migrations, and empty files at each version, built once and handed out as copies."""

from __future__ import annotations

import re
import sqlite3
from contextlib import contextmanager

from embedmig import definition, difference, foreign_keys, guard, history, plan, verbs
from embedmig.errors import EmbedmigError, printable
from embedmig.policy import changed, migrator_of
from embedmig.progress import Watch
from embedmig.questions import Look
from embedmig.testing import content, strategies
from embedmig.testing.copies import image, opened
from embedmig.tokens import meanings, tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from typing import Any

    from embedmig.difference import Objects
    from embedmig.loader import Source
    from embedmig.migration import Migration
    from embedmig.migrator import Migrator
    from embedmig.report import Drift
    from embedmig.run import Run
    from embedmig.task import Task
    from embedmig.testing.content import Content
    from embedmig.testing.strategies import Drawn, Own

    Everything = tuple[Objects, Content]

EXAMPLES_FOR_A_SAMPLE = 12


class Refuted(AssertionError):
    """A check failed; the text says what to do."""


class Step:
    """What one migration did to the rows: the tables that its statements name, every row before and after."""

    def __init__(self, migration: Migration, named: set[str], before: Content, after: Content) -> None:
        self.migration, self.named, self.before, self.after = migration, named, before, after


class Subject:
    """One app's migrations, loaded, with what the suite was told about them."""

    def __init__(
        self,
        migrations: Source | Migrator,
        *,
        columns: Own | None = None,
        accept: Collection[str] = (),
        max_size: int = 3,
        examples: int = 20,
    ) -> None:
        self.migrator = changed(migrator_of(migrations, {}), strict=False, backups_kept=0)
        self.columns, self.accept, self.max_size, self.examples = columns, frozenset(accept), max_size, examples
        self.broken: EmbedmigError | None = None  # why the set can't be loaded
        self.shipped: list[Migration] = []
        self._images: dict[int, bytes | EmbedmigError] = {}
        self._samples: dict[int, Drawn] = {}
        try:
            self.ready = verbs.Ready(self.migrator)
            self.shipped = [definition.load(known) for known in self.ready.shipped]
            self.ready.tasks(self.ready.shipped)
        except EmbedmigError as error:
            self.broken = error

    # -- which -----------------------------------------------------------------------------------------

    @property
    def newest(self) -> Migration:
        return self.shipped[-1]

    def named(self, id: str) -> Migration:
        return next(migration for migration in self.shipped if migration.id == id)

    def before(self, migration: Migration) -> int:
        """The version that a file has when this migration is the next."""
        index = self.shipped.index(migration)
        return self.shipped[index - 1].version if index else 0

    def after(self, version: int) -> list[Migration]:
        """The migrations that are pending at a version."""
        return [migration for migration in self.shipped if migration.version > version]

    # -- files -----------------------------------------------------------------------------------------

    def image(self, version: int) -> bytes:
        """The bytes of a file at this version with no rows but those that its migrations wrote. EmbedmigError where one fails."""
        if version not in self._images:
            try:
                self._images[version] = self._built(version)
            except EmbedmigError as error:
                self._images[version] = error
        found = self._images[version]
        if isinstance(found, EmbedmigError):
            raise found
        return found

    def _built(self, version: int) -> bytes:
        if not version:
            return b""
        below = max((m.version for m in self.shipped if m.version < version), default=0)
        with self.copy(below) as conn:
            self.migrate(conn, version)
            return image(conn)

    @contextmanager
    def copy(self, version: int) -> Iterator[sqlite3.Connection]:
        """A copy in memory of the file at this version, prepared as the app has it, closed afterwards."""
        with opened(self.migrator, self.image(version)) as conn:
            yield conn

    @contextmanager
    def filled(self, version: int, drawn: Drawn) -> Iterator[sqlite3.Connection]:
        """The same with rows in it."""
        with self.copy(version) as conn:
            strategies.fill(conn, drawn)
            yield conn

    # -- rows ------------------------------------------------------------------------------------------

    def filling(self, conn: sqlite3.Connection) -> Any:
        """The strategy of rows for every table of this file."""
        tables = {name.lower() for name, *_ in conn.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")}
        own = {key: value for key, value in (self.columns or {}).items() if _table_of(key) in tables}
        return strategies.filling(conn, max_size=self.max_size, columns=own)

    def sample(self, version: int) -> Drawn:
        """One generated set of rows, the same every time: of a dozen the one with the most rows."""
        if version not in self._samples:
            import hypothesis

            found: list[Drawn] = [{}]

            def drawing(drawn: Drawn) -> None:
                found.append(drawn)

            with self.copy(version) as conn:
                given: Any = hypothesis.given(self.filling(conn))
                hypothesis.settings(
                    derandomize=True,
                    database=None,
                    deadline=None,
                    max_examples=EXAMPLES_FOR_A_SAMPLE,
                    phases=[hypothesis.Phase.generate],
                    suppress_health_check=list(hypothesis.HealthCheck),
                )(given(drawing))()
            self._samples[version] = max(found, key=lambda drawn: sum(map(len, drawn.values())))
        return self._samples[version]

    # -- runs ------------------------------------------------------------------------------------------

    def migrate(
        self, conn: sqlite3.Connection, to: int | None = None, *, observe: Any = None, strict: bool = False
    ) -> None:
        """Run what is pending on a connection in memory, as a launch does on a file that it opened itself."""
        migrator = changed(self.migrator, strict=True) if strict else self.migrator
        pending = lambda: self.ready.tasks(Look(self.migrator, conn, self.ready.shipped, to).pending)  # noqa: E731
        self._run(migrator, conn, pending, observe)

    def roll_back(self, conn: sqlite3.Connection, to: int, *, observe: Any = None) -> None:
        """The same downwards, until version `to` remains."""

        def undoing() -> list[Task]:
            applied = history.read(conn) or []
            return self.ready.tasks(plan.reversal(self.ready.shipped, applied, to), "down")

        self._run(self.migrator, conn, undoing, observe)

    def _run(self, migrator: Migrator, conn: sqlite3.Connection, tasks: Callable[[], list[Task]], observe: Any) -> None:
        run: Run = verbs.run_of(migrator, conn, None, own=True, watch=Watch())
        run.observe = observe
        with verbs.completing(run):
            run.through(tasks)

    def steps(self, conn: sqlite3.Connection) -> list[Step]:
        """Migrate to the newest version, and say what each migration did to the rows."""
        found: list[Step] = []
        said: list[str] = []
        last = [content.of(conn)]

        def after(task: Task, _ms: int, _guard: object) -> None:
            now = content.of(conn)
            found.append(Step(task.migration, named_in(said), last[0], now))
            last[0] = now
            said.clear()

        guard.follow(conn, said.append)
        try:
            self.migrate(conn, observe=after)
        finally:
            guard.follow(conn, None)
        return found


def _table_of(key: str | tuple[str, ...]) -> str:
    return (key if isinstance(key, str) else key[0]).rpartition(".")[0].lower()


# The words of a statement, between NULs: no name and no text has one.
_TARGET = re.compile(
    r"""(?:^|\0) (?: (?:insert|replace)(?:\0or\0\w+)?\0into | update(?:\0or\0\w+)? | delete\0from | drop\0table(?:\0if\0exists)?
      | alter\0table | rename\0to ) \0 (?:main\0\.\0)? ([^\0]+)""",
    re.X,
)


def named_in(statements: Iterable[str]) -> set[str]:
    """The tables that these statements write to, drop or alter by name; what a trigger or a CASCADE does is not among it."""
    texts = ("\0".join(meanings(tokens(statement))) for statement in statements)
    done = (text for text in texts if not text.startswith("create\0"))  # what stands in a trigger is not done yet
    return {name.strip('"') for text in done for name in _TARGET.findall(text)}


def unclean(conn: sqlite3.Connection) -> list[str]:
    """What SQLite's own checks find: damage, and rows that point nowhere."""
    damage = [str(row[0]) for row in conn.execute("PRAGMA main.integrity_check") if row[0] != "ok"]
    dangling = foreign_keys.described(conn, foreign_keys.violations(conn))
    return [*damage, *(f"{table} -> {parent}: {row}" for table, _, parent, row in dangling)]


def shown(drawn: Drawn) -> str:
    """Rows as a message shows them, the tables without any left out."""
    lines = [f"    {table}: {row!r}" for table, found in drawn.items() for row in found]
    return "\n".join(map(printable, lines)) or "    (no rows at all)"


def told(what: str, lines: Iterable[str], cure: str) -> str:
    """What a failed check says: what happened, what shows it, what to do."""
    return "\n".join([what, *(f"    {printable(part)}" for line in lines for part in line.splitlines()), cure])


def everything(conn: sqlite3.Connection) -> Everything:
    """The schema and every row."""
    return difference.objects(conn), content.of(conn)


def between(one: Everything, other: Everything, accept: Collection[str] = ()) -> Drift:
    """How the schemas of two files differ, but for the objects that may."""
    kept = [{name: it for name, it in side[0].items() if it.label.lower() not in accept} for side in (one, other)]
    return difference.between(*kept)


def differences(one: Everything, other: Everything, accept: Collection[str] = ()) -> list[str]:
    """How two files differ, in words; empty where they don't."""
    return between(one, other, accept).diff.splitlines() + content.difference(one[1], other[1], accept)


def meant(one: Everything, other: Everything, accept: Collection[str]) -> str:
    """How to say that these differences are no mistake."""
    found = between(one, other, accept)
    names = [label.lower() for label in (*found.missing, *found.unexpected, *found.different)]
    names += content.differing(one[1], other[1], accept)
    return f"If this is meant: suite(..., accept={sorted(names)!r})."
