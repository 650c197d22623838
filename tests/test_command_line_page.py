"""The page of the command line says what the commands say."""

from __future__ import annotations

import importlib.util
import re

import click
from helpers import ROOT

from embedmig.cli.entry import main

PAGE = ROOT / "docs" / "command-line.md"


def page() -> str:
    spec = importlib.util.spec_from_file_location("command_line", ROOT / "docs" / "command_line.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(module.page())


def test_the_page_is_what_the_commands_say() -> None:
    """If not: `make docs`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_command_has_its_place_an_example_and_words_for_each_option() -> None:
    text = PAGE.read_text(encoding="utf-8")
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        place = re.search(rf"^### embedmig {name}\n(.*?)(?=^###? |\Z)", text, re.M | re.S)
        assert place is not None and f"$ embedmig {name}" in place[1]
        for option in command.params:
            assert not isinstance(option, click.Option) or option.help, f"{name}: {option.name} says nothing"


def test_what_the_page_leads_to_is_there() -> None:
    for link in re.findall(r"\]\(((?!http)[^)]+)\)", PAGE.read_text(encoding="utf-8")):
        assert (ROOT / "docs" / link).exists()
