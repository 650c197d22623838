"""check, renumber, doctor: what may be wrong with migrations, or with a file?"""

from __future__ import annotations

import os

import click

from embedmig.cli import config
from embedmig.cli.command import command, database_option, migrations_option, one_of
from embedmig.cli.output import Answer, count
from embedmig.errors import EmbedmigError, printable
from embedmig.finding import Finding, near

STYLES: dict[str, dict[str, object]] = {"error": {"fg": "red"}, "warning": {"fg": "yellow"}, "note": {"dim": True}}


@command("embedmig check", "embedmig check --db notes.db --schema schema.sql")
@click.option("--db", metavar="FILE", help="A database: were migrations edited since it had them?")
@click.option("--schema", metavar="FILE", help="Is this file the newest schema, as `embedmig schema --write` made it?")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@migrations_option
def check(db: str | None, schema: str | None, strict: bool, migrations: str | None) -> Answer:
    """Are the migrations fit to be shipped?

    For CI, and before a commit. Loads them, reads their SQL against the schema that it meets, runs them up, down and up in
    memory, and warns of what loses rows. Exits with 1 if anything is wrong.
    """
    from embedmig.check import check as checked

    found = config.read()
    if schema is None and found.schema is not None:
        schema = found.path(found.schema)
    findings = checked(config.migrator(migrations, found), db=db, schema=schema)
    errors = sum(one.level == "error" for one in findings)
    warnings = sum(one.level == "warning" for one in findings)
    lines = [_line(one) for one in findings]
    tally = f"{count(errors, 'error', 'errors')}, {count(warnings, 'warning', 'warnings')}."
    lines.append(tally if errors or warnings else "The migrations are fit to be shipped.")
    return Answer("\n".join(lines), {"findings": findings}, int(bool(errors or (strict and warnings))))


def _line(one: Finding) -> str:
    place, level, said = str(one).partition(f"{one.level}:")
    return place + click.style(level, **STYLES[one.level]) + said  # type: ignore[arg-type]  # styles by their names


@command("embedmig renumber 003_add_tags", "embedmig renumber 003_add_tags --db notes.db", stopped="")
@click.argument("id")
@click.option("--to", type=click.IntRange(min=1), metavar="N", help="The number to give it; else the next free one.")
@click.option("--db", metavar="FILE", help="A database: refuse if it has had this migration.")
@migrations_option
def renumber(id: str, to: int | None, db: str | None, migrations: str | None) -> Answer:
    """Give a migration the next free number.

    For when two claim one number, or one comes late. ID is the name of its file without .py or .sql. Only files are renamed;
    a migration that users have had must keep its name.
    """
    from embedmig.renumber import renumber as renumbered

    moved = renumbered(config.folder(migrations, config.read()), id, to=to, db=db)
    lines = [f"{printable(near(old))} -> {os.path.basename(new)}" for old, new in moved]
    return Answer("\n".join(lines), {"renamed": [{"from": old, "to": new} for old, new in moved]})


@command("embedmig doctor notes.db", "embedmig doctor notes.db > report.txt")
@click.argument("db", metavar="[DB]", required=False)
@database_option
@migrations_option
def doctor(db: str | None, database: str | None, migrations: str | None) -> Answer:
    """Write all that can be told of a file, fit for a bug report.

    Only read: versions, history, integrity, foreign keys, sidecars, room on the disk, backups. It works on files that are
    damaged, too new or another app's, and says what it could not find out. Exits with 1 if anything is wrong.
    """
    from embedmig.doctor import examine

    found = config.read()
    path = config.database(one_of(db, database), found)
    try:
        migrator, trouble = config.migrator(migrations, found), ""
    except (click.UsageError, EmbedmigError) as error:
        migrator, trouble = None, error.format_message() if isinstance(error, click.UsageError) else str(error)
    examined = examine(migrator, path, trouble=trouble)
    return Answer(examined.text(), examined.as_json(), int(not examined.healthy))
