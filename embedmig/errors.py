"""Everything that embedmig raises: what happened, what became of the data, what to do.

    EmbedmigError                 path, version, data_is_safe, may_offer_reset, hint, backup
    ├── DefinitionError           the shipped migrations are wrong: the developer's
    ├── UsageError                the verb was called with what it can't serve: the developer's (a ValueError too)
    ├── UnusablePath              no file can be opened or made there
    ├── NotADatabase              something else, or encrypted
    ├── DatabaseDamaged           SQLite's own check found it
    ├── DatabaseBusy              another process held it for longer than `timeout`
    ├── DatabaseReadOnly          something is pending and the file or its folder can't be written
    ├── DiskFull
    ├── ForeignDatabase           another app's file
    ├── DatabaseTooNew            unknown, app_version: written by a newer build
    ├── HistoryMismatch           shipped and applied disagree: both lists
    ├── DatabaseDrifted           drift: the schema is not what the history should have made, and `strict` says no
    ├── IrreversibleMigration     ids without `down`
    ├── RebuildFailed             table, problems: rebuild() can't keep what hangs on the table
    ├── MigrationFailed           id, direction, file, line, statement, cause
    │   ├── TransactionBroken     called: what would have ended the transaction
    │   └── ForeignKeyViolations  violations: table, rowid, parent, row
    └── MigrationCancelled        id

`path` is absolute, or None for a connection without a file. `version` is the file's version as it
stands after the error. Messages are made when they are read, so a verb may still add the path.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from embedmig.report import Drift

UNCHANGED = "Nothing was changed."
NEWEST = "Update the app to its newest release."


def printable(text: object) -> str:
    """Text from a file, safe on a terminal: control characters are escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))


def listed(names: Iterable[object], most: int = 8) -> str:
    """Names in one line: all of them, or the first few and how many more."""
    texts = [printable(name) for name in names]
    rest = len(texts) - most
    return ", ".join(texts) if rest <= 0 else ", ".join(texts[:most]) + f" and {rest} more"


class EmbedmigError(Exception):
    """The base of all. `str()` of it says what happened, what became of the data, what to do."""

    data_is_safe = True  # False: say so, and show the backup
    may_offer_reset = False  # True only where nothing can be read any more
    default_kept = UNCHANGED
    default_hint = ""

    def __init__(
        self,
        what: str = "",
        *,
        path: str | None = None,
        version: int | None = None,
        kept: str | None = None,
        hint: str | None = None,
        backup: str | None = None,
    ) -> None:
        super().__init__(what)
        self.path = path
        self.version = version
        self.kept = self.default_kept if kept is None else kept
        self.hint = self.default_hint if hint is None else hint
        self.backup = backup

    @property
    def name(self) -> str:
        """What to call the file in a sentence."""
        return printable(os.path.basename(self.path)) if self.path else "the database"

    def what(self) -> str:
        """The first sentence: what happened."""
        return str(self.args[0]) if self.args else type(self).__name__

    def __str__(self) -> str:
        return " ".join(part for part in (_capital(self.what()), self.kept, self.hint) if part)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
        return _revived, (type(self), self.args), self.__dict__


def _capital(sentence: str) -> str:
    """A sentence may begin with the name of a file or an id, which stay as they are, or with "the database"."""
    return "The" + sentence[3:] if sentence.startswith("the ") else sentence


def _revived(cls: type[EmbedmigError], args: tuple[Any, ...]) -> EmbedmigError:
    """An error on the other side of a process boundary; its fields follow as state."""
    error = cls.__new__(cls)
    error.args = args
    return error


class DefinitionError(EmbedmigError):
    """The shipped migrations are wrong. For the developer: no user should ever see it."""


class UsageError(EmbedmigError, ValueError):
    """The verb was called with what it can't serve: a connection in a transaction, an unknown version."""


class UnusablePath(EmbedmigError):
    """No database can be opened or made at this path."""


class NotADatabase(EmbedmigError):
    """The file is something else, or an encrypted database."""

    default_hint = "Choose another file, or put a backup in its place."

    def what(self) -> str:
        return f"{self.name} is not a SQLite database, or is encrypted ({printable(self.args[0])})."


class DatabaseDamaged(EmbedmigError):
    """SQLite found the file damaged."""

    data_is_safe = False
    may_offer_reset = True
    default_hint = "Restore a backup, or recover what can be read with the sqlite3 shell's .recover."

    def __str__(self) -> str:
        named = f"Restore {printable(os.path.basename(self.backup))}," if self.backup else "Restore a backup,"
        return super().__str__().replace("Restore a backup,", named)

    def what(self) -> str:
        lines = [line for line in str(self.args[0]).splitlines() if not line.startswith("***")]
        return f"{self.name} is damaged: {printable((lines or [''])[0])}."


