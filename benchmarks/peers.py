"""The migrators, each driven as its own documentation says: how its app is written, and how it is launched.

None is held back: each runs with the settings that its documentation gives for speed, and all files are byte-compiled.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.histories import Step


class Peer(NamedTuple):
    """One migrator. `launch` is a script; {folder}, {path} and {package} are filled in, `write` makes the package."""

    key: str
    label: str
    distribution: str | None
    write: Callable[[Path, Sequence[Step], str], None]
    launch: str
    most: int = 1_000_000  # migrations
    why: str = ""  # no more than that


def write(peer: Peer, folder: Path, steps: Sequence[Step], kind: str) -> None:
    """The app of one migrator in `folder`: its package is called `app`. `kind`: migrations in "sql" where it can, or in "python"."""
    app = folder / "app"
    app.mkdir(parents=True, exist_ok=True)
    (app / "__init__.py").touch()
    peer.write(app, steps, kind)


def script(peer: Peer, folder: Path, path: Path, first: str = "") -> str:
    text = f"import sys\nsys.path.insert(0, {str(folder)!r})\n{first}{peer.launch}"
    return text.replace("{folder}", repr(str(folder / "app"))).replace("{path}", repr(str(path)))


def _function(head: str, lines: str) -> str:
    return head + "\n" + textwrap.indent(lines, "    ") + "\n"


def _sql(step: Step) -> str:
    return f"-- Step {step.version}.\n" + ";\n".join(step.statements) + ";\n"


# -- embedmig --------------------------------------------------------------------------------------------------------


def _write_embedmig(app: Path, steps: Sequence[Step], kind: str) -> None:
    for step in steps:
        if kind == "sql":
            (app / f"{step.version:04}_step.sql").write_text(_sql(step))
            continue
        lines = "execute, executemany = db.execute, db.conn.executemany\n" + step.python("embedmig", kind)
        head = "def up(db, progress):" if "progress(" in lines else "def up(db):"
        (app / f"{step.version:04}_step.py").write_text(f'"""Step {step.version}."""\n\n\n' + _function(head, lines))


EMBEDMIG = Peer(
    "embedmig", "embedmig", "embedmig", _write_embedmig,
    "import embedmig\nembedmig.connect({path}, 'app').close()\n",
)  # fmt: skip
NO_BACKUP = EMBEDMIG._replace(launch="import embedmig\nembedmig.connect({path}, 'app', backups=0).close()\n")
OPEN = EMBEDMIG._replace(launch="import embedmig\nembedmig.open({path}, 'app').close()\n")


# -- by hand ---------------------------------------------------------------------------------------------------------


def _write_by_hand(app: Path, steps: Sequence[Step], kind: str) -> None:
    for step in steps:
        name = f"m{step.version:04}_step"
        if kind == "sql":
            (app / f"{name}.sql").write_text(_sql(step))
        else:
            lines = "execute, executemany = conn.execute, conn.executemany\n" + step.python("by_hand", kind)
            (app / f"{name}.py").write_text(_function("def up(conn):", lines))


_BY_HAND = """\
import importlib, os, sqlite3
conn = sqlite3.connect({path}, isolation_level=None)
version = conn.execute("PRAGMA user_version").fetchone()[0]
names = sorted(name for name in os.listdir({folder}) if name[:1] == "m" and name[1:5].isdigit())
for number, name in enumerate(names, 1):
    if number <= version:
        continue
    if name.endswith(".sql"):
        with open(os.path.join({folder}, name), encoding="utf-8") as file:
            conn.executescript("BEGIN;" + file.read() + f"PRAGMA user_version = {number}; COMMIT;")
    else:
        conn.execute("BEGIN")
        importlib.import_module("app." + name[:-3]).up(conn)
        conn.execute(f"PRAGMA user_version = {number}")
        conn.execute("COMMIT")
conn.close()
"""
_AT_ONCE = """\
import importlib, os, sqlite3
conn = sqlite3.connect({path}, isolation_level=None)
names = sorted(name for name in os.listdir({folder}) if name[:1] == "m" and name[1:5].isdigit())
texts = ["BEGIN;"]
for name in names:
    if name.endswith(".sql"):
        with open(os.path.join({folder}, name), encoding="utf-8") as file:
            texts.append(file.read())
    else:
        conn.in_transaction or conn.execute("BEGIN")
        importlib.import_module("app." + name[:-3]).up(conn)
