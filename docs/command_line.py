"""Writes docs/command-line.md from the commands themselves: `make docs`. A test fails when the page is out of date."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import click

from embedmig.cli.entry import SECTIONS, main

PAGE = Path(__file__).with_name("command-line.md")
COMMON = {"--json", "--debug", "--help", "--migrations", "--database"}
HEAD = """\
<!-- Made by `make docs` from the commands themselves: don't edit it here. -->
# The command line

`embedmig` is for the developer of an app; a user never needs it, since the app migrates its file when it opens it. It comes with the
package, also as `python -m embedmig`, and as `sqlite-utils embedmig` beside the commands of
[sqlite-utils](https://sqlite-utils.datasette.io/en/stable/plugins.html).

```console
$ embedmig status notes.db
$ embedmig rehearse notes.db
$ embedmig migrate notes.db
```

## Say once which migrations and which file

In the nearest `pyproject.toml`, from the current folder upwards:

```toml
[tool.embedmig]
migrations = "notes_app.db:MIGRATOR"   # the app's own Migrator: then its policy holds here as well
database = "notes.db"                  # a path is relative to the pyproject.toml
schema = "schema.sql"
```

`migrations` may also be a package (`"notes_app.migrations"`) or a folder. Where migrations or tables need functions of the app's, name its
Migrator: its `prepare` registers them. Without any of this, the folder `migrations` is meant.

## What all commands have

- `-m NAME`, `--migrations NAME`: other migrations than those that are configured, by the same names; `-d FILE`, `--database FILE`: another file,
  which may also stand by itself where nothing else does: `embedmig status notes.db`.
- `-h` shows a command's options, with an example.
- `--json` answers in JSON, for programs; an error too, as `{"error": ...}`.
- `--debug` shows the traceback of an error, and what the library logs.
- The exit status is 0 if it did what it was asked; 1 if it refused, failed or was stopped, or found something wrong (`check`, `drift`, `doctor`,
  `fleet`); 2 if the call is wrong, or the file is not there or can't be read. That migrations are pending is no error, but with `status --exit-code`: 1.
- What can't be taken back (`reset`, `restore`, `rollback`) asks first, and does nothing without a terminal unless `--yes` is given.
- Errors go to stderr. `NO_COLOR=1` keeps colours away. Long work shows a progress bar on a terminal, and Ctrl-C undoes it.

[Check migrations before they are released](check-in-ci.md) has the lines for CI and for pre-commit.

## Complete commands with the tab key

| Shell | Line, and where |
|---|---|
| bash | `eval "$(_EMBEDMIG_COMPLETE=bash_source embedmig)"` in `~/.bashrc` |
| zsh | `eval "$(_EMBEDMIG_COMPLETE=zsh_source embedmig)"` in `~/.zshrc` |
| fish | `_EMBEDMIG_COMPLETE=fish_source embedmig \\| source` in `~/.config/fish/completions/embedmig.fish` |
"""


def page() -> str:
    """The page as the commands are now."""
    context = click.Context(main, info_name="embedmig")
    parts = [HEAD]
    for section, names in SECTIONS.items():
        parts.append(f"## {section}\n")
        commands = {name: main.get_command(context, name) for name in names}
        parts += [_described(name, found) for name, found in commands.items() if found is not None]
    return "\n".join(parts)


def _described(name: str, command: click.Command) -> str:
    said = inspect.cleandoc(command.help or "").replace("\b\n", "")
    parts = [f"### embedmig {name}", said, _examples(command)]
    if rows := [row for parameter in command.params if (row := _row(parameter))]:
        parts.append("\n".join(["| | |", "|---|---|", *rows]))
    return "\n\n".join(part for part in parts if part) + "\n"


def _examples(command: click.Command) -> str:
    lines = [line.strip() for line in (command.epilog or "").splitlines()]
    shown = [line for line in lines if line.startswith("embedmig")]
    return "\n".join(["```console", *(f"$ {line}" for line in shown), "```"]) if shown else ""


def _row(parameter: click.Parameter) -> str | None:
    """`| -m, --migrations NAME | what it means |`; None for what all have, and for what the example shows."""
    if not isinstance(parameter, click.Option) or COMMON & set(parameter.opts) or parameter.hidden:
        return None
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    if not parameter.is_flag:
        names += f" {parameter.metavar or _kind(parameter)}"
    said = parameter.help or ""
    if parameter.required:
        said += " Must be given."
    cells = (f"`{names}`", said.strip())
    return "| {} | {} |".format(*(re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in cells))


def _kind(parameter: click.Option) -> str:
    if isinstance(parameter.type, click.Choice):
        return "[" + "|".join(map(str, parameter.type.choices)) + "]"
    return parameter.type.name.upper()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
