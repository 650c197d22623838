"""SQLite's own file operations, seen and broken: a VFS in pure ctypes, in the very library that Python's sqlite3 uses.

`install(hook)` puts it before SQLite's default VFS (https://sqlite.org/vfs.html). `hook(op, path, offset, data)` is called before
each operation and answers 0, go on, or the errno with which it is to fail. What fails is the system call beneath
(https://sqlite.org/c3ref/vfs.html, xSetSystemCall), so SQLite meets a full disk where it would meet it, and gives it its own name;
only fsync and locks have no such entry: there SQLite's answer is given straight, SQLITE_IOERR_FSYNC and SQLITE_BUSY. `offset` is the
new size for "truncate", SQLite's flags for "open" and "create" (the name was not there), for "delete" whether the folder is synced
too, and for "lock" the level that is asked for, of a file or of a part of its `-shm`.

To be installed in a process that ends soon, such as a forked child: it can't be taken out again.
"""

from __future__ import annotations

import ctypes as c
import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Hook = Callable[[str, str, int, bytes], int | None]

OPS = ("open", "create", "read", "write", "truncate", "sync", "delete", "shm", "lock")
TEMPORARY = "<temp>"  # the path of a file that SQLite deletes as soon as it has it

_Call = type[Any]
_P, _I, _L = c.c_void_p, c.c_int, c.c_int64
_OPEN_CREATE = 4  # SQLITE_OPEN_CREATE
_FSYNC_FAILED = sqlite3.SQLITE_IOERR | 4 << 8


class _Vfs(c.Structure):
    _fields_ = (
        ("iVersion", _I), ("szOsFile", _I), ("mxPathname", _I), ("pNext", _P), ("zName", c.c_char_p), ("pAppData", _P),
        *((name, _P) for name in (
            "xOpen", "xDelete", "xAccess", "xFullPathname", "xDlOpen", "xDlError", "xDlSym", "xDlClose", "xRandomness", "xSleep",
            "xCurrentTime", "xGetLastError", "xCurrentTimeInt64", "xSetSystemCall", "xGetSystemCall", "xNextSystemCall",
        )),
    )  # fmt: skip


class _Methods(c.Structure):
    _fields_ = (
        ("iVersion", _I),
        *((name, _P) for name in (
            "xClose", "xRead", "xWrite", "xTruncate", "xSync", "xFileSize", "xLock", "xUnlock", "xCheckReservedLock",
            "xFileControl", "xSectorSize", "xDeviceCharacteristics", "xShmMap", "xShmLock", "xShmBarrier", "xShmUnmap",
            "xFetch", "xUnfetch",
        )),
    )  # fmt: skip


_OPEN = c.CFUNCTYPE(_I, _P, _P, _P, _I, _P)
_DELETE = c.CFUNCTYPE(_I, _P, c.c_char_p, _I)
_CLOSE = c.CFUNCTYPE(_I, _P)
_MOVE = c.CFUNCTYPE(_I, _P, _P, _I, _L)  # xRead and xWrite
_TRUNCATE = c.CFUNCTYPE(_I, _P, _L)
_SYNC = c.CFUNCTYPE(_I, _P, _I)
_LOCK = c.CFUNCTYPE(_I, _P, _I)
_SHM_MAP = c.CFUNCTYPE(_I, _P, _I, _I, _I, _P)
_SHM_LOCK = c.CFUNCTYPE(_I, _P, _I, _I, _I)
_SHM_UNLOCK = 1  # SQLITE_SHM_UNLOCK

# The system calls beneath, with their errno: what they return, what they take, and what they return when they fail.
_SIZE = c.c_size_t
_CALLS: dict[str, tuple[Any, tuple[Any, ...], int]] = {
    "open": (_I, (c.c_char_p, _I, _I), -1),
    "read": (c.c_ssize_t, (_I, _P, _SIZE), -1),
    "pread": (c.c_ssize_t, (_I, _P, _SIZE, _L), -1),
    "pread64": (c.c_ssize_t, (_I, _P, _SIZE, _L), -1),
    "write": (c.c_ssize_t, (_I, _P, _SIZE), -1),
    "pwrite": (c.c_ssize_t, (_I, _P, _SIZE, _L), -1),
    "pwrite64": (c.c_ssize_t, (_I, _P, _SIZE, _L), -1),
    "ftruncate": (_I, (_I, _L), -1),
    "unlink": (_I, (c.c_char_p,), -1),
    "mmap": (_P, (_P, _SIZE, _I, _I, _I, _L), -1),
}