if conn.in_transaction:
    conn.execute(f"PRAGMA user_version = {len(names)}")
    conn.execute("COMMIT")
else:
    conn.executescript("".join(texts) + f"PRAGMA user_version = {len(names)}; COMMIT;")
conn.close()
"""
BY_HAND = Peer("by_hand", "by hand, one transaction each", None, _write_by_hand, _BY_HAND)
AT_ONCE = Peer("by_hand", "by hand, one transaction", None, _write_by_hand, _AT_ONCE)


# -- the others ------------------------------------------------------------------------------------------------------


def _write_sqlite_utils(app: Path, steps: Sequence[Step], kind: str) -> None:
    """https://sqlite-utils.datasette.io/en/stable/migrations.html: functions in one migrations.py."""
    texts = ['from sqlite_utils import Migrations\n\nmigrations = Migrations("app")\n']
    for step in steps:
        lines = "execute, executemany = db.execute, db.conn.executemany\n" + step.python("sqlite_utils", kind)
        texts.append(_function(f"@migrations()\ndef m{step.version:04}(db):", lines))
    (app / "migrations.py").write_text("\n\n".join(texts))


_SQLITE_UTILS = """\
from sqlite_utils import Database
from app.migrations import migrations
db = Database({path}, execute_plugins=False)
migrations.apply(db)
db.close()
"""


def _write_yoyo(app: Path, steps: Sequence[Step], kind: str) -> None:
    """https://ollycope.com/software/yoyo/latest/#migration-files: `.sql` files, or steps that are functions."""
    for step in steps:
        name, before = f"{step.version:04}.step", f"{step.version - 1:04}.step"
        if kind == "sql":
            depends = f"-- depends: {before}\n" if step.version > 1 else ""
            (app / f"{name}.sql").write_text(
                f"-- Step {step.version}.\n{depends}" + ";\n".join(step.statements) + ";\n"
            )
            continue
        lines = "execute, executemany = conn.execute, conn.executemany\n" + step.python("yoyo", kind)
        depends = f'__depends__ = {{"{before}"}}\n\n\n' if step.version > 1 else "\n"
        text = "from yoyo import step\n\n" + depends + _function("def change(conn):", lines)
        (app / f"{name}.py").write_text(text + "\n\nsteps = [step(change)]\n")
    (app / "__init__.py").unlink()


_YOYO = """\
from yoyo import get_backend, read_migrations
backend = get_backend("sqlite:///" + {path})
migrations = read_migrations({folder})
with backend.lock():
    backend.apply_migrations(backend.to_apply(migrations))
backend.connection.close()
"""


def _write_alembic(app: Path, steps: Sequence[Step], kind: str) -> None:
    """What `alembic init` makes, with transactional DDL as its and SQLAlchemy's SQLite pages say: all in one transaction."""
    (app / "versions").mkdir(exist_ok=True)
    (app / "env.py").write_text(_ALEMBIC_ENV)
    for step in steps:
        before = repr(f"{step.version - 1:04}") if step.version > 1 else None
        lines = "execute = executemany = op.get_bind().exec_driver_sql\n" + step.python("alembic", kind)
        if "alembic" in step.own or kind == "sql":
            lines = step.own.get("alembic") or "\n".join(f'op.execute("""{s}""")' for s in step.statements)
        text = "import sqlalchemy as sa\nfrom alembic import op\n\n"
        text += f'revision, down_revision = "{step.version:04}", {before}\n\n\n'
        (app / "versions" / f"{step.version:04}_step.py").write_text(text + _function("def upgrade():", lines))


_ALEMBIC_ENV = """\
from alembic import context
from sqlalchemy import engine_from_config, event, pool

config = context.config
connectable = engine_from_config(
    config.get_section(config.config_ini_section, {}), prefix="sqlalchemy.", poolclass=pool.NullPool
)


@event.listens_for(connectable, "connect")
def leave_transactions_alone(connection, record):
    connection.isolation_level = None


@event.listens_for(connectable, "begin")
def begin(connection):
    connection.exec_driver_sql("BEGIN")


with connectable.connect() as connection:
    context.configure(connection=connection, target_metadata=None, render_as_batch=True, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
"""
_ALEMBIC = """\
from alembic import command
from alembic.config import Config
config = Config()
config.set_main_option("script_location", {folder})
config.set_main_option("path_separator", "os")
config.set_main_option("sqlalchemy.url", "sqlite:///" + {path})
command.upgrade(config, "head")
"""


