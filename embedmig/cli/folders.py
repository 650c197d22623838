"""new, adopt: files in the folder of migrations."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

import click

from embedmig import definition, disk
from embedmig.cli import config
from embedmig.cli.command import command, migrations_option
from embedmig.cli.output import Answer
from embedmig.errors import UsageError, printable
from embedmig.finding import near
from embedmig.formats.conversion import convert
from embedmig.formats.registry import NAMES
from embedmig.renumber import following

PYTHON = '''\
"""{description}."""

from sqlite_utils import Database


def up(db: Database) -> None:
    raise NotImplementedError("write this migration")


def down(db: Database) -> None:
    raise NotImplementedError("undo what up() did, or delete this function")
'''
SQL = """\
-- {description}.

-- migrate:up
SELECT * FROM write_this_migration;

-- migrate:down
SELECT * FROM undo_what_stands_above_or_delete_this_section;
"""


@command("embedmig new add_user_settings", 'embedmig new "Split titles" --sql', stopped="")
@click.argument("name")
@click.option("--sql", is_flag=True, help="In SQL; else in Python.")
@migrations_option
def new(name: str, sql: bool, migrations: str | None) -> Answer:
    """Write the next migration's file, to be filled in.

    It gets the next number, or the time where the folder's files are numbered by time.
    """
    words = _words(name)
    found = config.read()
    folder = config.folder_for_the_next(migrations, found)
    here = os.listdir(folder) if os.path.isdir(folder) else []
    id = f"{_next_version(here)}_{words}"
    file = Path(folder, id + (".sql" if sql else ".py"))
    text = (SQL if sql else PYTHON).format(description=definition.described(id))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        disk.write_new(str(file), text)
    except OSError as error:
        raise UsageError(f"{file} can't be written: {error.strerror}.", hint="Check the folder.") from error
    lines = [f"Wrote {printable(near(str(file)))}"]
    if folder != config.folder(migrations, found):
        place = printable(near(folder)).replace(os.sep, "/")
        lines.append(
            f'The migrations in {place} are the only ones here. Say once that they are meant: migrations = "{place}" '
            "under [tool.embedmig] in pyproject.toml."
        )
    return Answer("\n".join(lines), {"file": str(file.resolve()), "id": id})


def _words(name: str) -> str:
    """`Split titles!` -> `split_titles`: what every file system and Python take as a name."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = "_".join(re.findall(r"[a-z0-9]+", plain))
    if not words:
        raise click.UsageError(f"{name!r} has no letter or digit to call a file by.")
    return words


def _next_version(names: list[str]) -> str:
    """The number of the next file, as many digits as its neighbours have; the time where they have times."""
    numbers = [n.partition("_")[0] for n in names if n.endswith((".py", ".sql"))]
    numbers = [n for n in numbers if n.isascii() and n.isdigit()]
    return str(following([int(number) for number in numbers])).zfill(max(map(len, numbers), default=3))


@command("embedmig adopt db/migrations --from goose --into notes_app/migrations", stopped="")
@click.argument("folder")
@click.option("--from", "tool", metavar="TOOL", required=True, help=f"Whose they are: {', '.join(NAMES)}.")
@click.option("--into", metavar="FOLDER", help="Where the numbered files go; else where the migrations are to be.")
@migrations_option
def adopt(folder: str, tool: str, into: str | None, migrations: str | None) -> Answer:
    """Convert another tool's folder of migrations, for good.

    The old folder stays as it is. The new files say which record of that tool they stand for, so that
    Migrator(..., adopts=TOOL) takes over the files that your users have.
    """
    target = config.folder(migrations, config.read()) if into is None else into
    written = convert(folder, tool, target)
    lines = [f"Wrote {printable(near(file))}" for file in written]
    lines.append(f'Now give Migrator(..., adopts="{tool}"), so that files which {tool} has migrated are taken over.')
    return Answer("\n".join(lines), {"written": [os.path.abspath(file) for file in written]})