def why_not() -> str | None:
    """Why it can't be installed here, or None."""
    if os.name == "nt":
        return "NO FAULTY VFS: the system calls of SQLite's Windows VFS are others"
    try:
        _ = _library().sqlite3_vfs_find
    except (ImportError, OSError, AttributeError, TypeError) as error:
        return f"NO FAULTY VFS: Python's SQLite does not show its functions ({error})"
    return None


def install(hook: Hook) -> None:
    """Make it the default VFS of this process: every connection opened from now on goes through `hook`."""
    library = _library()
    library.sqlite3_vfs_find.restype = _P
    library.sqlite3_vfs_find.argtypes = [c.c_char_p]
    library.sqlite3_vfs_register.argtypes = [_P, _I]
    faulty = _Faulty(_Vfs.from_address(library.sqlite3_vfs_find(None)), hook)
    _kept.append(faulty)  # SQLite goes on calling it
    if library.sqlite3_vfs_register(c.addressof(faulty.vfs), 1):
        raise OSError("sqlite3_vfs_register() refused the VFS")


_kept: list[_Faulty] = []


def _library() -> c.CDLL:
    import _sqlite3

    return c.CDLL(_sqlite3.__file__)  # dlsym() looks in what it is linked to as well


class _Faulty:
    """A copy of SQLite's VFS, some of its functions replaced by ones that ask the hook first."""

    def __init__(self, base: _Vfs, hook: Hook) -> None:
        self.base, self.hook = base, hook
        self.vfs = _Vfs()
        c.pointer(self.vfs)[0] = base
        self.vfs.zName, self.vfs.pNext = b"faulty", None
        self.paths: dict[int, str] = {}  # by the address of SQLite's file
        self.patched: dict[int, _Methods] = {}  # by the address of the original
        self.kept: list[Any] = []
        self.system = _SystemCalls(base)
        self.real_open, self.real_delete = _OPEN(base.xOpen), _DELETE(base.xDelete)
        self.vfs.xOpen = self._pointer(_OPEN(self.open))
        self.vfs.xDelete = self._pointer(_DELETE(self.delete))

    def _pointer(self, function: Any) -> int | None:
        self.kept.append(function)
        return c.cast(function, _P).value

    def ask(self, op: str, path: str, offset: int, data: bytes, real: Callable[[], int]) -> int:
        """Do what SQLite wants, unless the hook says how it fails."""
        number = self.hook(op, path, offset, data)
        if not number:
            return real()
        with self.system.failing(number):
            return real()

    def open(self, vfs: int, name: int | None, file: int, flags: int, out: int | None) -> int:
        path = os.fsdecode(c.string_at(name)) if name else TEMPORARY
        op = "create" if flags & _OPEN_CREATE and not os.path.lexists(path) else "open"
        code = self.ask(op, path, flags, b"", lambda: self.real_open(c.addressof(self.base), name, file, flags, out))
        methods = _P.from_address(file)
        if methods.value:
            self.paths[file] = path
            methods.value = self._patch(methods.value)
        return code

    def delete(self, vfs: int, name: bytes, sync_folder: int) -> int:
        real = lambda: self.real_delete(c.addressof(self.base), name, sync_folder)  # noqa: E731
        return self.ask("delete", os.fsdecode(name), sync_folder, b"", real)

    def _patch(self, address: int) -> int:
        if address not in self.patched:
            original = _Methods.from_address(address)
            copy = _Methods()
            newest = original.iVersion >= 3
            c.memmove(c.byref(copy), address, c.sizeof(_Methods) if newest else _Methods.xFetch.offset)
            self._replace(copy, original)
            self.patched[address] = copy
        return c.addressof(self.patched[address])

    def _replace(self, copy: _Methods, original: _Methods) -> None:
        real_close, real_read, real_write = _CLOSE(original.xClose), _MOVE(original.xRead), _MOVE(original.xWrite)
        real_truncate, real_sync = _TRUNCATE(original.xTruncate), _SYNC(original.xSync)
        real_lock = _LOCK(original.xLock)

        def close(file: int) -> int:
            self.paths.pop(file, None)
            return real_close(file)

        def read(file: int, buffer: int, size: int, offset: int) -> int:
            return self.ask("read", self.paths[file], offset, b"", lambda: real_read(file, buffer, size, offset))

        def write(file: int, buffer: int, size: int, offset: int) -> int:
            data = c.string_at(buffer, size)
            return self.ask("write", self.paths[file], offset, data, lambda: real_write(file, buffer, size, offset))

        def truncate(file: int, size: int) -> int:
            return self.ask("truncate", self.paths[file], size, b"", lambda: real_truncate(file, size))

        def sync(file: int, flags: int) -> int:
            return _FSYNC_FAILED if self.hook("sync", self.paths[file], flags, b"") else real_sync(file, flags)

        def lock(file: int, level: int) -> int:
            return sqlite3.SQLITE_BUSY if self.hook("lock", self.paths[file], level, b"") else real_lock(file, level)

        copy.xClose, copy.xSync = self._pointer(_CLOSE(close)), self._pointer(_SYNC(sync))
        copy.xLock = self._pointer(_LOCK(lock))
        copy.xRead, copy.xWrite = self._pointer(_MOVE(read)), self._pointer(_MOVE(write))
        copy.xTruncate = self._pointer(_TRUNCATE(truncate))
        self.kept += [real_close, real_read, real_write, real_truncate, real_sync, real_lock]
        if original.iVersion >= 2 and original.xShmMap:
            self._replace_shared_memory(copy, original)

    def _replace_shared_memory(self, copy: _Methods, original: _Methods) -> None:
        real_map, real_lock = _SHM_MAP(original.xShmMap), _SHM_LOCK(original.xShmLock)

        def shm_map(file: int, region: int, size: int, extend: int, out: int) -> int:
            real = lambda: real_map(file, region, size, extend, out)  # noqa: E731
            return self.ask("shm", self.paths[file] + "-shm", region * size, b"", real)

        def shm_lock(file: int, first: int, count: int, flags: int) -> int:
            refused = not flags & _SHM_UNLOCK and self.hook("lock", self.paths[file] + "-shm", flags, b"")
            return sqlite3.SQLITE_BUSY if refused else real_lock(file, first, count, flags)

        copy.xShmMap, copy.xShmLock = self._pointer(_SHM_MAP(shm_map)), self._pointer(_SHM_LOCK(shm_lock))
        self.kept += [real_map, real_lock]


