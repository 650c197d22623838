"""A test suite of an app's migrations, in one line; each check is a test of its own in pytest's output."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

from embedmig.errors import EmbedmigError, MigrationFailed
from embedmig.testing import clock, content, faults, files, keeping
from embedmig.testing.copies import image, opened
from embedmig.testing.subject import (
    Refuted,
    Subject,
    between,
    differences,
    everything,
    meant,
    shown,
    told,
    unclean,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Callable, Collection, Iterator
    from typing import Any, ClassVar

    from embedmig.loader import Source
    from embedmig.migration import Migration
    from embedmig.migrator import Migrator
    from embedmig.testing.strategies import Drawn, Own
    from embedmig.testing.subject import Everything


def suite(
    migrations: Source | Migrator,
    *,
    columns: Own | None = None,
    accept: Collection[str] = (),
    golden: str | os.PathLike[str] | None = None,
    examples: int = 20,
    max_size: int = 3,
) -> type[Suite]:
    """The checks of these migrations, as a class of tests: `test_migrations = embedmig.testing.suite("notes_app.migrations")`.

    A Migrator in place of the migrations brings its policy, `prepare` above all. `columns`: strategies of one's own for
    rows, `{"invoices.total": st.integers(0)}`. `accept`: what may differ, as a failing check names it:
    `["index notes_by_title", "settings.installed_at"]`. `golden`: a folder of files of released versions. `examples`: how many
    sets of rows are drawn for each version, each of up to `max_size` rows a table.

    A function, and not a base class with attributes: a misspelt option is an error here, and would be nothing there.
    """
    subject = Subject(migrations, columns=columns, accept=accept, max_size=max_size, examples=examples)
    folder = None if golden is None else Path(golden)
    checks: type[Suite] = type("Migrations", (Suite,), {"subject": subject, "golden": folder, "__test__": True})
    for name in [name for name in dir(checks) if name.startswith("test_") and name != "test_the_set_loads"]:
        if subject.broken or checks._cases(name) == {}:
            setattr(checks, name, None)  # there is nothing to look at, so there is no such test
    return checks


class Suite:
    """The checks; `suite()` makes a class of tests of them."""

    __test__ = False
    subject: ClassVar[Subject]
    golden: ClassVar[Path | None]

    @classmethod
    def _cases(cls, test: str) -> dict[str, object] | None:
        """What a test is run for, by what pytest calls it; None for a test that is run once."""
        every = {migration.id: migration for migration in cls.subject.shipped}
        if test in _FOR_EACH:
            return {id: migration for id, migration in every.items() if _FOR_EACH[test](migration)}
        if test in _FROM_EACH:
            return {f"from {id}": migration.version for id, migration in list(every.items())[:-1]}
        if test == "test_a_released_file_reaches_the_newest_version":
            return {path.name: path for path in files.released(cls.golden)} if cls.golden else {}
        return None

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        cases = self._cases(metafunc.function.__name__)
        if cases is not None:
            (name,) = set(metafunc.fixturenames) & {"migration", "version", "released"}
            metafunc.parametrize(name, list(cases.values()), ids=list(cases))

    # -- the set ---------------------------------------------------------------------------------------

    def test_the_set_loads(self) -> None:
        if self.subject.broken is not None:
            pytest.fail(str(self.subject.broken), pytrace=False)

    def test_it_runs_on_an_empty_file(self, migration: Migration) -> None:
        with self._told(self.subject.before(migration)) as conn:
            self.subject.migrate(conn, migration.version)
            _refuse_dirt(conn, f"{migration.id} leaves a file that SQLite's own checks find fault with")

    def test_it_forgets_no_index_trigger_or_view(self, migration: Migration) -> None:
        with self._told(self.subject.before(migration)) as conn:
            try:
                self.subject.migrate(conn, migration.version, strict=True)
            except MigrationFailed as error:
                if error.cause is None:  # SQLite refused nothing; any other failure is told by the test above
                    raise
                pytest.skip(f"{migration.id} fails: see test_it_runs_on_an_empty_file")

    def test_a_second_launch_changes_nothing(self) -> None:
        with self._told(self.subject.newest.version), tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "app.db")
            self.subject.migrator.connect(path).close()
            before = path.read_bytes()
            self.subject.migrator.connect(path).close()
            if path.read_bytes() != before:
                raise Refuted(
                    "A second launch changed the file. Look for what prepare() writes: it runs at every launch."
                )

    def test_it_depends_on_neither_time_nor_chance(self, migration: Migration) -> None:
        version = self.subject.before(migration)
        modules = [up.__globals__ for m in self.subject.shipped if hasattr(up := m.up, "__globals__")]
        with self._told(version):
            drawn = self.subject.sample(version)
            with self.subject.filled(version, drawn) as conn:
                before = image(conn)
                _migrated(self.subject, conn, migration, version)
                one = everything(conn)
            with opened(self.subject.migrator, before) as conn, clock.later_in(conn), clock.later(modules):
                _migrated(self.subject, conn, migration, version)
                other = everything(conn)
            if lines := differences(one, other, self.subject.accept):
                what = f"{migration.id} does not do the same every time. What it left (-), and what it left with a later clock (+):"
                cure = "Take such values from the rows, or let the app write them. "
                raise Refuted(told(what, lines, cure + meant(one, other, self.subject.accept)))

    # -- the schema ------------------------------------------------------------------------------------

    def test_down_undoes_up(self, migration: Migration) -> None:
        version = self.subject.before(migration)
        with self._told(version) as conn:
            before = everything(conn)
            self.subject.migrate(conn, migration.version)
            after = everything(conn)
            with _wrapped(f"down of {migration.id} fails:", "Make down the inverse of up."):
                self.subject.roll_back(conn, version)
            back = everything(conn)
            if lines := self._schemas(before, back):
                what = f"down of {migration.id} does not undo its up. The schema that was there (-) and the one that it leaves (+):"
                raise Refuted(
                    told(what, lines, "Make down the inverse of up. " + meant(before, back, self.subject.accept))
                )
            with _wrapped(f"After its down, up of {migration.id} fails:", "Let down remove all that up made."):
                self.subject.migrate(conn, migration.version)
            again = everything(conn)
            if lines := self._schemas(after, again):
                what = f"After its down, up of {migration.id} makes another schema (+) than the first time (-):"
                cure = "Let down remove all that up made. "
                raise Refuted(told(what, lines, cure + meant(after, again, self.subject.accept)))

    def test_every_version_reaches_the_same_schema(self, version: int) -> None:
        with self._told(version) as conn, opened(self.subject.migrator, b"") as fresh:
            self.subject.migrate(fresh)
            self.subject.migrate(conn)
            one, other = everything(fresh), everything(conn)
            if lines := self._schemas(one, other):
                what = f"A file from version {version} gets another schema (+) than a new one (-):"
                cure = "A migration must not ask whether the file is new. "
                raise Refuted(told(what, lines, cure + meant(one, other, self.subject.accept)))

    # -- the rows --------------------------------------------------------------------------------------

    def test_no_row_is_lost(self, version: int) -> None:
        def check(drawn: Drawn) -> None:
            with self.subject.filled(version, drawn) as conn:
                keeping.look_at(self.subject, conn, version)

        with self._told(version) as conn:
            _for_all(self.subject, conn, version, check)

    def test_a_released_file_reaches_the_newest_version(self, released: Path) -> None:
        with self._told(0):
            files.look_at(self.subject, released)

    def test_the_previous_release_can_go_on(self, migration: Migration) -> None:
        previous = self.subject.before(migration)

        def check(drawn: Drawn) -> None:
            with self.subject.copy(migration.version) as conn:
                keeping.use_as_before(conn, drawn, migration)

        with self._told(previous) as conn:
            with self.subject.copy(migration.version) as newer:
                keeping.refuse_missing(content.of(conn), content.of(newer), migration)
            _for_all(self.subject, conn, previous, check)

    # -- the faults ------------------------------------------------------------------------------------

    def test_a_kill_at_any_statement_does_no_harm(self, version: int) -> None:
        with self._told(version):
            faults.killed(self.subject, version)

    def test_a_full_disk_does_no_harm(self, version: int) -> None:
        with self._told(version):
            faults.disk_full(self.subject, version)

    def test_ten_launches_at_once_migrate_once(self) -> None:
        first = self.subject.shipped[0].version
        with self._told(first), tempfile.TemporaryDirectory() as folder:
            faults.at_once(self.subject, first if len(self.subject.shipped) > 1 else 0, folder)

    # -- what they share -------------------------------------------------------------------------------

    def _schemas(self, one: Everything, other: Everything) -> list[str]:
        return between(one, other, self.subject.accept).diff.splitlines()

    @contextmanager
    def _told(self, version: int) -> Iterator[sqlite3.Connection]:
        """Around a check, with a file at this version; whatever it finds is told without a traceback of ours."""
        __tracebackhide__ = True
        try:
            self.subject.image(version)
        except EmbedmigError:
            pytest.skip(f"There is no file at version {version}: see test_it_runs_on_an_empty_file")
        try:
            with self.subject.copy(version) as conn:
                yield conn
        except (Refuted, EmbedmigError) as error:
            # from None: pytest would show the message twice, once as what was raised during the handling of itself
            raise pytest.fail.Exception(str(error), pytrace=False) from None


_FOR_EACH: dict[str, Callable[[Migration], bool]] = {
    "test_it_runs_on_an_empty_file": lambda _: True,
    "test_it_forgets_no_index_trigger_or_view": lambda _: True,
    "test_it_depends_on_neither_time_nor_chance": lambda _: True,
    "test_down_undoes_up": lambda migration: migration.down is not None,
    "test_the_previous_release_can_go_on": lambda migration: migration.backward_compatible,
}
_FROM_EACH = (
    "test_every_version_reaches_the_same_schema",
    "test_no_row_is_lost",
    "test_a_kill_at_any_statement_does_no_harm",
    "test_a_full_disk_does_no_harm",
)


def _migrated(subject: Subject, conn: sqlite3.Connection, migration: Migration, version: int) -> None:
    try:
        subject.migrate(conn, migration.version)
    except EmbedmigError:
        pytest.skip(f"{migration.id} fails on rows of version {version}: see test_no_row_is_lost")


@contextmanager
def _wrapped(what: str, cure: str) -> Iterator[None]:
    try:
        yield
    except EmbedmigError as error:
        raise Refuted(told(what, [str(error)], cure)) from error


def _refuse_dirt(conn: sqlite3.Connection, what: str) -> None:
    if dirt := unclean(conn):
        raise Refuted(told(f"{what}:", dirt, "Let the migration leave a file without them."))


def _for_all(subject: Subject, conn: sqlite3.Connection, version: int, check: Callable[[Drawn], None]) -> None:
    """Try a check on generated rows; where it fails, on fewer and simpler ones, which the message then shows."""
    failing: list[Drawn] = []

    def drawing(drawn: Drawn) -> None:
        try:
            check(drawn)
        except Refuted:
            failing.append(drawn)
            raise

    drawing.__name__ = f"rows_of_version_{version}_for_{subject.newest.id}"  # under which hypothesis keeps what failed
    settings = hypothesis.settings(
        max_examples=subject.examples,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    given: Any = hypothesis.given(subject.filling(conn))
    try:
        settings(given(drawing))()
    except Refuted as error:
        raise Refuted(f"{error}\nThe rows that show it, in version {version}:\n{shown(failing[-1])}") from None
