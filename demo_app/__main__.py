"""python -m demo_app [--db PATH] [--import FOLDER] [--search WORDS] [--rollback N] [--reset] [--as-of N] [--fill N] [--window]: one launch of the app."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlite_utils import Database

from demo_app import MIGRATOR, notes, older
from demo_app.release import as_of
from embedmig import EmbedmigError, Progress, Status


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo_app", description="Keep notes in one SQLite file.")
    parser.add_argument("--db", metavar="PATH", default="notes.db", help="the file of the notes (default: %(default)s)")
    parser.add_argument(
        "--import", metavar="FOLDER", type=Path, dest="folder", help="take its .md and .txt files as notes"
    )
    parser.add_argument("--search", metavar="WORDS", help="show only the notes with all these words")
    parser.add_argument("--rollback", metavar="N", type=int, help="go back to version N of the file, and end")
    parser.add_argument("--reset", action="store_true", help="delete the file and start again")
    parser.add_argument("--as-of", metavar="N", type=int, help="be the release whose newest version was N")
    parser.add_argument(
        "--fill", metavar="N", type=int, help="write N more notes, made of the texts of --import, or of Python's own"
    )
    parser.add_argument("--window", action="store_true", help="show the notes in a window of the browser")
    parser.add_argument("--port", metavar="N", type=int, default=0, help="of the window; any that is free, if left out")
    parser.add_argument("--no-browser", action="store_true", help="print the window's address, and open no browser")
    options = parser.parse_args(arguments)
    try:
        options.migrator = as_of(options.as_of)
    except ValueError as error:
        parser.error(str(error))
    if options.folder and not options.folder.is_dir():
        parser.error(f"there is no folder {options.folder}")
    if options.migrator is not MIGRATOR and (options.search or (options.folder and not options.fill)):
        parser.error("--as-of shows that release's notes, and knows no --search and no --import")
    return telling(lambda: (show if options.window else launch)(options))


def filled(options: argparse.Namespace) -> None:
    """What `--fill` asks for. Not told again in a window, whose launch comes after."""
    from demo_app.fill import fill

    began = time.monotonic()
    written = fill(options.db, options.migrator, options.fill, options.folder)
    print(f"{options.db}: {notes.number(written)} written in {time.monotonic() - began:.1f} s", flush=True)


def show(options: argparse.Namespace) -> None:
    try:
        from demo_app.window.serve import serve
    except ModuleNotFoundError as error:
        if error.name != "nicegui":
            raise
        sys.exit("The window needs NiceGUI: pip install 'nicegui>=3.18,<4'. Without --window the notes are shown here.")
    if options.fill:
        filled(options)
    serve(options.db, options.migrator, port=options.port, browser=not options.no_browser)


def telling(action: Callable[[], None]) -> int:
    """Do it; a refusal becomes a sentence for the user, not a traceback. Returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a title may have any character
    try:
        action()
    except (EmbedmigError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def launch(options: argparse.Namespace) -> None:
    tell_log()
    migrator = options.migrator
    if options.rollback is not None:
        report = migrator.rollback(options.db, to=options.rollback)
        print(f"{described(migrator.status(options.db))}; backup: {report.backup}")
        return  # opening it would bring it up to date again
    if options.reset:
        migrator.reset(options.db)
    if options.fill:
        filled(options)
    with migrator.open(options.db, on_progress=once_a_second()) as db:
        print(described(migrator.status(db)))
        if migrator is not MIGRATOR:
            tell_older(db)
            return
        if options.folder and not options.fill:
            new, files = notes.add_folder(db, options.folder)
            print(f"{options.folder}: {notes.number(files, 'file')}, {new:,} of them new")
        if options.search:
            tell_hits(db, options.search)
        else:
            tell_notes(db)


def tell_log() -> None:
    """Show what embedmig logs. An app configures logging; the library never does."""
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    logging.getLogger("embedmig").setLevel(logging.INFO)


def tell_hits(db: Database, words: str, most: int = 20) -> None:
    total = notes.matches(db, words)
    print(f"{notes.number(total)} {'has' if total == 1 else 'have'} {notes.shown(words)}" + (":" if total else ""))
    for hit in notes.search(db, words, most=most):
        print(f"{hit.id:6}  {notes.shown(hit.title, 30):30}  {notes.shown(hit.shown)}")
    if total > most:
        print(f"        and {total - most:,} more")


def tell_notes(db: Database, most: int = 20) -> None:
    total = notes.count(db)
    print(notes.number(total) + (":" if total else "; --import FOLDER takes some in"))
    for id, title, _, updated_at, *_ in notes.listed(db, most=most):
        topics = ", ".join(notes.topics_of(db, id))
        print(f"{id:6}  {updated_at[:10]}  {notes.shown(title) or '(no title)'}  [{notes.shown(topics)}]")
    if total > most:
        print(f"        and {total - most:,} more")


def tell_older(db: Database, most: int = 20) -> None:
    count, found = older.newest(db, most)
    print(notes.number(count) + (":" if found else ""))
    for updated_at, text in found:
        print(f"{updated_at[:10]}  {notes.shown(text) or '(no text)'}")
    if count > most:
        print(f"            and {count - most:,} more")


def described(status: Status) -> str:
    """The file's state in one line."""
    pending = ", ".join(status.pending) or "nothing"
    return f"{status.path}: version {status.version}, applied: {len(status.applied)}, pending: {pending}"


def once_a_second() -> Callable[[Progress], None]:
    """Says what a launch that takes its time is doing; a short one comes and goes without a word."""
    told = 0.0

    def tell(progress: Progress) -> None:
        nonlocal told
        if progress.elapsed_s < told + 1:
            return
        told = progress.elapsed_s
        rows = f": {progress.done:,} of {progress.total_rows:,} rows" if progress.total_rows else ""
        print(f"... {progress.phase} {progress.id or ''}{rows}", file=sys.stderr)

    return tell


if __name__ == "__main__":
    sys.exit(main())
