"""The group of all commands. Each is loaded when it is called: `sqlite-utils` asks for the group at every start."""

from __future__ import annotations

import importlib

import click

# Which file of this folder has which command, as --help shows them.
SECTIONS = {
    "Write migrations": {"new": "folders", "check": "checks", "renumber": "checks", "adopt": "folders"},
    "Look at a file; nothing is written": {
        "status": "versions", "history": "looks", "rehearse": "looks", "drift": "looks", "backups": "copies", "doctor": "checks",
    },
    "Change a file": {
        "migrate": "versions", "rollback": "versions", "baseline": "versions", "backup": "copies", "restore": "copies",
        "reset": "copies", "fleet": "fleet",
    },
    "What the migrations make": {"schema": "looks"},
}  # fmt: skip
EPILOG = """\b
Defaults stand in the nearest pyproject.toml:
  [tool.embedmig]
  migrations = "notes_app.migrations"    # a package, or a folder, or
  migrations = "notes_app.db:MIGRATOR"   # the app's own Migrator
  database = "notes.db"
  schema = "schema.sql"

\b
Exit status: 0 it did what it was asked; 1 it refused, failed or was
stopped, or found something wrong; 2 the call is wrong, or the file is not
there or can't be read. That migrations are pending is no error, but with
status --exit-code.
"""
ROOMS = {name: room for section in SECTIONS.values() for name, room in section.items()}


class Commands(click.Group):
    """The commands, loaded by name, and listed under their sections."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(ROOMS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        room = ROOMS.get(cmd_name)
        if room is None:
            return None
        found: click.Command = getattr(importlib.import_module(f"embedmig.cli.{room}"), cmd_name)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            from embedmig.cli.command import wrong_calls

            with wrong_calls(json="--json" in args):
                raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, ROOMS))
        for section, names in SECTIONS.items():
            commands = {name: self.get_command(ctx, name) for name in names}
            with formatter.section(section):
                formatter.write_dl(
                    [
                        (f"{n:{width}}", c.get_short_help_str(formatter.width - width - 6))
                        for n, c in commands.items()
                        if c
                    ]
                )


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from embedmig.cli.output import versions

        click.echo(versions())
        ctx.exit()


@click.group(
    "embedmig",
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EPILOG,
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_version,
    help="Show the versions of embedmig, SQLite and Python.",
)
def main() -> None:
    """Bring an app's SQLite files to the newest version, look at them, write migrations."""
