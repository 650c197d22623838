"""The pictures: everything is in them once, text fits its box, lines join the right boxes, and mermaid can read its text."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from contextlib import closing
from itertools import combinations
from xml.etree import ElementTree

import pytest
from helpers import ROOT, sql
from hypothesis import given, settings
from hypothesis import strategies as st

import demo_app
import demo_app.pictures
from embedmig import Migration, MigrationFailed, Migrator, entities, outline, pictures, svg

SVG = "{http://www.w3.org/2000/svg}"

SHOP = """
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, boss INTEGER REFERENCES users);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users (id), total DECIMAL(10, 2));
    CREATE TABLE items (order_id REFERENCES orders (id), n INTEGER, PRIMARY KEY (order_id, n)) WITHOUT ROWID;
    CREATE TABLE notes (item_order, item_n, FOREIGN KEY (item_order, item_n) REFERENCES items (order_id, n));
    CREATE TABLE profile (user_id INTEGER PRIMARY KEY REFERENCES users, lost REFERENCES nowhere);
    CREATE TABLE settings (key TEXT, value);
    CREATE VIEW recent AS SELECT id, total FROM orders;
    CREATE VIRTUAL TABLE search USING fts5(words);
"""
ODD = """
    CREATE TABLE "say ""hi"" <b> & co" ("a b" TEXT, "a-b" TEXT, "ünï" TEXT, "日本" TEXT, "1st" INTEGER, "PK" INTEGER, "}" TEXT, "percent%" TEXT);
    CREATE TABLE "order" (class TEXT, "select" REFERENCES "say ""hi"" <b> & co" ("a b"));
    CREATE TABLE title (one TEXT);
    CREATE TABLE "say 'hi' <b> & co" (x);
