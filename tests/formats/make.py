"""Make the files anew that the real tools write: `python tests/formats/make.py` with the tools in place (see README.md here).

For each tool older.db is a file that the app's older release left, newest.db one with all of its migrations; both have a row
of the user's in `notes`.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

HERE = Path(__file__).resolve().parent
JS = Path(os.environ.get("JS", "node_modules")).resolve()  # where npm installed dbmate and drizzle-kit


def new(tool: str, name: str) -> Path:
    path = HERE / tool / name
    path.unlink(missing_ok=True)
    return path


def typed(path: Path) -> None:
    """What the user did meanwhile."""
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("INSERT INTO notes (id, body) VALUES (1, 'Milk')")
        conn.commit()


def run(*words: object, **more: object) -> None:
    subprocess.run([str(word) for word in words], check=True, **more)


def with_sqlite_utils() -> None:
    source = HERE / "sqlite_utils" / "migrations.py"
    for name, stop in (("older.db", ["--stop-before", "notes:m003_smaller"]), ("newest.db", [])):
        path = new("sqlite_utils", name)
        run(sys.executable, "-m", "sqlite_utils", "migrate", path, source, *stop)
        typed(path)


SQLITE_MIGRATE = """
import sys
from sqlite_migrate import Migrations
from sqlite_utils import Database

migrations = Migrations("notes")


@migrations()
def m001_notes(db):
    db["notes"].create({"id": int, "body": str}, pk="id")


@migrations()
def m002_tags(db):
    db["tags"].create({"note": int, "tag": str})


migrations.apply(Database(sys.argv[1]))
"""


def with_sqlite_migrate() -> None:
    """What came before sqlite-utils' own: another shape of the same table."""
    path = new("sqlite_utils", "sqlite_migrate.db")
    run(os.environ["OLD"], "-c", SQLITE_MIGRATE, path)
    typed(path)


def with_yoyo() -> None:
    from yoyo import get_backend, read_migrations

    for name, most in (("older.db", 1), ("newest.db", None)):
        path = new("yoyo", name)
        backend = get_backend(f"sqlite:///{path}")
        found = read_migrations(str(HERE / "yoyo" / "migrations"))
        with backend.lock():
            todo = backend.to_apply(found)
            backend.apply_migrations(todo[:1])
            typed(path)
            backend.apply_migrations(todo[1:most])
        backend.connection.close()
        with closing(sqlite3.connect(path)) as conn:
            conn.execute(
                "UPDATE _yoyo_log SET username = 'user', hostname = 'host'"
            )  # whose machine it was is nobody's business
            conn.commit()
            conn.execute("VACUUM")
    shutil.copy(HERE / "yoyo" / "newest.db", new("yoyo", "killed.db"))
    code = f"import os; from yoyo import get_backend; held = get_backend('sqlite:///{HERE}/yoyo/killed.db').lock(); held.__enter__(); os._exit(0)"
    run(sys.executable, "-c", code)


def with_alembic() -> None:
    from alembic import command
    from alembic.config import Config

    for name, revision in (("older.db", "1975ea83b712"), ("newest.db", "head")):
        path = new("alembic", name)
        config = Config()
        config.set_main_option("script_location", str(HERE / "alembic"))
        config.set_main_option("sqlalchemy.url", f"sqlite:///{path}")
        command.upgrade(config, revision)
        typed(path)


def with_dbmate() -> None:
    folder = HERE / "dbmate" / "migrations"
    for name, most in (("older.db", 2), ("newest.db", 3)):
        path, some = new("dbmate", name), HERE / "dbmate" / "some"
        some.mkdir()
        for file in sorted(folder.iterdir())[:most]:
            shutil.copy(file, some)
        run(JS / ".bin/dbmate", "--url", f"sqlite:{path}", "-d", some, "--no-dump-schema", "up")
        shutil.rmtree(some)
        typed(path)


MIGRATE = """
import { drizzle } from "drizzle-orm/libsql";
import { migrate } from "drizzle-orm/libsql/migrator";
await migrate(drizzle("file:" + process.argv[2]), { migrationsFolder: process.argv[3] });
"""


def with_drizzle() -> None:
    """The folder itself is drizzle-kit's: generated twice, the second time with one more table."""
    folder, work = HERE / "drizzle", JS.parent
    shutil.rmtree(folder / "drizzle", ignore_errors=True)
    (work / "migrate.mjs").write_text(MIGRATE)
    more = 'export const tags = sqliteTable("tags", { note: integer("note"), tag: text("tag") });\n'
    schema = (folder / "schema.ts").read_text()
    for name, text in (("older", schema), ("newest", schema + more)):
        (work / "schema.ts").write_text(text)
        kit = ("generate", "--dialect", "sqlite", "--schema", "./schema.ts", "--out", "./drizzle", "--name", name)
        run(JS / ".bin/drizzle-kit", *kit, cwd=work)
        path = new("drizzle", f"{name}.db")
        run("node", "migrate.mjs", path, "./drizzle", cwd=work)
        typed(path)
    shutil.move(work / "drizzle", folder / "drizzle")
    for snapshot in (folder / "drizzle" / "meta").glob("*_snapshot.json"):
        snapshot.unlink()  # for drizzle-kit alone


if __name__ == "__main__":
    for tool in sys.argv[1:] or ["sqlite_utils", "sqlite_migrate", "yoyo", "alembic", "dbmate", "drizzle"]:
        globals()[f"with_{tool}"]()
