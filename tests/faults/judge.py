"""What must hold after every point, whatever was broken: each complaint is a sentence, and there must be none."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import sqlite3
from pathlib import Path

from embedmig import DiskFull, EmbedmigError
from faults.child import Fault, Outcome, chain
from faults.subjects import NOTHING, Legal, Subject, app, backups, content, demo, version

SIDECARS = ("-journal", "-wal", "-shm")

# What an error of embedmig's must say of its cause, in itself or in what it was raised from.
CAUSES = {
    errno.ENOSPC: r"disk (is )?full|No space left|no room",
    errno.EIO: r"disk I/O error|Input/output error|unable to open database file|SQLITE_IOERR|SQLITE_CORRUPT",
    errno.EACCES: r"unable to open database file|Permission denied|readonly|may not|disk I/O error",
    errno.EMFILE: r"unable to open database file|Too many open files",
    errno.EINTR: r"Interrupted|disk I/O error",
}


class Examined:
    """What a folder says once the process is gone: looked at on a copy, then the app is started again on the folder itself."""

    def __init__(self, subject: Subject, legal: Legal, path: Path, launched: set[tuple[str, ...]]) -> None:
        self.complaints: list[str] = []
        self.parts = parts(path)
        self.content: str | None = None
        self.version = 0
        names = os.listdir(path.parent)
        self._look(legal, path)
        # a sound file without sidecars: what the next launch makes of its content is known once it was seen
        settled = (self.content or "", *sorted(names))
        clean = self.content is not None and not any(_is_hot(f"{path}{end}") for end in SIDECARS)
        if not (clean and settled in launched):
            so_far = len(self.complaints)
            self._launch(subject, legal, path)
            if len(self.complaints) == so_far:
                launched.add(settled)

    def _look(self, legal: Legal, path: Path) -> None:
        folder = path.parent.with_name(path.parent.name + "-copy")
        shutil.copytree(path.parent, folder)
        copy = folder / path.name
        try:
            self.content = content(copy)
            self.version = version(copy)
        except (AssertionError, sqlite3.Error) as error:
            self.complaints.append(f"the file is unwell: {error}")
        if self.content is not None and self.content not in legal.stages:
            self.complaints.append(
                f"its content is neither that of before nor that after a whole transaction (version {self.version})"
            )
        stage = legal.stages.get(self.content or "")
        if (
            not (stage and stage.keeps)
            and legal.before != NOTHING
            and not any(_is(b, legal.before) for b in backups(copy))
        ):
            self.complaints.append("neither the file nor a backup holds what the user had")
        shutil.rmtree(folder)

    def _launch(self, subject: Subject, legal: Legal, path: Path) -> None:
        try:
            subject.launch(path)
            found = content(path)
        except (EmbedmigError, sqlite3.Error, OSError, AssertionError) as error:
            self.complaints.append(f"the next launch fails: {chain(error)}")
            return
        if self.content in legal.launched and found != legal.launched[self.content]:
            self.complaints.append("after the next launch the content is not what that launch makes of it")
        if left := [end for end in SIDECARS if _is_hot(f"{path}{end}")]:
            self.complaints.append(f"after the next launch {', '.join(left)} is left")
        if parts(path):  # a killed backup's, which the next backup of this file takes away
            app(demo, False).backup(path)
            if left := parts(path):
                self.complaints.append(f"after the next backup {', '.join(left)} is left")


def _is_hot(sidecar: str) -> bool:
    """A journal that begins with zeros, or with nothing, is one that SQLite is done with, and takes away when it next writes."""
    try:
        with open(sidecar, "rb") as file:
            return not sidecar.endswith("-journal") or file.read(1) not in (b"", b"\0")
    except FileNotFoundError:
        return False


def parts(path: Path) -> list[str]:
    return sorted(name for name in os.listdir(path.parent) if ".part" in name)


def _is(backup: Path, wanted: str) -> bool:
    try:
        return content(backup) == wanted
    except (AssertionError, sqlite3.Error):
        return False


class Judge:
    """Judges the points of one subject. Folders with the same bytes in them are examined once."""

    def __init__(self, subject: Subject, legal: Legal) -> None:
        self.subject, self.legal = subject, legal
        self._known: dict[str, Examined] = {}
        self._launched: set[tuple[str, ...]] = set()

    def complaints(self, path: Path, fault: Fault, outcome: Outcome) -> list[str]:
        found = self.examined(path)
        return found.complaints + self._of_the_process(path, fault, outcome, found)

    def examined(self, path: Path) -> Examined:
        key = _bytes_of(path.parent)
        if key not in self._known:
            self._known[key] = Examined(self.subject, self.legal, path, self._launched)
        return self._known[key]

    def _of_the_process(self, path: Path, fault: Fault, outcome: Outcome, found: Examined) -> list[str]:
        end = list(self.legal.stages)[-1]
        if not outcome.struck:
            return [f"the fault did not strike: the process {outcome.how} {outcome.text}"]
        if outcome.how == "killed" and not fault.number:
            return []
        if outcome.how == "returned":
            return [] if found.content == end else ["it returned, and the file is not at its end"]
        if outcome.how != "raised" or outcome.error is None:
            return [f"the process {outcome.how}"]
        if fault.number == errno.EBUSY:
            return [f"it did not wait: {outcome.text}"]
        return self._of_the_error(fault, outcome.error, outcome.text, found)

    def _of_the_error(self, fault: Fault, error: BaseException, text: str, found: Examined) -> list[str]:
        """Is the error of the right class, does it name the true cause, and is what it says of the data true?"""
        if not isinstance(error, EmbedmigError):
            return [f"it raised {text}"]
        said = str(error)
        wrong = []
        # where a file could not be made, SQLite tells no cause: when it is asked for afterwards, the disk may have room again
        unknown = not fault.lasting and "unable to open database file" in text
        if fault.number == errno.ENOSPC and not isinstance(error, DiskFull) and not unknown:
            wrong.append("a full disk is not a DiskFull")
        if not re.search(CAUSES[fault.number], text):
            wrong.append("its cause is not named")
        partly = "It ran outside a transaction" in said
        if error.data_is_safe == partly:
            wrong.append(f"data_is_safe is {error.data_is_safe}")
        if error.may_offer_reset:
            wrong.append("it offers a reset")
        if error.version is not None and error.version != found.version:
            wrong.append(f"it says version {error.version}, and the file is at {found.version}")
        for at in re.findall(r"(?:still|stands) at version (\d+)", said):
            if int(at) != found.version:
                wrong.append(f"it says at version {at}, and the file is at {found.version}")
        unchanged = re.search(r"Nothing was changed|Everything was undone|is still at", said)
        if unchanged and found.content != self.legal.before:
            wrong.append("it says that nothing was changed, and something was")
        if found.parts and not fault.lasting:
            wrong.append(f"it left {', '.join(found.parts)}")
        return [f"{what}: {text}" for what in wrong]


def _bytes_of(folder: Path) -> str:
    seen = hashlib.sha256()
    for name in sorted(os.listdir(folder)):
        seen.update(f"{name}\0".encode())
        seen.update((folder / name).read_bytes())
    return seen.hexdigest()