"""
LONG = f"CREATE TABLE {'very_' * 30}long ({'column_' * 30}long {'WORD ' * 30}); CREATE TABLE {'漢' * 60} ({'字' * 60} TEXT)"
SCHEMAS = {"shop": SHOP, "odd": ODD, "long": LONG, "one": "CREATE TABLE t (x)", "empty": "SELECT 1"}


def migrator(*texts: str) -> Migrator:
    return Migrator([sql(n, text) for n, text in enumerate(texts, 1)])


def tables(text: str) -> tuple[outline.Table, ...]:
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.executescript(text)
        return outline.tables(conn)


def read(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)


def classed(root: ElementTree.Element, tag: str, name: str) -> list[ElementTree.Element]:
    return [node for node in root.iter(SVG + tag) if name in node.get("class", "").split()]


def moved(node: ElementTree.Element) -> tuple[float, float]:
    found = re.match(r"translate\(([-\d.]+) ([-\d.]+)\)", node.get("transform", ""))
    return (float(found[1]), float(found[2])) if found else (0.0, 0.0)


def size(node: ElementTree.Element) -> int:
    if style := node.get("style"):
        return int(re.search(r"font-size:(\d+)px", style)[1])
    return next((px for name, px in (("small", 11), ("tiny", 10)) if name in node.get("class", "").split()), 12)


def extent(node: ElementTree.Element) -> tuple[float, float]:
    """The left and the right end of a text, by the width that letters have at most."""
    x, width = float(node.get("x", 0)), svg.text_width(node.text or "", size(node))
    return (x - width, x) if "end" in node.get("class", "").split() else (x, x + width)


# -- tables and their links ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", SCHEMAS.values(), ids=SCHEMAS)
def test_every_table_and_every_column_is_there_once_and_fits_its_box(text: str) -> None:
    found = tables(text)
    root = read(pictures.entities_svg(migrator(text)))
    groups = classed(root, "g", "table")
    assert [g.find(f"{SVG}title").text for g in groups] == [t.name for t in found]
    for group, table in zip(groups, found, strict=True):
        names = [node.text for node in classed(group, "text", "column")]
        assert names == [svg.shortened(column.name) for column in table.columns]
        assert [node.text for node in classed(group, "text", "name")] == [svg.shortened(table.name)]
        width = float(group.find(f"{SVG}rect").get("width"))
        by_line: dict[str, list[tuple[float, float]]] = {}
        for node in group.iter(f"{SVG}text"):
            by_line.setdefault(str(round(float(node.get("y")))), []).append(extent(node))
        for ends in by_line.values():
            for left, right in ends:
                assert left >= 10
                assert right <= width - 10
            assert all(a[1] < b[0] or b[1] < a[0] for a, b in combinations(ends, 2))


@pytest.mark.parametrize("text", [SHOP, ODD], ids=["shop", "odd"])
def test_each_line_joins_the_child_to_its_parent(text: str) -> None:
    root = read(pictures.entities_svg(migrator(text)))
    boxes = {}
    for group in classed(root, "g", "table"):
        (x, y), rect = moved(group), group.find(f"{SVG}rect")
        boxes[group.find(f"{SVG}title").text] = (x, y, x + float(rect.get("width")), y + float(rect.get("height")))
    lines = [g for g in root.iter(f"{SVG}g") if g.get("data-from")]
    expected = [(t.name, link.parent) for t in tables(text) for link in t.links if link.parent in boxes]
    assert sorted((g.get("data-from"), g.get("data-to")) for g in lines) == sorted(expected)
    for line in lines:
        points = re.findall(r"[ML]([-\d.]+) ([-\d.]+)", line.find(f"{SVG}path").get("d"))
        for (x, y), name in ((points[0], line.get("data-to")), (points[-1], line.get("data-from"))):
            left, top, right, bottom = boxes[name]
            assert float(x) in (left, right)
            assert top < float(y) < bottom


def test_a_line_says_which_columns_it_stands_for() -> None:
    root = read(pictures.entities_svg(migrator(SHOP)))
    said = {g.find(f"{SVG}title").text for g in root.iter(f"{SVG}g") if g.get("data-from")}
    assert said == {
        "users (boss) points to users",
        "orders (user_id) points to users (id)",
        "items (order_id) points to orders (id)",
        "notes (item_order, item_n) points to items (order_id, n)",
        "profile (user_id) points to users",
    }


def test_the_end_of_a_line_tells_how_many_rows_may_point_to_one() -> None:
    root = read(pictures.entities_svg(migrator(SHOP)))
    lines = {
        (g.get("data-from"), g.get("data-to")): g.findall(f"{SVG}path")
        for g in root.iter(f"{SVG}g")
        if g.get("data-from")
    }
    forked = {ends: paths[1].get("d").count("L") == 2 for ends, paths in lines.items()}
    assert {len(paths) for paths in lines.values()} == {3}  # the line and its two ends
    assert forked == {
        ("orders", "users"): True, ("items", "orders"): True, ("notes", "items"): True, ("users", "users"): True,
        ("profile", "users"): False,
    }  # fmt: skip


def test_keys_and_types_are_told_and_what_may_be_null() -> None:
    root = read(pictures.entities_svg(migrator(SHOP)))
    rows = {
        g.find(f"{SVG}title").text: [node.text for node in g.iter(f"{SVG}text")] for g in classed(root, "g", "table")
    }
    assert rows["users"] == ["users", "PK", "id", "INTEGER", "name", "TEXT", "FK", "boss", "INTEGER?"]
    assert rows["profile"] == ["profile", "PK FK", "user_id", "INTEGER", "FK", "lost"]
    assert rows["recent"] == ["recent", "view", "id", "INTEGER", "total", "DECIMAL(10, 2)"]
    assert rows["search"] == ["search", "fts5", "words"]


# -- the evolution --------------------------------------------------------------------------------------------------------

LIFE = (
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT, old TEXT); CREATE TABLE gone (x)",
    "ALTER TABLE notes ADD COLUMN title TEXT; CREATE TABLE tags (name TEXT)",
    "ALTER TABLE notes DROP COLUMN old; DROP TABLE gone",
    "SELECT 1",
    "DROP TABLE tags; CREATE TABLE tags (name TEXT NOT NULL CHECK (name <> ''))",
    "CREATE TABLE gone (x, y)",
)


def events(root: ElementTree.Element) -> list[str]:
    """What the marks say."""
    return [
        g.find(f"{SVG}title").text
        for lane in classed(root, "g", "lane-of") for g in lane.iter(f"{SVG}g") if g.find(f"{SVG}title") is not None
    ]  # fmt: skip


def test_what_came_changed_and_went_is_marked_with_its_migration() -> None:
    root = read(pictures.evolution_svg(migrator(*LIFE)))
    assert events(root) == [
        "gone: came in 001_step", "gone: went in 003_step", "gone: came in 006_step",
        "gone.x: came in 001_step", "gone.x: went in 003_step", "gone.x: came in 006_step",
        "gone.y: came in 006_step",
        "notes: came in 001_step",
        "notes.id: came in 001_step (INTEGER PRIMARY KEY)",
        "notes.body: came in 001_step (TEXT)",
        "notes.old: came in 001_step (TEXT)", "notes.old: went in 003_step",
        "notes.title: came in 002_step (TEXT)",
        "tags: came in 002_step", "tags: changed in 005_step, from nothing to CHECK (name <> '')",
        "tags.name: came in 002_step (TEXT)", "tags.name: changed in 005_step, from TEXT to TEXT NOT NULL",
    ]  # fmt: skip
    assert "In 003_step went: gone, gone.x, notes.old." in root.find(f"{SVG}desc").text
    assert [node.text for node in classed(root, "text", "changed")] == ["+ NOT NULL"]


@pytest.mark.parametrize("texts", [LIFE, (SHOP, "SELECT 1"), (ODD,), (LONG,), ("SELECT 1",), LIFE + ("SELECT 2",) * 20])
def test_every_table_and_column_has_one_lane_and_every_version_one_head(texts: tuple[str, ...]) -> None:
    root = read(pictures.evolution_svg(migrator(*texts)))
    ever: dict[str, dict[str, None]] = {}
    for count in range(1, len(texts) + 1):
        for table in tables(";".join(texts[:count])):
            ever.setdefault(table.name, {}).update(dict.fromkeys(column.name for column in table.columns))
    lanes = classed(root, "g", "lane-of")
    shown = [node.text for lane in lanes for name in ("table", "column") for node in classed(lane, "text", name)]
    assert Counter(shown) == Counter(svg.shortened(n) for name, columns in ever.items() for n in (name, *columns))
    heads = [node.text for node in classed(root, "text", "version")]
    assert heads == [f"{n:03}_step" for n in range(1, len(texts) + 1)]


@pytest.mark.parametrize("texts", [LIFE, (SHOP, "SELECT 1"), (ODD,), (LONG,), ("SELECT 1",), LIFE + ("SELECT 2",) * 20])
def test_no_text_of_the_evolution_runs_out_of_the_picture_or_into_another(texts: tuple[str, ...]) -> None:
    root = read(pictures.evolution_svg(migrator(*texts)))
    width = float(root.get("width"))
    for lane in classed(root, "g", "lane-of"):
        ends = [extent(node) for node in lane.iter(f"{SVG}text")]
        assert all(left >= 0 and right <= width for left, right in ends)
        assert all(a[1] < b[0] or b[1] < a[0] for a, b in combinations(ends, 2))
    for node in classed(root, "text", "version"):
        x, y = moved(node)
        length = svg.text_width(node.text, 11) * 0.71
        assert x + length <= width
        assert y - length >= 0


@pytest.mark.parametrize("more", [1, 12], ids=["wide", "narrow"])
def test_what_changed_is_said_only_where_there_is_room(more: int) -> None:
    def again(column: str) -> str:
        return f"DROP TABLE t; CREATE TABLE t (a {column})"

    texts = [
        "CREATE TABLE t (a)",
        again("TEXT"),
        again("TEXT NOT NULL"),
        again("TEXT NOT NULL DEFAULT 'some long words'"),
    ]
    root = read(pictures.evolution_svg(migrator(*texts, *["SELECT 1"] * more, again("INTEGER"))))
    lane = classed(root, "g", "lane-of")[1]
    marks = [float(x) for x in re.findall(r'(?:cx="|d="M)([\d.]+)', ElementTree.tostring(lane, "unicode"))]
    said = classed(lane, "text", "changed")
    assert [node.text for node in said][:2] == (
        ["+ TEXT", "+ NOT NULL"] if more == 1 else ["+ TEXT", "+ DEFAULT 'some long words'"]
    )
    for node in said:
        left, right = extent(node)
        assert not [x for x in marks if left - 7 < x < right + 5]


# -- both -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("draw", [pictures.entities_svg, pictures.evolution_svg])
@pytest.mark.parametrize("text", SCHEMAS.values(), ids=SCHEMAS)
def test_a_picture_needs_nothing_beside_it_and_can_be_read_aloud(draw: object, text: str) -> None:
    picture = draw(migrator(text))
    root = read(picture)
    assert root.get("role") == "img"
    named = {node.get("id"): node.text for node in root if node.get("id")}
    assert root.get("aria-labelledby").split() == list(named)
    assert named["title"].startswith("The schema ")
    assert [a for node in root.iter() for a in node.attrib if a.rpartition("}")[2] in ("href", "src")] == []
    assert not re.search(r"url\(|@import|<script|<foreignObject", picture)
    assert "@media (prefers-color-scheme: dark)" in root.find(f"{SVG}style").text
    assert picture == draw(migrator(text))


@pytest.mark.parametrize("draw", [pictures.entities_svg, pictures.evolution_svg])
def test_each_class_that_is_used_has_its_color_in_light_and_in_dark(draw: object) -> None:
    root = read(draw(migrator(SHOP, *LIFE[3:4])))
    light, dark = root.find(f"{SVG}style").text.split("@media")
    plain = {"table", "column", "name", "version", "lane-of"}
    used = {name for node in root.iter() for name in node.get("class", "").split()} - plain
    assert {name for name in used if f".{name}{{" not in light} == set()
    colors = set(re.findall(r"\.([\w-]+)\{(?:fill|stroke):#", light))
    assert colors <= set(re.findall(r"\.([\w-]+)\{(?:fill|stroke):#", dark))


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("at", [0, 1], ids=["light", "dark"])
def test_text_and_lines_stand_out_from_what_is_behind_them(at: int) -> None:
    """WCAG 2: 4.5 to 1 for text, 3 to 1 for shapes."""
    fills = {name: pair[at] for name, pair in svg._FILLS.items()}
    for text in ("ink", "soft", "changed"):
        for behind in ("paper", "box", "head", "band") if text != "changed" else ("paper",):
            assert contrast(fills[text], fills[behind]) >= 4.5, (text, behind)
    for shape in [fills["came"], fills["went"], fills["trunk"], *(pair[at] for pair in svg.HUES)]:
        assert contrast(shape, fills["paper"]) >= 3, shape


def test_the_width_of_text_counts_places() -> None:
    assert svg.text_width("abcd", 10) == svg.text_width("漢字", 10)
    assert svg.text_width("e\u0301", 10) == svg.text_width("e", 10)


def test_what_can_t_be_replayed_can_t_be_drawn() -> None:
    for draw in (pictures.entities_svg, pictures.entities_mermaid, pictures.evolution_svg):
        with pytest.raises(MigrationFailed, match="That was in memory"):
            draw(Migrator([Migration("001_x", 1, "X", "CREATE nonsense")]))


# -- mermaid ------------------------------------------------------------------------------------------------------------------

# The grammar of https://mermaid.js.org/syntax/entityRelationshipDiagram.html, as far as it is used here.
NAME = r'(?:[A-Za-z][A-Za-z0-9_]*|"[^"%\\\n]+")'
ENTITY = re.compile(rf"    (?P<name>{NAME}) \{{")
ATTRIBUTE = re.compile(
    r"        (?P<type>[A-Za-z_][A-Za-z0-9_-]*) (?P<name>[A-Za-z_][A-Za-z0-9_-]*)"
    r'(?: (?P<keys>(?:PK|FK)(?:, (?:PK|FK))*))?(?: "(?P<note>[^"\n]*)")?'
)
RELATION = re.compile(rf'    (?P<parent>{NAME}) (?:\|\||\|o)--(?:o\||o\{{) (?P<child>{NAME}) : "[^"\n]+"')


def parsed(text: str) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """Entities with their attributes, and (child, parent) of each relation; an AssertionError where it can't be read."""
    head, *lines = text.splitlines()
    assert head == "erDiagram"
    found: dict[str, list[str]] = {}
    relations = []
    inside = None
    for line in lines:
        if inside is not None and line == "    }":
            inside = None
        elif inside is not None:
            attribute = ATTRIBUTE.fullmatch(line)
            assert attribute, line
            found[inside].append(attribute["name"])
        elif entity := ENTITY.fullmatch(line):
            inside = entity["name"]
            assert inside not in found
            found[inside] = []
        else:
            relation = RELATION.fullmatch(line)
            assert relation, line
            relations.append((relation["child"], relation["parent"]))
    assert inside is None
    return found, relations