def _write_django(app: Path, steps: Sequence[Step], kind: str) -> None:
    (app / "migrations").mkdir(exist_ok=True)
    (app / "migrations" / "__init__.py").touch()
    for step in steps:
        text = "from django.db import migrations, models\n\n\n"
        if "django" in step.own:
            operations = step.own["django"]
        elif kind == "sql":
            operations = f"migrations.RunSQL({list(step.statements)!r})"
        else:
            lines = "connection = schema_editor.connection\nexecute, executemany = connection.cursor().execute, connection.cursor().executemany\n"
            text += _function("def change(apps, schema_editor):", lines + step.python("django", kind, "%s")) + "\n\n"
            operations = "migrations.RunPython(change)"
        before = f'("app", "{step.version - 1:04}_step")' if step.version > 1 else ""
        text += (
            f"class Migration(migrations.Migration):\n    dependencies = [{before}]\n    operations = [{operations}]\n"
        )
        (app / "migrations" / f"{step.version:04}_step.py").write_text(text)


_DJANGO = """\
import django
from django.conf import settings
from django.core.management import call_command
settings.configure(
    INSTALLED_APPS=["app"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": {path}}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
)
django.setup()
call_command("migrate", verbosity=0)
"""


def _write_caribou(app: Path, steps: Sequence[Step], kind: str) -> None:
    for step in steps:
        lines = "execute, executemany = conn.execute, conn.executemany\n" + step.python("caribou", kind)
        text = _function("def upgrade(conn):", lines) + "\n\ndef downgrade(conn):\n    pass\n"
        (app / f"v{20_260_101_000_000 + step.version}_step.py").write_text(text)


_CARIBOU = "import caribou\ncaribou.upgrade({path}, {folder})\n"


def _write_peewee(app: Path, steps: Sequence[Step], kind: str) -> None:
    for step in steps:
        head = "def migrate(migrator, database, *, fake=False):"
        if kind == "sql":
            lines = "\n".join(f'migrator.sql("""{s}""")' for s in step.statements)
        else:
            body = "execute, executemany = database.execute_sql, database.connection().executemany\n"
            lines = _function("def change():", body + step.python("peewee", kind)) + "\nmigrator.run(change)"
        (app / f"{step.version:03}_step.py").write_text(_function(head, lines))


_PEEWEE = """\
from peewee import SqliteDatabase
from peewee_migrate import Router
database = SqliteDatabase({path})
Router(database, migrate_dir={folder}).run()
database.close()
"""

SQLITE_UTILS = Peer("sqlite_utils", "sqlite-utils Migrations", "sqlite-utils", _write_sqlite_utils, _SQLITE_UTILS)
YOYO = Peer("yoyo", "yoyo", "yoyo-migrations", _write_yoyo, _YOYO)
ALEMBIC = Peer("alembic", "Alembic", "alembic", _write_alembic, _ALEMBIC)
DJANGO = Peer("django", "Django", "Django", _write_django, _DJANGO)
CARIBOU = Peer("caribou", "caribou", "caribou", _write_caribou, _CARIBOU)
PEEWEE = Peer(
    "peewee", "peewee-migrate", "peewee-migrate", _write_peewee, _PEEWEE, 999, "its file names have three digits"
)

OTHERS = (SQLITE_UTILS, YOYO, ALEMBIC, DJANGO, CARIBOU, PEEWEE)
NEEDED = (
    "sqlite-utils>=4.2", "yoyo-migrations>=9", "alembic>=1.20", "django>=5.2", "caribou>=0.6", "peewee-migrate>=2.3",
)  # fmt: skip
LEDGERS = (
    "_migrations", "_sqlite_migrations", "_yoyo_log", "_yoyo_migration", "_yoyo_version", "yoyo_lock", "alembic_version",
    "django_migrations", "migration_version", "migratehistory",
)  # fmt: skip