class DatabaseBusy(EmbedmigError):
    """Another process kept the file locked for longer than `timeout` seconds. `waited_s` says how long."""

    default_hint = "Close other windows of the app and try again."

    def __init__(
        self, waited_s: float, doing: str = "is writing to it", who: str = "another process", **more: Any
    ) -> None:
        super().__init__("", **more)
        self.waited_s = waited_s
        self.doing = doing
        self.who = who

    def what(self) -> str:
        waited = f"; waited {self.waited_s:.1f} s" if self.waited_s else ""
        return f"{self.name} is busy: {self.who} {self.doing}{waited}."


class DatabaseReadOnly(EmbedmigError):
    """Something is pending, and the file or its folder can't be written."""

    default_hint = "Make the file and its folder writable, or open it read-only."

    def what(self) -> str:
        return f"{self.name} can't be written: {printable(self.args[0])}."


class DiskFull(EmbedmigError):
    """No room was left on the disk."""

    default_hint = "Free some space and start the app again."

    def what(self) -> str:
        return f"the disk is full: {printable(self.args[0])}."


class ForeignDatabase(EmbedmigError):
    """The file belongs to another app, as far as can be known."""

    def what(self) -> str:
        return f"{self.name} is another app's file: {printable(self.args[0])}."


class DatabaseTooNew(EmbedmigError):
    """The file has migrations that this build does not ship: a newer build wrote it.

    `unknown` are their ids, `app_version` the build that wrote the newest of them, `newest` the
    newest version that this build ships.
    """

    def __init__(self, unknown: Sequence[str], newest: int, app_version: str | None = None, **more: Any) -> None:
        super().__init__("", **more)
        self.unknown = tuple(unknown)
        self.newest = newest
        self.app_version = app_version
        if not self.hint:
            self.hint = f"Update the app to {printable(app_version)} or later." if app_version else NEWEST

    def what(self) -> str:
        at = f"at version {self.version}" if self.version is not None else "too new"
        return f"{self.name} is {at}, but this app knows versions up to {self.newest} (unknown here: {listed(self.unknown)})."

    def __str__(self) -> str:
        restore = f" Or restore {printable(os.path.basename(self.backup))}." if self.backup else ""
        return super().__str__() + restore


class HistoryMismatch(EmbedmigError):
    """Shipped and applied disagree. `shipped` and `applied` are all ids; `problems` says what is wrong, a line each."""

    def __init__(
        self, problems: Sequence[str], shipped: Sequence[str] = (), applied: Sequence[str] = (), **more: Any
    ) -> None:
        super().__init__("", **more)
        self.problems = tuple(problems)
        self.shipped = tuple(shipped)
        self.applied = tuple(applied)

    def what(self) -> str:
        return (
            f"the history of {self.name} is not that of the shipped migrations: {'; '.join(map(printable, self.problems))}."
            f" Shipped: {listed(self.shipped, 20) or 'none'}. Applied: {listed(self.applied, 20) or 'none'}."
        )


class DatabaseDrifted(EmbedmigError):
    """The schema is not what the file's history should have made, and `strict=True` refuses to migrate it. `drift` says how."""

    default_hint = "Restore a backup, or put the schema right: the diff of its drift shows what to change."

    def __init__(self, drift: Drift, **more: Any) -> None:
        super().__init__("", **more)
        self.drift = drift

    def what(self) -> str:
        at = "" if self.version is None else f" of version {self.version}"
        return f"{self.name} does not have the schema{at} that its history should have made ({self.drift.in_words()})."


class IrreversibleMigration(EmbedmigError):
    """A rollback would need a `down` that isn't there. `ids` are the migrations without one."""

    default_hint = "Give each a down, or restore a backup."

    def __init__(self, ids: Sequence[str], **more: Any) -> None:
        super().__init__("", **more)
        self.ids = tuple(ids)

    def what(self) -> str:
        return f"{self.name} can't be rolled back: no down in {listed(self.ids)}."


class RebuildFailed(EmbedmigError):
    """`rebuild()` of `table` would lose something, or did. `problems` says what, a line each; the table is as it was."""

    default_kept = "The table is as it was."

    def __init__(self, table: str, problems: Sequence[str], **more: Any) -> None:
        super().__init__("", **more)
        self.table = table
        self.problems = tuple(problems)

    def what(self) -> str:
        return f"the table {printable(self.table)} can't be rebuilt so: {'; '.join(map(printable, self.problems))}."


