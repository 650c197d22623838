"""The disk and the folder around a file: is there room, is it synchronised, does it lie on a network?"""

from __future__ import annotations

import os
import re
import time
from bisect import bisect_left

from embedmig import disk
from embedmig.errors import DiskFull, printable

_SYNC_FOLDERS = re.compile(
    r"(dropbox|onedrive|icloud ?drive|mobile documents|google ?drive|my drive|nextcloud|owncloud|syncthing|pclouddrive)\b",
    re.I,
)
_CONFLICT = r"conflicted copy|conflict(ed)?[ _-]\d|\.sync-conflict-|_conf\(|\(conflict"  # compiled when it is needed
_NETWORKS = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afpfs", "webdav", "9p", "fuse.rclone")
_FRESH_S = 1.0  # how long what was seen of a folder is believed, by who goes through many files


def warnings(path: str, around: Around | None = None) -> list[str]:
    """Sentences about what endangers a database there; SQLite's locks and journals may not hold in such places.

    https://sqlite.org/howtocorrupt.html, section 2. `around`: what was seen for another file a moment ago.
    """
    target = os.path.realpath(path)
    found = []
    folder = (around or Around()).folder(target)
    if part := folder.synced:
        found.append(
            f"it lies in {printable(part)}, which copies files while they are in use: keep it elsewhere, sync an export"
        )
    if network := folder.network:
        found.append(
            f"it lies on a network drive ({network}), where SQLite's locks may not hold: keep it on this machine"
        )
    if copies := folder.conflicted(target):
        found.append(f"a sync program left a second version beside it: {printable(', '.join(copies[:3]))}")
    return found


class Around:
    """The folder of the last file: of ten thousand files in one folder, not each makes a look at ten thousand names."""

    def __init__(self) -> None:
        self._last: _Folder | None = None
        self._until = 0.0

    def folder(self, target: str) -> _Folder:
        path, now = os.path.dirname(target), time.monotonic()
        if self._last is None or self._last.path != path or now > self._until:
            self._last, self._until = _Folder(path, target), now + _FRESH_S
        return self._last


class _Folder:
    """What was seen of a folder: its names in order, the program that syncs it, and the network that it lies on."""

    def __init__(self, path: str, target: str) -> None:
        self.path = path
        self.synced = next((part for part in path.split(os.sep) if _SYNC_FOLDERS.match(part)), None)
        self.network = _network(target)
        try:
            self.names = sorted(os.listdir(path))
        except OSError:
            self.names = []

    def conflicted(self, target: str) -> list[str]:
        """The second versions of one file that a sync program left there."""
        stem, found = os.path.splitext(os.path.basename(target))[0], []
        for place in range(bisect_left(self.names, stem), len(self.names)):
            if not (name := self.names[place]).startswith(stem):
                break
            ending = name[len(stem) :]
            if not ending[:1].isalnum() and re.search(_CONFLICT, ending, re.I):
                found.append(name)
        return found


def _network(target: str) -> str | None:
    """The kind of the network file system, where it can be known without asking the network."""
    if target.startswith("\\\\"):
        return "UNC path"
    kind = disk.file_system(target)
    return kind if kind in _NETWORKS else None


def refuse_without_room(path: str, *, size: int, wal: bool, copies: int) -> str | None:
    """Raise DiskFull if the backup has no room; a sentence of warning if the run may not have any.

    A rebuild of the largest table needs up to twice the file at its peak, three times in WAL mode; the backup once.
    """
    free = disk.free_bytes(path)
    if free < size * copies:
        raise DiskFull(
            f"the backup needs {amount(size)} and {amount(free)} are free",
            path=path,
            kept="Nothing was changed.",
            hint="Free some space and start the app again.",
        )
    wanted = size * (3 if not wal else 4)
    if free < wanted:
        return f"{amount(free)} are free on its disk; a run may need up to {amount(wanted)}"
    return None


def amount(number: int) -> str:
    """Bytes for a person: `812 bytes`, `4.0 kB`, `1.2 GB`."""
    if abs(number) < 1000:
        return f"{number} bytes" if abs(number) != 1 else f"{number} byte"
    value, unit = number / 1000, "kB"
    for bigger in ("MB", "GB", "TB"):
        if abs(value) < 999.95:
            break
        value, unit = value / 1000, bigger
    return f"{value:.1f} {unit}"
