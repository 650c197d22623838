"""What is done to files themselves: who has one open, create, sync, rename, delete, room on the disk.

Only this file deletes or renames, and only here do platforms differ.
"""

from __future__ import annotations

import errno
import os
import signal
import stat
import sys
import time

from embedmig.file import SIDECARS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from embedmig.errors import EmbedmigError


def user_of(path: str) -> str | None:
    """Who has the file open, even idle: "another process", "this very process", or None: nobody, or it can't be known.

    On Linux by a lease (`man 2 fcntl`), the only way that sees an idle user in rollback-journal mode. Elsewhere
    SQLite's locks must do. To be asked before SQLite opens the file here.
    """
    if sys.platform != "linux":  # leases are Linux's own
        return None
    import fcntl

    target = os.path.realpath(path)
    if _open_here(target):
        return "this very process"  # and opening it once more would drop the locks that it holds
    try:
        handle = os.open(target, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # a launch that opens the file meanwhile must not kill us by SIGIO: SIGURG is ignored by default
        fcntl.fcntl(handle, getattr(fcntl, "F_SETSIG", 10), signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return "another process" if error.errno == errno.EAGAIN else None
    finally:
        os.close(handle)
    return None


def _open_here(target: str) -> bool:
    """Has this very process the file open?"""
    found = os.stat(target)
    for name in os.listdir("/proc/self/fd"):
        try:
            other = os.stat(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if (other.st_dev, other.st_ino) == (found.st_dev, found.st_ino):
            return True
    return False


def delete(path: str) -> None:
    """Delete a database that nobody has open: the file first, then its sidecars.

    In this order a crash leaves the old file or none; sidecars first would leave a file without its
    journal. A symbolic link stays, its target goes: the sidecars stand beside the target.
    """
    target = os.path.realpath(path)
    if not os.path.isdir(os.path.dirname(target)):
        return
    remove(target)
    sync_folder(target)
    remove(*(target + end for end in SIDECARS))
    sync_folder(target)


def is_there(path: str) -> bool:
    """os.path.exists(), but OSError where it can't be known: a disk that does not answer is no missing file."""
    return _found(path) is not None


def is_file(path: str) -> bool:
    """os.path.isfile(), in the same way."""
    found = _found(path)
    return found is not None and stat.S_ISREG(found.st_mode)


def _found(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def has_sidecars(path: str) -> bool:
    target = os.path.realpath(path)
    return any(os.path.lexists(target + end) for end in SIDECARS)


def has_wal(path: str) -> bool:
    """Is there a `-wal` with something in it?"""
    try:
        return os.path.getsize(os.path.realpath(path) + "-wal") > 0
    except OSError:
        return False


def move_aside(path: str, *, stays: bool = False) -> str:
    """Rename a file that is no database, and its sidecars, to a name of their own; returns that name.

    Where it `stays`, the file keeps its old name too, where the file system has hard links, until another is renamed over it: a
    crash in between leaves no free name, under which the next launch would make a new file.
    """
    target = os.path.realpath(path)
    number, aside = 1, target + ".unreadable"
    while any(os.path.lexists(aside + end) for end in ("", *SIDECARS)):
        number += 1
        aside = f"{target}.unreadable-{number}"
    moved: list[str] = []
    try:
        for end in ("", *SIDECARS):
            if os.path.lexists(target + end):
                if not (stays and not end and _linked(target, aside)):
                    _retried(lambda end=end: os.rename(target + end, aside + end))  # type: ignore[misc]
                moved.append(end)
    except OSError:
        for end in reversed(moved):  # a journal that lost its file would be taken for another's
            if os.path.lexists(target + end):  # its second name
                os.unlink(aside + end)
            else:
                os.rename(aside + end, target + end)
        raise
    sync_folder(target)
    return aside


def undo_move_aside(path: str) -> None:
    """Take away the second name that a kill left before the file was replaced: a file with two is refused."""
    target = os.path.realpath(path)
    folder, start = os.path.dirname(target), os.path.basename(target) + ".unreadable"
    for name in (os.path.join(folder, n) for n in os.listdir(folder) if n.startswith(start)):
        if os.path.lexists(target) and os.path.samefile(name, target):
            os.unlink(name)


def _linked(name: str, new: str) -> bool:
    """Give a file a second name. False where that can't be: FAT, some network drives."""
    try:
        os.link(name, new)
    except (OSError, NotImplementedError):
        return False
    return True


def write_new(path: str, text: str) -> None:
    """Write a text file that isn't there yet. FileExistsError where it is."""
    with open(path, "x", encoding="utf-8", newline="\n") as file:
        file.write(text)


def remove(*names: str) -> None:
    """Delete files, those that are there."""
    for name in names:
        try:
            _retried(lambda name=name: os.unlink(name))  # type: ignore[misc]
        except FileNotFoundError:
            pass


def discard(*names: str) -> None:
    """Clean up after a failure, as far as it goes: what stays is taken away by the next backup, and hides no error."""
    for name in names:
        try:
            remove(name)
        except OSError:
            pass


def _retried(action: Callable[[], object]) -> None:
    """Windows: a virus scanner or an indexer may hold a file for a moment. Elsewhere nothing is tried twice."""
    for attempt in range(20):
        try:
            action()
        except PermissionError:
            if os.name != "nt" or attempt == 19:
                raise
            time.sleep(0.05)
        else:
            return


def may_write_in(folder: str) -> bool:
    """May this user make files there, as far as can be asked? (On Windows nearly always yes: trying tells.)"""
    return os.access(folder, os.W_OK | os.X_OK)


def journal_of(path: str) -> str | None:
    """A `-journal` or `-wal` that has something in it. Another launch may be making or deleting one this moment."""
    for name in (os.path.realpath(path) + end for end in ("-journal", "-wal")):
        try:
            found = os.stat(name)
        except OSError:
            continue
        if stat.S_ISREG(found.st_mode) and found.st_size:
            return name
    return None


def is_same(one: str, other: str, start: int, end: int) -> bool:
    """Have two files the same bytes from `start` to `end`? Neither may be open in SQLite here: reading one drops its locks."""
    with open(one, "rb") as first, open(other, "rb") as second:
        first.seek(start)
        second.seek(start)
        for at in range(start, end, 1 << 20):
            many = min(1 << 20, end - at)
            if first.read(many) != second.read(many):
                return False
    return True


def changed_ns(name: str) -> int:
    """When a file was last modified, in ns; 0 for one that another process has just taken away."""
    try:
        return os.stat(name).st_mtime_ns
    except OSError:
        return 0


def permissions(path: str) -> os.stat_result | None:
    """Of a file that is there: owner and mode, for create()."""
    try:
        return os.stat(path)
    except OSError:
        return None


def permissions_of_sidecars(path: str) -> os.stat_result | None:
    """Those of a file that is gone, as far as its sidecars tell: SQLite gives them the file's own."""
    target = os.path.realpath(path)
    return next((found for end in SIDECARS if (found := permissions(target + end))), None)


def is_still(path: str, seen: os.stat_result) -> bool:
    """Is what stands there still the file that was seen there, whatever is in it by now?

    To be asked right before a rename or a deletion: what is renamed is whatever has the name, and between the two
    calls, some microseconds, no system lets us hold it.
    """
    found = permissions(path)
    return found is not None and os.path.samestat(found, seen)


def create(name: str) -> None:
    """Create an empty file that was not there, no link followed, for this user alone."""
    handle = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0), 0o600)
    os.close(handle)


def give(name: str, like: os.stat_result, more: int = 0) -> None:
    """Give a file the owner and the permissions of another, and `more` of them."""
    if os.name == "nt":  # a new file takes the folder's rights
        return
    try:
        os.chown(name, like.st_uid, like.st_gid)
    except PermissionError:
        pass  # only root can give a file away
    os.chmod(name, stat.S_IMODE(like.st_mode) | more)


def replace(name: str, final: str) -> None:
    """Rename over what may be there, durably."""
    _retried(lambda: os.replace(name, final))
    sync_folder(final)


def rename(name: str, new: str) -> None:
    """Rename to a name that is free."""
    _retried(lambda: os.rename(name, new))


def sync(name: str) -> None:
    """Make a file's content durable."""
    _synced(os.open(name, os.O_RDWR | getattr(os, "O_BINARY", 0)))


def sync_folder(path: str) -> None:
    """Make a deletion or a rename in the file's folder durable."""
    if os.name == "nt":  # a folder can't be opened there, and NTFS journals its names itself
        return
    _synced(os.open(os.path.dirname(path), os.O_RDONLY))


def _synced(handle: int) -> None:
    try:
        if sys.platform == "darwin":  # fsync alone leaves it in the drive's cache there
            import fcntl

            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
        else:
            os.fsync(handle)
    finally:
        os.close(handle)


def is_no_room(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def refused(error: OSError, path: str) -> EmbedmigError:
    """What the operating system's refusal means for the person whose file it is. The caller raises it from the original."""
    from embedmig import errors

    name = errors.printable(os.path.basename(os.fsdecode(error.filename or path)))
    reason = errors.printable(error.strerror or str(error))
    if is_no_room(error):
        return errors.DiskFull(f"{reason}, says the system of {name}", path=path)
    hint = "Check its permissions and the disk."
    return errors.UnusablePath(f"The system refuses {name}: {reason}.", path=path, hint=hint)


def free_bytes(path: str) -> int:
    """Room on the disk where the file lies, for this user, in bytes."""
    import shutil

    return shutil.disk_usage(os.path.dirname(os.path.realpath(path))).free


def file_system(target: str) -> str | None:
    """The kind of the file system on which a file lies, such as "ext4" or "nfs4", where the table of mounts tells."""
    if sys.platform != "linux":  # no table to read in the same way
        return None
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="replace") as mounts:
            lines = [line.split() for line in mounts]
    except OSError:
        return None
    under = [(len(line[1]), line[2]) for line in lines if _lies_under(target, line[1].replace("\\040", " "))]
    return max(under, default=(0, None))[1]


def _lies_under(target: str, mount: str) -> bool:
    return target.startswith(mount.rstrip("/") + "/")