class MigrationFailed(EmbedmigError):
    """A migration raised an error. `__cause__` is the original exception.

    `direction` is "up" or "down"; `file`, `line` and `statement` (its first 300 characters) say
    where, as far as is known; `cause` is SQLite's own name of the error, or the exception's.
    """

    default_kept = "Everything was undone."
    default_hint = ""

    def __init__(
        self,
        what: str,
        *,
        id: str,
        direction: str = "up",
        file: str | None = None,
        line: int | None = None,
        statement: str | None = None,
        cause: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(what, **more)
        self.id = id
        self.direction = direction
        self.file = file
        self.line = line
        self.statement = cut(statement) if statement else None
        self.cause = cause

    @property
    def place(self) -> str:
        """`003_x.sql, line 12`, as far as it is known."""
        if not self.file:
            return ""
        file = printable(os.path.basename(self.file))
        return f"{file}, line {self.line}" if self.line else file

    def what(self) -> str:
        place = f" ({self.place})" if self.place else ""
        cause = f" [{self.cause}]" if self.cause else ""
        sentence = (
            f"{self.name}: {self.direction} of {printable(self.id)} failed{place}: {printable(self.args[0])}{cause}."
        )
        return sentence + (f" Statement: {printable(' '.join(self.statement.split()))}" if self.statement else "")

    def __str__(self) -> str:
        rest = " ".join(part for part in (self.kept, self.hint) if part)
        return _capital(self.what()) + ("\n" if self.statement else " ") + rest


class TransactionBroken(MigrationFailed):
    """A migration tried to end, or lost, the transaction that it runs in. `called` says by what."""

    def __init__(self, called: str, **more: Any) -> None:
        more.setdefault("hint", _cure(called))
        super().__init__(called, **more)
        self.called = called

    def what(self) -> str:
        place = f" ({self.place})" if self.place else ""
        return f"{self.name}: {self.direction} of {printable(self.id)} may not do this inside its transaction{place}: {printable(self.called)}."


class ForeignKeyViolations(MigrationFailed):
    """Rows point to parents that aren't there, and did not before this run.

    `violations` are (table, rowid or None, parent, row) in SQLite's order; `row` is a dict of the
    child's key columns, or the message where SQLite could not even look.
    """

    default_hint = "Add the missing parents or remove the rows in the migration itself."

    def __init__(self, violations: Sequence[tuple[str, int | None, str, object]], *, total: int, **more: Any) -> None:
        super().__init__("", **more)
        self.violations = tuple(violations)
        self.total = total

    def what(self) -> str:
        unclear = [row for _, _, _, row in self.violations if isinstance(row, str) and "mismatch" in row]
        if unclear and len(unclear) == len(self.violations):
            return f"{self.name}: after {self.direction} of {printable(self.id)}, a foreign key can't be checked, since its parent key is not unique: {printable(unclear[0])}."
        shown = "; ".join(_violation(*violation) for violation in self.violations[:5])
        more = f"; and {self.total - 5} more" if self.total > 5 else ""
        one = self.total == 1
        return (
            f"{self.name}: after {self.direction} of {printable(self.id)}, {self.total} "
            f"{'row points' if one else 'rows point'} to a parent that is not there: {shown}{more}."
        )


class MigrationCancelled(EmbedmigError):
    """The run was stopped by `cancel`, or interrupted. `id` is the migration that was running, if any."""

    default_kept = "Everything was undone."
    default_hint = "Start again when it suits: it begins anew."

    def __init__(self, id: str | None = None, **more: Any) -> None:
        super().__init__("", **more)
        self.id = id

    def what(self) -> str:
        return f"{self.name}: stopped on request" + (f" in {printable(self.id)}." if self.id else ".")


def cut(statement: str, most: int = 300) -> str:
    """A statement as an error shows it."""
    return statement if len(statement) <= most else statement[:most] + " ..."


def _violation(table: str, rowid: int | None, parent: str, row: object) -> str:
    where = f" rowid {rowid}" if rowid is not None else ""
    shown = ", ".join(f"{k}={v!r}" for k, v in row.items()) if isinstance(row, dict) else str(row or "")
    return printable(f"{table}{where} -> {parent}" + (f" ({shown})" if shown else ""))


def _cure(called: str) -> str:
    word = called.split(maxsplit=1)[0].upper() if called else ""
    if word in ("BEGIN", "COMMIT", "ROLLBACK"):
        return "embedmig begins and commits for you: use db.atomic() for a part that may fail, and db.executescript() for scripts."
    if word == "PRAGMA":
        return "Set it in prepare=, or mark the migration transactional = False."
    if word in ("ATTACH", "DETACH", "VACUUM"):
        return "Mark the migration transactional = False (SQL: -- migrate:up transaction:false)."
    if "history" in called:
        return "The history is embedmig's own: use baseline() or rollback()."
    return "Look for OR ROLLBACK, RAISE(ROLLBACK), set_authorizer or close() in the migration, or for a full disk."
