"""status, migrate, rollback, baseline: at which version is the file?"""

from __future__ import annotations

import os
import sqlite3

import click

from embedmig import adoption, definition, drift, history, questions
from embedmig.cli import bar
from embedmig.cli.command import Subject, about_a_file, ask, command, yes_option
from embedmig.cli.interrupted import undone_by_ctrl_c
from embedmig.cli.output import Answer, count, files, seconds, table, took, when
from embedmig.errors import EmbedmigError, listed, printable
from embedmig.report import Report, Status

MOST = 8  # applied migrations that `status` shows, the newest; `history` shows all


@command("embedmig status notes.db", "embedmig status --exit-code")
@click.option("--exit-code", is_flag=True, help="Exit with 1 unless a launch would find nothing to do.")
@about_a_file
def status(subject: Subject, exit_code: bool) -> Answer:
    """Which version has the file, and what is pending?

    Nothing is written, and no file is made.
    """
    found = subject.migrator.status(subject.path)
    refusal = None if found.current else _refusal(subject)
    data = {**found._fields(), "refusal": refusal}
    return Answer(_status(subject, found, refusal), data, int(exit_code and not found.current))


def _refusal(subject: Subject) -> EmbedmigError | None:
    """Why a launch would refuse the file, if it would."""
    migrator = subject.migrator

    def question(conn: sqlite3.Connection, path: str | None) -> None:
        if not questions.is_ready(migrator, conn, path, quietly=False) and migrator.strict:
            drift.refuse(migrator, conn, path)

    try:
        questions.ask(subject.path, question, lambda _: None, migrator.timeout)
    except EmbedmigError as error:
        return error
    return None


def _first_step(subject: Subject) -> str | None:
    """What a launch does before anything else with a file from before embedmig; None for any other file."""
    migrator = subject.migrator

    def question(conn: sqlite3.Connection, path: str | None) -> str | None:
        if history.read(conn) is not None or not history.objects(conn):
            return None
        if adoption.has_record(migrator, conn):
            return f"takes over {migrator.adopts}'s record"
        return "asks detect_version()" if migrator.detect_version is not None else None

    return questions.ask(subject.path, question, lambda _: None, migrator.timeout)


def _status(subject: Subject, found: Status, refusal: EmbedmigError | None) -> str:
    if not os.path.exists(subject.path):
        head = f"There is no file {subject.name} yet; {count(len(found.pending), 'migration', 'migrations')} would make it."
    elif refusal is not None:
        head = f"{subject.name} is at version {found.version}, and a launch refuses it."
    elif not found.current and not found.applied and (first := _first_step(subject)):
        head = f"{subject.name} has no history yet: a launch first {first}, and then runs what is missing."
    elif found.pending:
        head = f"{subject.name} is at version {found.version}; {count(len(found.pending), 'migration is', 'migrations are')} pending."
    else:
        head = f"{subject.name} is at version {found.version}, the newest; nothing is pending."
    parts = [head, _migrations(subject, found)]
    if refusal is not None:
        parts.append(f"Refused: {refusal}")
    if found.backups:
        parts.append(f"Backups: {files(found.backups)}")
    parts += [f"Warning: {warning}" for warning in found.warnings]
    return "\n\n".join(part for part in parts if part)


def _migrations(subject: Subject, found: Status) -> str:
    versions = {known.id: known.version for known in definition.find(subject.migrator.migrations)}
    rows = [
        (a.version, a.id, when(a.applied_at), took(a.duration_ms), _remark(a.id, found)) for a in found.applied[-MOST:]
    ]
    rows += [(versions.get(id, 0), id, "pending", "", "") for id in found.pending]
    if not found.applied and os.path.exists(subject.path):
        taken = f"as {subject.migrator.adopts} says"
        rows += [(version, id, taken, "", "") for id, version in versions.items() if id not in found.pending]
    rows.sort(key=lambda row: row[0])
    heads = ("VERSION", "MIGRATION", "APPLIED", "TOOK", "")
    if not any(row[4] for row in rows):
        rows, heads = [row[:4] for row in rows], heads[:4]  # type: ignore[misc,assignment]
    earlier = len(found.applied) - MOST
    note = f"\n  (and {count(earlier, 'earlier one', 'earlier ones')}: embedmig history)" if earlier > 0 else ""
    return table(heads, rows, right=("VERSION", "TOOK")) + note if rows else ""


def _remark(id: str, found: Status) -> str:
    if id in found.unknown:
        return "not shipped here"
    return "edited since" if id in found.edited else ""


@command("embedmig migrate notes.db", "embedmig migrate notes.db --to 3")
@click.option("--to", type=click.IntRange(min=0), metavar="N", help="The version at which to stop.")
@about_a_file
def migrate(subject: Subject, to: int | None) -> Answer:
    """Run what is pending, all of it or nothing.

    A backup is made first. A file that isn't there yet is made. Ctrl-C undoes the run.
    """
    with undone_by_ctrl_c(subject), bar.shown() as on_progress:
        report = subject.migrator.migrate(subject.path, to=to, on_progress=on_progress)
    if not report.ran and report.before == report.after:
        return Answer(f"{subject.name} is at version {report.after}; nothing was pending.", report)
    return Answer(told(subject.name, report), report)


def told(name: str, report: Report, verb: str = "") -> str:
    """What a run did, the migrations one to a line."""
    lines = [f"{name}: version {report.before} -> {report.after} in {seconds(report.duration_s)}"]
    lines += [f"  {verb}{printable(id)}" for id in report.ran]
    if report.backup:
        lines.append(f"Backup: {printable(os.path.basename(report.backup))}")
    return "\n".join(lines)


@command("embedmig rollback notes.db --to 3", "embedmig rollback --to 0 --yes")
@click.option(
    "--to", type=click.IntRange(min=0), metavar="N", required=True, help="The version that remains; 0 leaves none."
)
@yes_option
@about_a_file
def rollback(subject: Subject, to: int, yes: bool) -> Answer:
    """Run the down of every migration above a version, newest first.

    All or nothing, after a backup. What those migrations' columns and tables held is then in the backup alone. Asks before
    it begins.
    """
    found = subject.migrator.status(subject.path)
    above = [applied.id for applied in reversed(found.applied) if applied.version > to]
    if above:
        what = f"Roll {subject.name} back from version {found.version} to {to}? It runs the down of {listed(above)}."
        ask(what, yes)
    with undone_by_ctrl_c(subject), bar.shown() as on_progress:
        report = subject.migrator.rollback(subject.path, to=to, on_progress=on_progress)
    if not report.ran:
        return Answer(f"{subject.name} is at version {report.after}; there is nothing to roll back.", report)
    return Answer(told(subject.name, report, "down of "), report)


@command("embedmig baseline 3 notes.db")
@click.argument("version", type=click.IntRange(min=1))
@about_a_file
def baseline(subject: Subject, version: int) -> Answer:
    """Record that a file has every migration up to VERSION already.

    Nothing is run: for files that were made before the app had migrations.
    """
    report = subject.migrator.baseline(subject.path, version)
    shipped = [known.id for known in definition.find(subject.migrator.migrations) if known.version <= version]
    text = f"{subject.name}: recorded as version {report.after} without running anything: {listed(shipped)}."
    return Answer(text, report)
