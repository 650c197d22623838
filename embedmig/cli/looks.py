"""history, rehearse, drift, schema: looked at, and not touched."""

from __future__ import annotations

import os

import click

from embedmig import definition, disk
from embedmig.cli import config
from embedmig.cli.command import (
    Subject,
    about_a_file,
    about_migrations,
    command,
    database_option,
    migrations_option,
    one_of,
)
from embedmig.cli.output import Answer, seconds, table, took, when, write
from embedmig.errors import UsageError, printable
from embedmig.migrator import Migrator, get_applied_migrations
from embedmig.report import Rehearsal
from embedmig.surroundings import amount


@command("embedmig history notes.db", "embedmig history --picture docs/history.svg")
@click.argument("db", metavar="[DB]", required=False)
@click.option("--picture", metavar="FILE", help="Draw how the schema came to be, as SVG, from the migrations alone.")
@database_option
@migrations_option
def history(db: str | None, database: str | None, migrations: str | None, picture: str | None) -> Answer:
    """Which migrations has the file had, when, and by which release?

    Reads any file's history, also one that is too new, or another app's.
    """
    found = config.read()
    if picture is not None:
        from embedmig import pictures

        return _saved(picture, pictures.evolution_svg(config.migrator(migrations, found)))
    path = config.database(one_of(db, database), found)
    if not os.path.exists(path):
        raise UsageError(
            f"There is no file {click.format_filename(path)}.", hint="Give the path of the file that is meant."
        )
    rows = get_applied_migrations(path)
    if not rows:
        return Answer(f"{click.format_filename(path)} has no history.", rows)
    heads = ("VERSION", "APPLIED", "TOOK", "RELEASE", "MIGRATION")
    cells = [(a.version, when(a.applied_at), took(a.duration_ms), a.app_version or "", a.id) for a in rows]
    return Answer(table(heads, cells, right=("VERSION", "TOOK")), rows)


@command("embedmig rehearse notes.db")
@about_a_file
def rehearse(subject: Subject) -> Answer:
    """Run what is pending on a copy of the file: what would happen?

    How long it takes, how many rows it writes, what it changes, and the room on the disk that it needs.
    """
    found = subject.migrator.rehearse(subject.path)
    if not found.report.ran:
        return Answer(f"{subject.name} is at version {found.report.after}; nothing is pending.", found)
    return Answer(_rehearsal(subject, found), found)


def _rehearsal(subject: Subject, found: Rehearsal) -> str:
    report = found.report
    head = (
        f"Rehearsed on a copy of {subject.name}, which was not touched: version {report.before} -> {report.after} "
        f"in {seconds(report.duration_s)}."
    )
    broken = any(one.new_violations for one in found.per_migration)
    heads = ("TIME", "ROWS WRITTEN", "GROWS BY", "BROKEN KEYS", "MIGRATION")
    rows = [
        (
            took(one.duration_ms),
            f"{one.rows_written:,}",
            amount(one.bytes_after - one.bytes_before),
            one.new_violations,
            one.id,
        )
        for one in found.per_migration
    ]
    if not broken:
        heads, rows = (*heads[:3], heads[4]), [(*row[:3], row[4]) for row in rows]  # type: ignore[assignment,misc]
    free = disk.free_bytes(subject.path)
    room = f"The real run needs up to {amount(found.bytes_needed)} on the disk, its backup included; {amount(free)} are free."
    parts = [
        head,
        table(heads, rows, right=heads[:-1]),
        _rows(found),
        f"The schema:\n\n{_indented(found.schema_diff)}",
        room,
    ]
    return "\n\n".join(part for part in parts if part)


def _rows(found: Rehearsal) -> str:
    """The tables whose number of rows changes."""
    names = sorted({*found.rows_before, *found.rows_after})
    counts = [(name, found.rows_before.get(name), found.rows_after.get(name)) for name in names]
    changed = [(name, _number(before), _number(after)) for name, before, after in counts if before != after]
    return (
        table(("TABLE", "ROWS BEFORE", "ROWS AFTER"), changed, right=("ROWS BEFORE", "ROWS AFTER")) if changed else ""
    )


def _number(rows: int | None) -> str:
    return "-" if rows is None else f"{rows:,}"


def _indented(text: str) -> str:
    return "\n".join(f"  {printable(line)}" for line in text.splitlines()) or "  as it was"


@command("embedmig drift notes.db")
@about_a_file
def drift(subject: Subject) -> Answer:
    """Is the file's schema what its history should have made?

    The applied migrations are run again in memory, and the two compared. Exits with 1 if they differ.
    """
    found = subject.migrator.drift(subject.path)
    if not found:
        return Answer(f"{subject.name} has the schema that its history makes.", found)
    head = f"{subject.name} does not have the schema that its history makes (-: what that makes, +: what the file has)."
    return Answer(f"{head}\n\n{_indented(found.diff)}", found, 1)


@command("embedmig schema", "embedmig schema --write schema.sql", "embedmig schema --diagram --write docs/schema.svg")
@click.option("--write", "file", metavar="FILE", help="Write it there, for review in the repository.")
@click.option("--diagram", is_flag=True, help="Draw tables and keys: mermaid, or SVG into a file that ends with .svg.")
@about_migrations
def schema(migrator: Migrator, file: str | None, diagram: bool) -> Answer:
    """Show the schema that all migrations make, as SQL.

    `check` fails once the file written here is out of date, if pyproject.toml names it: schema = "schema.sql".
    """
    from embedmig import pictures
    from embedmig.drift import newest_schema

    if not diagram:
        text = newest_schema(migrator)
    elif file and file.lower().endswith(".svg"):
        text = pictures.entities_svg(migrator)
    else:
        text = pictures.entities_mermaid(migrator)
    if file is not None:
        return _saved(file, text)
    version = definition.find(migrator.migrations)[-1].version
    return Answer(text.rstrip("\n"), {"version": version, "mermaid" if diagram else "sql": text})


def _saved(file: str, text: str) -> Answer:
    changed = write(file, text)
    said = f"Wrote {click.format_filename(file)}." if changed else f"{click.format_filename(file)} is up to date."
    return Answer(said, {"file": os.path.abspath(file), "changed": changed})
