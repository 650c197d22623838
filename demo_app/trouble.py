"""python -m demo_app.trouble KIND [--db PATH]: make a file that the next launch will not open as it is, to see what the app says.

Real files with real faults; notes are this repository's own texts. What is no fault of a file is made so:

    a slow upgrade      python -m demo_app --db slow.db --as-of 2 --fill 200000; python -m demo_app --db slow.db --window
    too new             after that upgrade, go back: python -m demo_app --db slow.db --as-of 2 --window
    two launches        the last command of the first line, twice at the same time
    a full disk         sudo mount -t tmpfs -o size=3m tmpfs DIR, then `older` with --db DIR/notes.db
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from demo_app import APPLICATION_ID, tour
from demo_app.release import NEWEST, as_of
from embedmig import Migration, Migrator, definition


def older(path: Path) -> None:
    """version 2, with a backup of version 1: it will be upgraded"""
    as_of(1).migrate(path)
    tour.write_as_release_1(path)
    as_of(2).migrate(path)


def newer(path: Path) -> None:
    """of tomorrow's release, which has one migration more, with the backup of today's version"""
    older(path)
    as_of(None).migrate(path)
    today = [definition.with_checksum(known) for known in definition.find(as_of(None).migrations)]
    reminders = Migration(
        f"{NEWEST + 1:03}_add_reminders", NEWEST + 1, "Add reminders.", "CREATE TABLE reminders (due_at)"
    )
    tomorrow = Migrator([*today, reminders], application_id=APPLICATION_ID, app_version=f"{NEWEST + 1}.0")
    tomorrow.migrate(path)


def stranger(path: Path) -> None:
    """another app's: it has tables, and no history"""
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute("CREATE TABLE customers (name TEXT)")
        conn.execute("INSERT INTO customers VALUES ('Ada')")


def text(path: Path) -> None:
    """somebody's letter under the name of the notes, with a backup of them beside it"""
    older(path)
    path.write_text("This is no database, but somebody's letter.\n" * 40, encoding="utf-8")


def damaged(path: Path) -> None:
    """an upgrade is pending, and a page in the middle of the notes is not what it was"""
    older(path)
    with closing(sqlite3.connect(path)) as conn:
        (size,) = conn.execute("PRAGMA page_size").fetchone()
        (page,) = conn.execute("SELECT rootpage FROM sqlite_master WHERE name = 'notes'").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xde\xad" * (size // 2))


def failing(path: Path) -> None:
    """somebody has made a table of the name that the next migration wants; DROP TABLE user_settings mends it"""
    older(path)
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute("CREATE TABLE user_settings (mine TEXT)")


def read_only(path: Path) -> None:
    """an upgrade is pending, and nothing may be written into the folder; chmod u+w mends it"""
    older(path)
    path.chmod(0o444)
    path.parent.chmod(0o555)


KINDS: dict[str, Callable[[Path], None]] = {
    make.__name__.replace("_", "-"): make for make in (older, newer, stranger, text, damaged, failing, read_only)
}


def main() -> None:
    python = tour.python()
    parser = argparse.ArgumentParser(
        prog=f"{python} -m demo_app.trouble",
        description=__doc__.partition("\n\n")[2].replace("python -m", f"{python} -m"),  # type: ignore[union-attr]
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"{name:10} {make.__doc__}" for name, make in KINDS.items()),
    )  # fmt: skip
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--db", metavar="PATH", type=Path, help="the file to make (default: trouble/KIND/notes.db)")
    options = parser.parse_args()
    path = options.db or Path("trouble", options.kind, "notes.db")
    if path.exists():
        sys.exit(f"{path} is there already: it stays as it is")
    path.parent.mkdir(parents=True, exist_ok=True)
    KINDS[options.kind](path)
    print(f"Try next: {python} -m demo_app --window --db {path}")


if __name__ == "__main__":
    main()