class _SystemCalls:
    """SQLite's table of system calls, in which some can fail for as long as one operation takes."""

    def __init__(self, base: _Vfs) -> None:
        self.vfs = c.addressof(base)
        self.set = c.CFUNCTYPE(_I, _P, c.c_char_p, _P)(base.xSetSystemCall)
        get = c.CFUNCTYPE(_P, _P, c.c_char_p)(base.xGetSystemCall)
        found = {name: get(self.vfs, name.encode()) for name in _CALLS}
        self.real = {name: address for name, address in found.items() if address}  # those that this build has

    @contextmanager
    def failing(self, number: int) -> Iterator[None]:
        """Meanwhile every system call fails with this errno; with EINTR only the first, as signals do."""
        left = [1 if number == errno.EINTR else -1]
        kept = [self._failing(name, number, left) for name in self.real]
        try:
            yield
        finally:
            for name, address in self.real.items():
                self.set(self.vfs, name.encode(), address)
            del kept

    def _failing(self, name: str, number: int, left: list[int]) -> object:
        result, arguments, failed = _CALLS[name]
        kind = c.CFUNCTYPE(result, *arguments, use_errno=True)
        real = kind(self.real[name])

        def call(*args: Any) -> Any:
            # who may not write a file may read it: SQLite tries that next
            allowed = name == "open" and number == errno.EACCES and args[1] & os.O_ACCMODE == os.O_RDONLY
            if allowed or not left[0]:
                return real(*args)
            left[0] -= 1
            c.set_errno(number)
            return failed

        function = kind(call)
        self.set(self.vfs, name.encode(), c.cast(function, _P).value)
        return function, real
