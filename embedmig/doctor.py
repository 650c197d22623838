"""A report on one file, sound or not, that can be pasted into a bug report: what is known, and what could not be found out.

Nothing is written, and no row is shown: versions, numbers and names of the schema only. Each section stands by itself, so that a damaged, foreign
or too new file is reported as far as it goes.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import stat
import sys
import textwrap
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime

from embedmig import backup, definition, disk, file, foreign_keys, history, plan, surroundings, transaction, verbs
from embedmig.drift import drift
from embedmig.errors import EmbedmigError, listed, printable
from embedmig.progress import Watch
from embedmig.questions import Look, ask, explaining
from embedmig.report import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from embedmig.migrator import Migrator

PATIENCE_S = 1.0  # for who has it locked: it's told, and the other sections wait as well
MOST = 20  # lines of what SQLite's check finds
WIDTH = 80


class Section(Value):
    """One part of the report: what was found out, what is wrong, and why the rest could not be told."""

    title: str
    facts: dict[str, object]
    troubles: tuple[str, ...] = ()
    unknown: str | None = None


class Examined(Value):
    """The report: its sections, in order."""

    sections: tuple[Section, ...]

    @property
    def healthy(self) -> bool:
        """False where something is wrong, or could not be told."""
        return not any(section.troubles or section.unknown for section in self.sections)

    def text(self) -> str:
        """For a person, and for a bug report."""
        return _without_home("\n\n".join(map(_written, self.sections)))

    def as_json(self) -> dict[str, object]:
        """The same for programs: each section by its title."""
        told: dict[str, object] = {"healthy": self.healthy}
        for section in self.sections:
            told[section.title] = section.facts | {"troubles": list(section.troubles), "unknown": section.unknown}
        return told


def examine(migrator: Migrator | None, path: str, *, trouble: str = "") -> Examined:
    """Report on the file at `path`, in whatever state it is. `trouble`: why there is no migrator, where there is none.

    Where a crash left a journal, SQLite rolls it back when the file is read, as at any launch: the report says that it was there.
    """
    return Examined(_Examination(migrator, os.path.abspath(path), trouble).sections())


class _Examination:
    """One file, looked at from all sides; each method fills a section's facts and returns what is wrong."""

    def __init__(self, migrator: Migrator | None, path: str, trouble: str) -> None:
        self.migrator, self.path, self.trouble = migrator, path, trouble

    def sections(self) -> tuple[Section, ...]:
        parts = {
            "versions": self.versions, "file": self.file, "sidecars": self.sidecars, "room": self.room, "backups": self.backups,
        }  # fmt: skip
        if os.path.isfile(self.path):
            parts |= {
                "settings": self.settings, "history": self.history, "migrations": self.migrations, "schema": self.schema,
                "integrity": self.integrity, "foreign keys": self.foreign_keys,
            }  # fmt: skip
        return tuple(self._section(title, part) for title, part in parts.items())

    def _section(self, title: str, part: Callable[[dict[str, object]], list[str]]) -> Section:
        facts: dict[str, object] = {}
        troubles: list[str] = []
        unknown = None
        try:
            with explaining(self.path):
                troubles = part(facts)
        except EmbedmigError as error:
            unknown = error.what()
        except OSError as error:
            unknown = f"{error.strerror}."
        return Section(title, facts, tuple(map(printable, troubles)), unknown and printable(unknown))

    def _asked(self, sql: str) -> list[tuple[object, ...]]:
        """The rows of a question, by a connection of its own that can't write; with the app's functions, if they can be had."""

        def asked() -> list[tuple[object, ...]]:
            with closing(file.connect_to_read(self.path)) as conn:
                self._prepare(conn)
                return file.rows(conn, sql)

        return transaction.patiently(asked, Watch(), PATIENCE_S, "is using it")

    def _prepare(self, conn: sqlite3.Connection) -> None:
        try:
            if self.migrator is not None:
                verbs.prepare(self.migrator, conn, self.path, read_only=True)
        except Exception:  # the app's own code, on a file that it never saw: the report goes on without
            transaction.undo(conn)

    # -- without opening it ----------------------------------------------------------------------------------

    def versions(self, facts: dict[str, object]) -> list[str]:
        from importlib.metadata import PackageNotFoundError, version

        facts["embedmig"] = sys.modules["embedmig"].__version__
        try:
            facts["sqlite-utils"] = version("sqlite-utils")
        except PackageNotFoundError:  # frozen without its metadata
            facts["sqlite-utils"] = "not known"
        facts["SQLite"] = sqlite3.sqlite_version
        facts["Python"] = f"{platform.python_version()} ({platform.python_implementation()})"
        facts["platform"] = platform.platform()
        if self.migrator is not None and self.migrator.app_version is not None:
            facts["app"] = self.migrator.app_version
        return []

    def file(self, facts: dict[str, object]) -> list[str]:
        facts["path"] = self.path
        if os.path.islink(self.path):
            facts["leads to"] = os.path.realpath(self.path)
        if not os.path.exists(self.path):
            return ["There is no such file."]
        found = os.stat(self.path)
        facts["bytes"] = found.st_size
        facts["modified"] = _when(found.st_mtime)
        facts["permissions"] = stat.filemode(found.st_mode)
        who = disk.user_of(self.path) if stat.S_ISREG(found.st_mode) else None
        facts["open in"] = who or "no other process, as far as can be seen"
        file.size(self.path)  # raises what makes it unfit to be opened
        return []

    def sidecars(self, facts: dict[str, object]) -> list[str]:
        target = os.path.realpath(self.path)
        there = {end: os.stat(target + end).st_size for end in file.SIDECARS if os.path.exists(target + end)}
        facts.update({os.path.basename(target) + end: f"{size} bytes" for end, size in there.items()})
        if there and not os.path.exists(target):
            return ["They stand there without their file."]
        return []

    def room(self, facts: dict[str, object]) -> list[str]:
        facts["free"] = surroundings.amount(disk.free_bytes(self.path))
        wrong = [f"{sentence}." for sentence in surroundings.warnings(self.path)]
        if not disk.may_write_in(os.path.dirname(os.path.realpath(self.path))):
            wrong.append("This user may not write in its folder.")
        return wrong

    def backups(self, facts: dict[str, object]) -> list[str]:
        for name in backup.all_of(self.path):
            found = os.stat(name)
            facts[printable(os.path.basename(name))] = f"{found.st_size} bytes, {_when(found.st_mtime)}"
        return []

    # -- by questions ----------------------------------------------------------------------------------------

    def settings(self, facts: dict[str, object]) -> list[str]:
        for name in (
            "application_id",
            "user_version",
            "encoding",
            "journal_mode",
            "page_size",
            "page_count",
            "freelist_count",
        ):
            facts[name.replace("_", " ")] = self._asked(f"PRAGMA main.{name}")[0][0]
        return []

    def history(self, facts: dict[str, object]) -> list[str]:
        applied = ask(self.path, lambda conn, _: history.read(conn), lambda _: None, PATIENCE_S)
        if applied is None:
            facts["version"] = "none: it has no history"
            return []
        facts["version"] = plan.version_of(applied)
        for one in applied:
            took = "" if one.duration_ms is None else f", {one.duration_ms} ms"
            by = "" if one.app_version is None else f", app {one.app_version}"
            facts[one.id] = f"{one.applied_at}{took}{by}"
        return [
            f"{one.id} began and did not finish: the next launch runs it again." for one in applied if not one.finished
        ]

    def migrations(self, facts: dict[str, object]) -> list[str]:
        migrator = self._migrator()
        shipped = definition.find(migrator.migrations)
        facts["shipped"] = f"{len(shipped)}, the newest is {shipped[-1].id}"
        status = migrator.status(self.path)
        facts["pending"] = listed(status.pending) or "none"
        wrong = [f"{id} was edited after it was applied." for id in status.edited]
        try:
            ask(self.path, lambda conn, _: Look(migrator, conn, shipped), lambda _: None, PATIENCE_S)
        except EmbedmigError as error:  # what a launch would say
            wrong.append(error.what())
        return wrong

    def schema(self, facts: dict[str, object]) -> list[str]:
        kinds = Counter(
            row[0]
            for row in self._asked("SELECT type FROM main.sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        )
        facts["objects"] = (
            ", ".join(f"{kind}: {kinds[kind]}" for kind in ("table", "index", "trigger", "view") if kinds[kind])
            or "none"
        )
        found = drift(self._migrator(), self.path)
        facts["drift"] = "differs from what its history makes" if found else "none"
        return [f"{found.in_words()}."] if found else []

    def integrity(self, facts: dict[str, object]) -> list[str]:
        lines = [str(row[0]) for row in self._asked(f"PRAGMA main.integrity_check({MOST})")]
        wrong = [line for line in lines if line != "ok" and not _is_false_alarm(line)]
        facts["integrity_check"] = f"{len(wrong)} findings" if wrong else "ok"
        return wrong

    def foreign_keys(self, facts: dict[str, object]) -> list[str]:
        found = ask(self.path, lambda conn, _: foreign_keys.violations(conn), lambda _: Counter(), PATIENCE_S)
        wrong: Counter[str] = Counter()
        for (table, _, parent, columns), count in found.items():
            unchecked = f"{table} can't be checked: {columns}."
            wrong[unchecked if isinstance(columns, str) else f"of {table} point to no row of {parent}."] += count
        facts["foreign_key_check"] = "ok" if not wrong else f"{wrong.total()} findings"
        return [f"{count} {said}" if said.startswith("of ") else said for said, count in wrong.items()]

    def _migrator(self) -> Migrator:
        if self.migrator is None:
            raise EmbedmigError(self.trouble or "No migrations were named.")
        return self.migrator


def _is_false_alarm(line: str) -> bool:
    """SQLite before 3.41.1 finds NULLs in healthy WITHOUT ROWID tables."""
    return line.startswith("NULL value in") and sqlite3.sqlite_version_info < (3, 41, 1)


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _without_home(text: str) -> str:
    """A bug report is read by strangers: whose home it is, is nobody's business."""
    home = os.path.expanduser("~")
    return text.replace(home + os.sep, "~" + os.sep) if len(home) > 1 else text


def _written(section: Section) -> str:
    lines = [section.title]
    width = max((len(printable(key)) for key in section.facts), default=0)
    lines += [f"  {printable(key):{width}}  {printable(value)}" for key, value in section.facts.items()]
    said = [
        *(f"WRONG: {trouble}" for trouble in section.troubles),
        *([f"NOT KNOWN: {section.unknown}"] if section.unknown else ()),
    ]
    for sentence in said:
        lines += textwrap.wrap(
            sentence,
            WIDTH,
            initial_indent="  ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines if len(lines) > 1 else [*lines, "  none"])
