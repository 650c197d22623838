"""Draw the demo app's schema into the docs: `make pictures`. A test fails while they are not those of the newest migration."""

from __future__ import annotations

import re
from pathlib import Path

from demo_app import MIGRATOR
from embedmig.drift import newest_schema
from embedmig.pictures import entities_mermaid, entities_svg, evolution_svg

DOCS = Path(__file__).resolve().parent.parent / "docs"


def files() -> dict[Path, str]:
    """What each file should say."""
    page = DOCS / "demo-schema.md"
    blocks = {"mermaid": entities_mermaid(MIGRATOR), "sql": newest_schema(MIGRATOR)}
    return {
        DOCS / "pictures" / "demo-schema.svg": entities_svg(MIGRATOR),
        DOCS / "pictures" / "demo-evolution.svg": evolution_svg(MIGRATOR),
        page: filled(page.read_text(encoding="utf-8"), blocks),
    }


def filled(page: str, blocks: dict[str, str]) -> str:
    """The page with new text in its fenced blocks of these languages, one of each."""
    for language, text in blocks.items():
        page, count = re.subn(
            rf"(?ms)^```{language}\n.*?^```$", lambda _, said=f"```{language}\n{text}```": said, page
        )  # fmt: skip
        assert count == 1, f"the page has {count} blocks of {language}"
    return page


def main() -> None:
    for path, text in files().items():
        path.write_text(text, encoding="utf-8", newline="\n")
        print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
