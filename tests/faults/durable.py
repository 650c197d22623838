"""What of a recorded run is durable, and what a power cut leaves of the rest: after every operation, in every way.

What a disk owes us (SQLite counts on no more, https://sqlite.org/atomiccommit.html): the content of a file is durable
once that file was synced; its name (made, renamed, deleted) once its folder was. What was not synced may be kept or
lost, whole or in part, torn at a sector, overtaken by a later write, or there in length with junk for content.
Names of one folder change in their order. `-shm` never survives: SQLite makes it anew.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

SECTOR = 512

KEPT, LOST, PREFIX, TORN, REORDERED = "kept", "lost", "a prefix of", "torn", "reordered"
CERTAIN = ((KEPT, KEPT), (LOST, LOST), (LOST, KEPT), (KEPT, LOST))  # what becomes of contents, and of names
AT_RANDOM = ((PREFIX, PREFIX), (TORN, PREFIX), (REORDERED, PREFIX))

Files = dict[str, bytes]  # a folder, by the names in it
Write = tuple[int, bytes | None]  # at this offset; None: cut or grown to this length


class Operation(NamedTuple):
    """One thing that was done to the folder; or `done`: until here the caller was told that it is done."""

    kind: str  # create, write, truncate, sync, delete, rename, sync folder, done
    name: str = ""  # of the file, without its folder
    offset: int = 0  # of a write; the new length, of a truncate
    data: bytes = b""  # of a write
    other: str = ""  # the new name, of a rename

    def __str__(self) -> str:
        where = f" at {self.offset}, {len(self.data)} bytes" if self.kind == "write" else ""
        return f"{self.kind} {self.name}{where}{' to ' + self.other if self.other else ''}".rstrip()


class Point(NamedTuple):
    """A power cut: after how many operations, what became of what was not synced, and what is found then."""

    after: int
    contents: str
    names: str
    files: Files
    done: int  # how many times the caller had been told that it is done

    def __str__(self) -> str:
        return f"the power cut after operation {self.after}, unsynced contents {self.contents}, names {self.names}"


class Inode:
    """A file apart from its names: what is durable of it, and what was written since."""

    def __init__(self, durable: bytes = b"") -> None:
        self.durable = durable
        self.pending: list[Write] = []

    def sync(self) -> None:
        self.durable, self.pending = self._with(self.pending), []

    def found(self, cut: str, dice: random.Random) -> bytes:
        if not self.pending or cut == LOST:
            return self.durable
        if cut == KEPT:
            return self._with(self.pending)
        if cut == REORDERED:
            return self._with([part for write in self.pending for part in self._perhaps(write, dice)])
        first = self.pending[: dice.randint(0, len(self.pending))]
        if cut == TORN and first:
            first[-1:] = _sectors(first[-1], dice)
        return self._with(first)

    def _with(self, writes: Sequence[Write]) -> bytes:
        found = bytearray(self.durable)
        for offset, data in writes:
            end = offset + len(data or b"")
            found.extend(bytes(max(0, end - len(found))))
            if data is None:
                del found[end:]
            else:
                found[offset:end] = data
        return bytes(found)

    def _perhaps(self, write: Write, dice: random.Random) -> Iterator[Write]:
        chance, (offset, data) = dice.random(), write
        if chance < 0.5:
            yield write
        elif chance < 0.65:
            yield from _sectors(write, dice)
        elif chance < 0.75 and data is not None and offset >= len(self.durable):
            yield offset, dice.randbytes(len(data))  # the file had grown, and what is there now is what was there once


def _sectors(write: Write, dice: random.Random) -> Iterator[Write]:
    offset, data = write
    if data is None:
        yield write
        return
    for start in range(0, len(data), SECTOR):
        if dice.random() < 0.5:
            yield offset + start, data[start : start + SECTOR]


class Disk:
    """One folder: what is in it for those who look now, and what of it is durable."""

    def __init__(self, files: Files) -> None:
        self.now = {name: Inode(data) for name, data in files.items()}
        self.durable = dict(self.now)
        self.renames: list[tuple[str | None, str | None, Inode]] = []  # old name, new name, what they stand for

    def do(self, it: Operation) -> None:
        if it.kind == "create":
            self.now[it.name] = Inode()
            self.renames.append((None, it.name, self.now[it.name]))
        elif it.kind == "write":
            self.now[it.name].pending.append((it.offset, it.data))
        elif it.kind == "truncate":
            self.now[it.name].pending.append((it.offset, None))
        elif it.kind == "sync":
            self.now[it.name].sync()
        elif it.kind == "delete":
            self.renames.append((it.name, None, self.now.pop(it.name)))
        elif it.kind == "rename":
            self.now[it.other] = self.now.pop(it.name)
            self.renames.append((it.name, it.other, self.now[it.other]))
        elif it.kind == "sync folder":
            self.durable, self.renames = dict(self.now), []
        elif it.kind != "done":
            raise ValueError(it)

    def found(self, contents: str, names: str, dice: random.Random) -> Files:
        """What is in the folder after a power cut."""
        many = {KEPT: len(self.renames), LOST: 0}.get(names)
        inodes = dict(self.durable)
        for old, new, inode in self.renames[: dice.randint(0, len(self.renames)) if many is None else many]:
            if old is not None:
                inodes.pop(old, None)
            if new is not None:
                inodes[new] = inode
        return {name: inode.found(contents, dice) for name, inode in inodes.items() if not name.endswith("-shm")}


def points(
    before: Files, tape: Sequence[Operation], *, dice: random.Random, rounds: int = 1, most: int | None = None
) -> Iterator[Point]:
    """Every power cut of a recorded run: before it and after each of its operations; or after `most` of them, evenly spread."""
    disk, done, wanted = Disk(before), 0, _spread(len(tape), most, dice)
    for after in range(len(tape) + 1):
        if after:
            disk.do(tape[after - 1])
            done += tape[after - 1].kind == "done"
        if after in wanted:
            for contents, names in CERTAIN + AT_RANDOM * rounds:
                yield Point(after, contents, names, disk.found(contents, names, dice), done)


def _spread(operations: int, most: int | None, dice: random.Random) -> set[int]:
    """After which operations; the last one is always among them."""
    if most is None or most > operations:
        return set(range(operations + 1))
    return {operations, *(int((n + dice.random()) * operations / (most - 1)) for n in range(most - 1))}


def uncut(before: Files, tape: Sequence[Operation]) -> Files:
    """The folder at the end of a run through which the power stayed."""
    disk = Disk(before)
    for operation in tape:
        disk.do(operation)
    return disk.found(KEPT, KEPT, random.Random(0))
