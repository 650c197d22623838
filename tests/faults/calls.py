"""Python's own file operations, seen and broken: what backup, restore and reset do beside SQLite.

`install(hook, folder)` wraps those functions of `os` that embedmig's disk.py, backup.py and file.py call, for paths in `folder`
only. `hook(op, path, offset, data)` is the same as in vfs.py; for a rename `data` is the new name. The import system has
functions of its own and goes on unharmed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from faults.vfs import Hook

# By the function's name: which operation it is.
OPS = {
    "replace": "os.rename", "rename": "os.rename", "unlink": "os.unlink", "remove": "os.unlink", "link": "os.link",
    "chmod": "os.chmod", "chown": "os.chown", "utime": "os.utime", "listdir": "os.listdir", "mkdir": "os.mkdir", "stat": "os.stat",
}  # fmt: skip


_UNNAMED = getattr(os, "O_TMPFILE", 1 << 62)  # a file without a name, in a folder


def install(hook: Hook, folder: str) -> None:
    """Wrap them in this process, which ends soon: nothing takes the wrappers off again."""
    inside = os.path.realpath(folder)
    handles: dict[int, str] = {}

    def ask(op: str, path: Any, data: bytes = b"") -> None:
        name = os.path.join(os.getcwd(), os.fsdecode(path)) if isinstance(path, (str, bytes, os.PathLike)) else ""
        if name.startswith(inside) and (number := hook(op, name, 0, data)):
            raise OSError(number, os.strerror(number), name)

    def wrapped(op: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *args: Any, **more: Any) -> Any:
            ask(op, path, os.fsencode(args[0]) if op in ("os.rename", "os.link") else b"")
            return real(path, *args, **more)

        return call

    real_open, real_fsync, real_close = os.open, os.fsync, os.close

    def open_(path: Any, flags: int, *args: Any, **more: Any) -> int:
        made = (flags & os.O_CREAT and not os.path.lexists(path)) or flags & _UNNAMED == _UNNAMED
        ask("os.create" if made else "os.open", path)
        handle = real_open(path, flags, *args, **more)
        handles[handle] = os.path.realpath(os.fsdecode(path))
        return handle

    def fsync(handle: Any) -> None:
        if isinstance(handle, int):
            ask("os.fsync", handles.get(handle, ""))
        real_fsync(handle)

    def close(handle: int) -> None:
        handles.pop(handle, None)
        real_close(handle)

    for name, op in OPS.items():
        setattr(os, name, wrapped(op, getattr(os, name)))
    os.open, os.fsync, os.close = open_, fsync, close  # type: ignore[assignment]