def test_mermaid_has_every_table_column_and_link() -> None:
    assert pictures.entities_mermaid(
        migrator("CREATE TABLE a (x TEXT PRIMARY KEY, y NOT NULL REFERENCES a UNIQUE, z INT)")
    ) == (
        "erDiagram\n"
        "    a {\n"
        "        TEXT x PK\n"
        '        ANY y FK "NOT NULL"\n'
        "        INT z\n"
        "    }\n"
        '    a ||--o| a : "y"\n'
    )
    found, relations = parsed(entities.mermaid(tables(SHOP)))
    assert found == {table.name: [column.name for column in table.columns] for table in tables(SHOP)}
    assert sorted(relations) == [
        ("items", "orders"), ("notes", "items"), ("orders", "users"), ("profile", "users"), ("users", "users"),
    ]  # fmt: skip
    assert '    users ||--o{ orders : "user_id"\n' in entities.mermaid(tables(SHOP))
    assert '    users |o--o{ users : "boss"\n' in entities.mermaid(tables(SHOP))
    assert '    users ||--o| profile : "user_id"\n' in entities.mermaid(tables(SHOP))


def test_names_that_mermaid_can_t_read_are_replaced_and_told_apart() -> None:
    assert entities.mermaid(tables(ODD)).splitlines() == [
        "erDiagram",
        "    order {",
        "        TEXT class",
        "        ANY select FK",
        "    }",
        "    \"say 'hi' <b> & co\" {",
        '        TEXT a_b "a b"',
        "        TEXT a-b",
        '        TEXT n "ünï"',
        '        TEXT _ "日本"',
        '        INTEGER _1st "1st"',
        '        INTEGER PK_ "PK"',
        '        TEXT __2 "_"',
        '        TEXT percent "percent_"',
        "    }",
        "    \"say 'hi' <b> & co 2\" {",
        "        ANY x",
        "    }",
        '    "title" {',
        "        TEXT one",
        "    }",
        '    "say \'hi\' <b> & co" |o--o{ order : "select"',
    ]


