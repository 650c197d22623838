"""backup, backups, restore, reset: the file as a whole."""

from __future__ import annotations

import os
from datetime import datetime

import click

from embedmig import backup as copies
from embedmig.cli.command import (
    Subject,
    about_a_file,
    about_the_file,
    ask,
    command,
    yes_option,
)
from embedmig.cli.interrupted import reset_told, restore_told
from embedmig.cli.output import Answer, seconds, table
from embedmig.errors import UsageError, printable
from embedmig.surroundings import amount


@command("embedmig backup notes.db")
@about_a_file
def backup(subject: Subject) -> Answer:
    """Make a verified copy of the file now, beside it.

    An unchanged file that has one already is not copied again.
    """
    made = subject.migrator.backup(subject.path)
    text = f"Backup of {subject.name}: {printable(os.path.basename(made))} ({amount(os.path.getsize(made))}), verified."
    return Answer(text, {"backup": made, "bytes": os.path.getsize(made)})


@command("embedmig backups notes.db")
@about_a_file
def backups(subject: Subject) -> Answer:
    """List the file's backups, of the newest version first."""
    found = [_seen(subject.path, path) for path in subject.migrator.backups(subject.path)]
    if not found:
        return Answer(f"{subject.name} has no backups.", found)
    rows = [
        (
            one["version"],
            _moment(str(one["changed"])),
            amount(int(str(one["bytes"]))),
            os.path.basename(str(one["backup"])),
        )
        for one in found
    ]
    return Answer(table(("VERSION", "CONTENT OF", "SIZE", "FILE"), rows, right=("VERSION", "SIZE")), found)


def _seen(path: str, backup: str) -> dict[str, object]:
    """What a backup's name and the file system say of it; it has the time at which its content was last changed."""
    found = os.stat(backup)
    version = copies.version_in(backup[len(os.path.realpath(path)) + len(".v") :])
    changed = datetime.fromtimestamp(int(found.st_mtime)).astimezone().isoformat()
    return {"backup": backup, "version": version, "changed": changed, "bytes": found.st_size}


def _moment(stamp: str) -> str:
    return stamp[:19].replace("T", " ")


@command("embedmig restore", "embedmig restore notes.db.v0003.bak -d notes.db")
@click.argument("backup", required=False)
@yes_option
@about_the_file
def restore(subject: Subject, backup: str | None, yes: bool) -> Answer:
    """Put a backup in the file's place.

    BACKUP, or the newest one that this app can open. What was there is kept as a backup too. Asks before it begins.
    """
    chosen = printable(backup) if backup else "its newest backup"
    ask(f"Put {chosen} in the place of {subject.name}? What is in it now is kept as a backup.", yes)
    with restore_told(subject):
        report = subject.migrator.restore(subject.path, backup)
    kept = f"\nWhat was in it before: {printable(os.path.basename(report.backup))}" if report.backup else ""
    text = f"{subject.name}: restored, version {report.before} -> {report.after} in {seconds(report.duration_s)}{kept}"
    return Answer(text, report)


@command("embedmig reset notes.db", "embedmig reset notes.db --yes --no-backup")
@click.option("--no-backup", is_flag=True, help="Keep no copy of what was in it.")
@click.option("--force", is_flag=True, help="Also a file that is damaged, too new, or another app's.")
@yes_option
@about_a_file
def reset(subject: Subject, no_backup: bool, force: bool, yes: bool) -> Answer:
    """Delete all that is in the file and build it again from version 1.

    Refuses while another process has it open. One copy of what was there is kept. Asks before it begins.
    """
    if not os.path.lexists(subject.path):
        raise UsageError(f"There is no file {subject.name} to delete.", hint="`embedmig migrate` makes one.")
    kept = "Nothing of it is kept." if no_backup else "One copy of it is kept."
    there = (
        amount(os.path.getsize(subject.path)) if os.path.exists(subject.path) else "a link to a file that is not there"
    )
    ask(f"Delete {subject.name} ({there}) and build it again? {kept}", yes)
    with reset_told(subject):
        report = subject.migrator.reset(subject.path, keep_backup=not no_backup, force=force)
    text = f"{subject.name}: deleted at version {report.before}, built again at version {report.after} in {seconds(report.duration_s)}"
    if report.backup:
        text += f"\nWhat was in it: {printable(os.path.basename(report.backup))}"
    return Answer(text, report)
