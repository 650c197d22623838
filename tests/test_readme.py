"""What the README and the guide show is run, in order, in an empty folder, as a reader would.

- Every ```python block runs, all of one page in one namespace; it may use the files that the page shows.
- `<!-- file: migrations/001_initial.py -->` above a block (of any language) means: this is the content of that file.
- `<!-- not run: reason -->` above a ```python block: it is only parsed.
- A ```text block right below a ```python block is what it prints. A comment behind a `print(...)` that is a value, as in
  `print(2 + 2)  # 4`, is a line of what it prints; any other is for reading.
- Blocks in other languages (```console, ```sql, ...) are for reading.
"""

from __future__ import annotations

import ast
import json
import re
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest
from helpers import ROOT, script

PAGES = [ROOT / "README.md", ROOT / "demo_app" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
IDS = [page.relative_to(ROOT).as_posix() for page in PAGES]

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```[ ]*$", re.M | re.S)
DIRECTIVE = re.compile(r"<!--\s*(file|not run):\s*(.+?)\s*-->\s*\Z")
SHOWN = re.compile(r"^ *print\(.*\)  # (.+)$", re.M)


class Block(NamedTuple):
    """One fenced block of a page."""

    language: str
    line: int  # of its first line of text
    text: str
    file: str | None  # it is this file
    skipped: str | None  # why it isn't run
    output: str | None  # what it prints, where the page says so

    @property
    def values(self) -> list[str]:
        """Lines that it prints, by the comments behind its print()s."""
        return [comment for comment in SHOWN.findall(self.text) if is_value(comment)]


def is_value(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return False
    return True


def blocks(page: str) -> list[Block]:
    found: list[Block] = []
    fences = list(FENCE.finditer(page))
    for fence, after in zip(fences, [*fences[1:], None], strict=False):
        directive = DIRECTIVE.search(page, 0, fence.start())
        kind, value = directive.groups() if directive else (None, None)
        text = textwrap.dedent(fence["text"])
        output = None
        if after and after["language"] == "text" and not page[fence.end() : after.start()].strip():
            output = textwrap.dedent(after["text"])
        found.append(
            Block(
                fence["language"],
                page.count("\n", 0, fence.start("text")) + 1,
                text,
                value if kind == "file" else None,
                value if kind == "not run" else None,
                output,
            )
        )
    return found


RUN = """
import contextlib, io, json, os, sys  # `python -c` finds the app's package in the current folder
page, steps = json.load(sys.stdin)
namespace = {"__name__": "__main__"}
printed = []

def save(name, text):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)

for kind, _, name, text in reversed(steps):  # the first text of each file stands there from the beginning
    if kind == "file":
        save(name, text)
for kind, line, name, text in steps:
    if kind == "file":
        save(name, text)
        continue
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile("\\n" * (line - 1) + text, page, "exec"), namespace)
    printed.append(out.getvalue())
print(json.dumps(printed))
"""


def run(page: Path, found: list[Block], folder: Path) -> list[str]:
    """What each block that is run prints. An error shows the page's own line."""
    steps = [
        ("file" if block.file else "run", block.line, block.file, block.text)
        for block in found
        if block.file or (block.language == "python" and not block.skipped)
    ]
    done = script(RUN, cwd=folder, input=json.dumps([str(page), steps]), timeout=120)
    return json.loads(done.stdout)


def check(page: Path, folder: Path) -> None:
    found = blocks(page.read_text(encoding="utf-8"))
    ran = [block for block in found if block.language == "python" and not block.file and not block.skipped]
    for block, printed in zip(ran, run(page, found, folder), strict=True):
        place = f"{page.name}, line {block.line}"
        assert block.output in (None, printed), place
        assert [line for line in printed.splitlines() if line in block.values] == block.values, place


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_the_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    check(page, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_what_is_not_run_is_python_too(page: Path) -> None:
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.language == "python":
            ast.parse("\n" * (block.line - 1) + block.text, str(page))


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


PAGE = """\
Intro.

```python
import app.migrations
print(2 + 2)  # 4
```

<!-- file: app/migrations/001_a.sql -->
```sql
CREATE TABLE a (x);
```

- in a list:

  <!-- not run: it would take a week -->
  ```python
  while True: ...
  ```

```python
print(open("app/migrations/001_a.sql").read())
```

```text
CREATE TABLE a (x);

```

```console
$ rm -rf /
```
"""


def test_the_blocks_of_a_page_are_read_as_they_are_meant(tmp_path: Path) -> None:
    found = blocks(PAGE)
    assert found == [
        Block("python", 4, "import app.migrations\nprint(2 + 2)  # 4\n", None, None, None),
        Block("sql", 10, "CREATE TABLE a (x);\n", "app/migrations/001_a.sql", None, None),
        Block("python", 17, "while True: ...\n", None, "it would take a week", None),
        Block(
            "python",
            21,
            'print(open("app/migrations/001_a.sql").read())\n',
            None,
            None,
            "CREATE TABLE a (x);\n\n",
        ),
        Block("text", 25, "CREATE TABLE a (x);\n\n", None, None, None),
        Block("console", 30, "$ rm -rf /\n", None, None, None),
    ]
    assert found[0].values == ["4"]
    assert run(tmp_path / "PAGE.md", found, tmp_path) == ["4\n", "CREATE TABLE a (x);\n\n"]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("One.\n\n```python\nx = 1\nx.nothing\n```\n", r'PAGE\.md", line 5'),
        ("```python\nprint(2 + 2)  # 5\n```\n", r"PAGE\.md, line 2"),
        ("```python\nprint(2 + 2)\n```\n\n```text\n5\n```\n", r"PAGE\.md, line 2"),
        ("```python\npass\n```\n\n```text\n5\n```\n", r"PAGE\.md, line 2"),
    ],
    ids=["an error", "another value", "another text", "nothing printed"],
)
def test_a_page_that_is_wrong_is_named_with_its_line(text: str, place: str, tmp_path: Path) -> None:
    page = tmp_path / "PAGE.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(AssertionError, match=place):
        check(page, tmp_path)