@pytest.mark.parametrize("name", ["title", "Class", "one", "end", "subgraph"])
def test_a_word_that_means_something_to_mermaid_is_quoted(name: str) -> None:
    assert f'    "{name}" {{\n' in entities.mermaid(tables(f'CREATE TABLE "{name}" (x)'))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=9),
        min_size=1,
        max_size=5,
    )
)
def test_any_name_can_be_drawn_and_read(names: list[str]) -> None:
    columns = tuple(outline.Column(name, name, False, None, 0, False, names[0]) for name in names)
    link = outline.Link((names[-1],), names[0], (), False)
    found = tuple(outline.Table(name, "table", columns, (link,), ()) for name in dict.fromkeys(names))
    read(entities.picture(found, names[0]))
    shown, relations = parsed(entities.mermaid(found))
    assert len(shown) == len(relations) == len(found)
    assert all(len(set(columns)) == len(set(names)) for columns in shown.values())


# -- the demo app's own ---------------------------------------------------------------------------------------------------------


def test_the_demo_apps_pictures_are_those_of_its_newest_migration() -> None:
    """If not: `make pictures`, and look at them."""
    for path, text in demo_app.pictures.files().items():
        assert path.read_text(encoding="utf-8") == text, path.name


def test_the_page_of_the_demo_app_shows_its_pictures() -> None:
    page = (ROOT / "docs" / "demo-schema.md").read_text(encoding="utf-8")
    for path in demo_app.pictures.files():
        assert path.suffix == ".md" or f"(pictures/{path.name})" in page
