"""A tape: everything that one run does to its folder, SQLite's part and Python's, for durable.py to replay."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from faults import calls, vfs
from faults.child import forked
from faults.durable import Files, Operation

CREATE = 0x00000004  # SQLITE_OPEN_CREATE
JOURNALS = 0x00000800 | 0x00004000 | 0x00080000  # SQLITE_OPEN_MAIN_JOURNAL, _SUPER_JOURNAL, _WAL
PLAIN = {
    "create": "create", "os.create": "create", "write": "write", "truncate": "truncate", "sync": "sync", "os.fsync": "sync",
    "delete": "delete", "os.unlink": "delete",
}  # fmt: skip

Act = Callable[[Path], object]


class Recorder:
    """Told of each operation before it happens; keeps those that change what is on the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = os.path.realpath(folder)
        self.tape: list[Operation] = []
        self._unsynced: set[str] = set()  # journals, with the first sync of which SQLite syncs the folder too

    def hook(self, op: str, path: str, offset: int, data: bytes) -> int:
        folder, name = os.path.split(path)
        if path == self.folder and op == "os.fsync":
            self.add("sync folder")
        elif folder == self.folder and not name.endswith("-shm"):
            self._file(op, name, offset, data)
        return 0

    def _file(self, op: str, name: str, offset: int, data: bytes) -> None:
        if op in ("open", "create") and offset & CREATE and offset & JOURNALS:
            self._unsynced.add(name)
        if op in ("delete", "os.unlink") and not os.path.lexists(os.path.join(self.folder, name)):
            return
        if op == "os.rename":
            self.add("rename", name, other=os.path.basename(os.fsdecode(data)))
        elif op == "os.link":
            raise NotImplementedError("durable.py knows one name for each file")
        elif op in PLAIN:
            self.add(PLAIN[op], name, offset if op in ("write", "truncate") else 0, data)
        if (op == "sync" and name in self._unsynced) or (op == "delete" and offset):
            self._unsynced.discard(name)
            self.add("sync folder")

    def add(self, kind: str, name: str = "", offset: int = 0, data: bytes = b"", other: str = "") -> None:
        self.tape.append(Operation(kind, name, offset, data, other))

    def done(self) -> None:
        """The caller is told here that something is done."""
        self.add("done")


def record(act: Act, path: Path) -> list[Operation]:
    """Run `act(path)` in a process of its own, and return what it did to the folder of `path`."""

    def run() -> list[Operation]:
        recorder = Recorder(path.parent)
        vfs.install(recorder.hook)
        calls.install(recorder.hook, recorder.folder)
        _see_writes(recorder)
        _tell_of_commits(recorder)
        act(path)
        recorder.done()
        return recorder.tape

    outcome = forked(run)
    if outcome.how != "returned":
        raise AssertionError(f"nothing was to break, and it {outcome.how}: {outcome.text}")
    return outcome.result  # type: ignore[return-value]


def _see_writes(recorder: Recorder) -> None:
    """Python's own writing into files: embedmig leaves it all to SQLite, but those that are broken on purpose don't."""
    pwrite = os.pwrite

    def seen(handle: int, data: bytes, offset: int) -> int:
        inode = os.fstat(handle).st_ino
        (path,) = (entry.path for entry in os.scandir(recorder.folder) if entry.inode() == inode)
        recorder.hook("write", path, offset, bytes(data))
        return pwrite(handle, data, offset)

    os.pwrite = seen


def _tell_of_commits(recorder: Recorder) -> None:
    """embedmig tells its caller of a COMMIT only at the end of the verb; what it goes on from must stand all the same."""
    from embedmig import run

    commit = run.commit

    def committed(*args: object) -> None:
        commit(*args)  # type: ignore[arg-type]
        recorder.done()

    run.commit = committed  # type: ignore[assignment]


def files_in(folder: Path) -> Files:
    return {file.name: file.read_bytes() for file in folder.iterdir() if not file.name.endswith("-shm")}
