"""What every command has: an example under -h, --json, --debug, sentences instead of tracebacks, and its exit status."""

from __future__ import annotations

import errno
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import Any, NamedTuple

import click

from embedmig.cli import config
from embedmig.cli.output import Answer, as_json
from embedmig.errors import DatabaseDamaged, EmbedmigError, NotADatabase, UnusablePath, UsageError
from embedmig.migrator import Migrator

UNREADABLE = (UsageError, UnusablePath, NotADatabase, DatabaseDamaged)
JSON = "embedmig.json"  # of a click context: is JSON wanted?
Function = Callable[..., Answer | None]


class Subject(NamedTuple):
    """The file that a command is about, and the app's migrations."""

    migrator: Migrator
    path: str

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        return click.format_filename(self.path)


class Stopped(Exception):
    """Ctrl-C, and what became of the file."""


class Command(click.Command):
    """A command that answers with an Answer, and tells errors as sentences on stderr."""

    def __init__(self, *args: Any, stopped: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stopped = stopped  # what became of things after Ctrl-C
        self.params += [
            click.Option(["--json", "as_json"], is_flag=True, help="Answer as JSON, for programs."),
            click.Option(["--debug"], is_flag=True, help="Show the traceback of an error, and what is logged."),
        ]

    def invoke(self, ctx: click.Context) -> None:
        json, debug = ctx.params.pop("as_json"), ctx.params.pop("debug")
        ctx.meta[JSON] = json
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")  # a name may have any character, and a console few
        try:
            with _logged(debug), wrong_calls(json=json):
                answer = self._answer(ctx)
        except (EmbedmigError, Stopped) as error:
            _tell(error, json, debug)
            ctx.exit(2 if isinstance(error, UNREADABLE) else 1)
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of our output has gone: click ends quietly
                raise
            _tell(error, json, debug)
            ctx.exit(2)
        if answer is not None:
            _write(as_json(answer.data) if json else answer.text)
            ctx.exit(answer.status)

    def _answer(self, ctx: click.Context) -> Answer | None:
        try:
            answer: Answer | None = super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            raise Stopped(f"Stopped by Ctrl-C. {self.stopped}".rstrip()) from interrupt
        return answer

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        extra.setdefault("help_option_names", ["-h", "--help"])
        with wrong_calls(json="--json" in args):  # click takes them out of the list
            return super().make_context(info_name, args, parent, **extra)


@contextmanager
def wrong_calls(*, json: bool) -> Iterator[None]:
    """A call that is wrong is told by click, on stderr; where JSON is wanted, as JSON too."""
    try:
        yield
    except click.UsageError as error:
        if json:
            _write(as_json({"error": {"type": "UsageError", "message": error.format_message()}}))
        raise


def _write(text: str) -> None:
    """To stdout; where that takes no more, a sentence on stderr."""
    try:
        click.echo(text)
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader of our output has gone: click ends quietly
            raise
        with suppress(OSError):
            sys.stdout.close()  # else Python tries once more at its end, and complains
        said = f"The answer can't be written: {error.strerror}. What the command did stands."
        click.echo(f"{click.style('Error:', fg='red')} {said}", err=True)
        raise click.exceptions.Exit(2) from error


def _tell(error: Exception, json: bool, debug: bool) -> None:
    if debug:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    said = error.args[0] if isinstance(error, Stopped) else error
    click.echo(f"{click.style('Error:', fg='red')} {said}", err=True)
    if json:
        _write(as_json({"error": error}))


@contextmanager
def _logged(debug: bool) -> Iterator[None]:
    """What the library logs goes to stderr: warnings, and all of it with --debug."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    log = logging.getLogger("embedmig")
    level, passes_on = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.DEBUG if debug else logging.WARNING)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = passes_on


def command(*examples: str, stopped: str = "Nothing was changed.") -> Callable[[Function], Command]:
    """A command named as its function, its docstring the help, with examples below. `stopped`: what is true after Ctrl-C."""
    lines = "\n".join(f"  {example}" for example in examples)
    epilog = f"\b\n{'Example' if len(examples) == 1 else 'Examples'}:\n{lines}"

    def made(function: Function) -> Command:
        name = function.__name__.rstrip("_")
        return click.command(name, cls=Command, epilog=epilog, stopped=stopped)(function)

    return made


migrations_option = click.option(
    "-m",
    "--migrations",
    metavar="NAME",
    help='Their package, their folder, or "module:NAME" of the app\'s own Migrator.',
)
database_option = click.option("-d", "--database", metavar="FILE", help="The database.")
yes_option = click.option("-y", "--yes", is_flag=True, help="Don't ask.")


def about_a_file(function: Function) -> Function:
    """`embedmig status notes.db`, or -d, or what the configuration says."""
    return click.argument("db", metavar="[DB]", required=False)(_with_subject(function))


def about_the_file(function: Function) -> Function:
    """The same where something else is named by its place: -d, or what the configuration says."""
    return _with_subject(function)


def _with_subject(function: Function) -> Function:
    @wraps(function)
    def called(
        *, db: str | None = None, database: str | None = None, migrations: str | None = None, **rest: Any
    ) -> Answer | None:
        found = config.read()
        _refuse_a_version(db)
        path = config.database(one_of(db, database), found)
        return function(Subject(config.migrator(migrations, found), path), **rest)

    return database_option(migrations_option(called))


def _refuse_a_version(db: str | None) -> None:
    """`migrate 3` would make a file called 3."""
    takes_version = any("--to" in one.opts for one in click.get_current_context().command.params)
    if takes_version and db is not None and db.isascii() and db.isdigit() and not os.path.lexists(db):
        what = f"There is no file {db}. If the version is meant: --to {db}. If a file is to be called so: -d {db}."
        raise click.UsageError(what)


def one_of(db: str | None, database: str | None) -> str | None:
    """The file that is named, by its place or by -d."""
    if db is not None and database is not None and db != database:
        raise click.UsageError(f"Two files are named: {db} and {database}.")
    return database if db is None else db


def about_migrations(function: Function) -> Function:
    """A command that needs the app's migrations and no file of a user."""

    @wraps(function)
    def called(*, migrations: str | None = None, **rest: Any) -> Answer | None:
        return function(config.migrator(migrations, config.read()), **rest)

    return migrations_option(called)


def json_wanted() -> bool:
    """Was --json given to the command that runs?"""
    return bool(click.get_current_context().meta.get(JSON))


def ask(question: str, yes: bool) -> None:
    """Ask before something that can't be taken back easily; without a terminal only --yes will do."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("This asks before it goes on, and there is no terminal to ask on. Add --yes.")
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:  # Ctrl-C, or the end of what is typed
        click.echo(err=True)
        agreed = False
    if not agreed:
        click.echo("Nothing was changed.", err=True)
        raise click.exceptions.Exit(1)
