"""Why the file was not opened, for its owner: what happened, what became of the data, and only what is safe to do.

Pure: from an error to what its page says. The page itself is refused.py.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import embedmig
from embedmig import EmbedmigError

TITLES: dict[type[Exception], str] = {
    embedmig.DatabaseTooNew: "These notes are from a newer release",
    embedmig.ForeignDatabase: "This file belongs to another app",
    embedmig.NotADatabase: "This is not a file of notes",
    embedmig.DatabaseDamaged: "The file is damaged",
    embedmig.DatabaseReadOnly: "The notes can't be written",
    embedmig.DiskFull: "The disk is full",
    embedmig.DatabaseBusy: "Another program is using the file",
    embedmig.HistoryMismatch: "The file's history is not this app's",
    embedmig.MigrationFailed: "The upgrade did not work",
    embedmig.MigrationCancelled: "The upgrade was stopped",
    embedmig.DefinitionError: "This release of the app is broken",
}
OTHER = "The notes can't be opened"

# what embedmig's own hint says to a developer, said to the owner of the notes
CURES: dict[type[Exception], str] = {
    embedmig.NotADatabase: "Put the right file in its place, or restore a backup.",
    embedmig.DatabaseDamaged: "Restore a backup if there is one, or ask for help: much of the file may still be readable.",
    embedmig.DatabaseReadOnly: "Make the file and its folder writable, then try again.",
    embedmig.DiskFull: "Free some space, then try again.",
    embedmig.MigrationFailed: "Try again. If it fails again, copy the report and send it to the app's makers; your notes stay as they were.",
}

# the owner may have changed what was in the way
MAY_GO_BETTER = (
    embedmig.DatabaseReadOnly,
    embedmig.DiskFull,
    embedmig.DatabaseBusy,
    embedmig.MigrationFailed,
    embedmig.MigrationCancelled,
    embedmig.UnusablePath,
    OSError,
)
# another state of the same notes may open; not a stranger's file, which nobody has asked us to replace
MAY_BE_REPLACED = (
    embedmig.DatabaseTooNew,
    embedmig.NotADatabase,
    embedmig.DatabaseDamaged,
    embedmig.HistoryMismatch,
    embedmig.MigrationFailed,
)
NOBODYS_FAULT = (  # there is nothing in them for the app's developer
    embedmig.DatabaseTooNew,
    embedmig.ForeignDatabase,
    embedmig.NotADatabase,
    embedmig.DatabaseReadOnly,
    embedmig.DiskFull,
    embedmig.DatabaseBusy,
    embedmig.MigrationCancelled,
)


class Backup(NamedTuple):
    """A backup that this release of the app can open. `behind`: it will be brought up to date then."""

    path: str
    version: int
    at: datetime
    behind: bool

    @property
    def named(self) -> str:
        return f"version {self.version} of {self.at:%Y-%m-%d %H:%M}"

    @property
    def becomes(self) -> str:
        """What a restore does, for the question before it."""
        after = " This release of the app brings it up to date again right away." if self.behind else ""
        return (
            f"Your notes will be those of {self.at:%Y-%m-%d %H:%M}.{after} What is there now is kept as another backup."
        )


class Refusal(NamedTuple):
    """What the page says. `buttons` are in order, the first is the one that the keyboard begins on."""

    title: str
    sentence: str
    kept: str
    cure: str
    buttons: tuple[str, ...]


AGAIN, QUIT, RESET, COPY = "Try again", "Quit", "Reset…", "Copy the report"


def restore_button(backup: Backup) -> str:
    return f"Restore the backup of version {backup.version}…"


def refusal(error: Exception, backup: Backup | None = None) -> Refusal:
    """What to say of an error, and what may safely be done. `backup`: the newest that this release can open, if there is any."""
    buttons = []
    if isinstance(error, MAY_GO_BETTER):
        buttons.append(AGAIN)
    buttons.append(QUIT)
    if backup is not None and isinstance(error, MAY_BE_REPLACED):
        buttons.append(restore_button(backup))
    if getattr(error, "may_offer_reset", False):
        buttons.append(RESET)
    if not isinstance(error, NOBODYS_FAULT):
        buttons.append(COPY)
    if not isinstance(error, EmbedmigError):
        return Refusal(OTHER, _sentence(error), "Nothing is known of the file's state.", "", tuple(buttons))
    cure = _of_kind(CURES, error) or error.hint.partition(" (For the developer")[0]
    sentence = error.what().partition(" Statement: ")[0]  # SQL is for the report, and for Details
    return Refusal(title(error), _capital(sentence), error.kept, cure, tuple(buttons))


def title(error: Exception) -> str:
    return _of_kind(TITLES, error) or OTHER


def _of_kind(table: dict[type[Exception], str], error: Exception) -> str | None:
    """What the table has of the error's class, or of the nearest above it."""
    return next((table[kind] for kind in type(error).__mro__ if kind in table), None)


def _sentence(error: Exception) -> str:
    return f"{error or type(error).__name__}".rstrip(".") + "."


def _capital(sentence: str) -> str:
    """A sentence may begin with the name of a file, which stays as it is."""
    return "The" + sentence[3:] if sentence.startswith("the ") else sentence
