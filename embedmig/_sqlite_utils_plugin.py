"""`sqlite-utils embedmig ...`. Every `sqlite_utils.Database()` of an environment imports this: it stays tiny, and it must
never have a `prepare_connection`, which would run on every connection of every program there."""

from sqlite_utils import hookimpl

TYPE_CHECKING = False
if TYPE_CHECKING:
    import click


@hookimpl
def register_commands(cli: "click.Group") -> None:
    from embedmig.cli.entry import main

    cli.add_command(main, "embedmig")
