"""Where boxes stand and lines run: nothing overlaps, nothing hides, each line begins and ends where it should."""

from __future__ import annotations

import random
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedmig.layout import GRID, Box, Layout, Line, Link, arranged, side_by_side


@st.composite
def schemas(draw: st.DrawFn) -> tuple[dict[str, tuple[int, int]], list[Link]]:
    """Boxes of any size, and links between any of them: circles, loops, hubs, several between the same two."""
    count = draw(st.integers(1, 14))
    rows = {f"t{n}": draw(st.integers(1, 6)) for n in range(count)}
    sizes = {name: (draw(st.integers(80, 300)), (rows[name] + 2) * GRID) for name in rows}
    names = st.sampled_from(sorted(rows))
    pairs = draw(st.lists(st.tuples(names, names, st.integers(0, 5)), max_size=2 * count))
    links = {(child, min(row, rows[child] - 1)): parent for parent, child, row in pairs}  # a row has one parent
    return sizes, [Link(parent, child, (row + 2) * GRID) for (child, row), parent in links.items()]


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width and other.x < one.x + one.width
        and one.y < other.y + other.height and other.y < one.y + one.height
    )  # fmt: skip


def segments(line: Line) -> list[tuple[int, int, int, int]]:
    """(left, top, right, bottom) of each straight piece."""
    return [
        (min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))
        for (ax, ay), (bx, by) in pairwise(line.points) if (ax, ay) != (bx, by)
    ]  # fmt: skip


def faults(placed: Layout, sizes: dict[str, tuple[int, int]], links: list[Link]) -> list[str]:
    """All that is wrong with a layout."""
    found = []
    boxes = placed.boxes
    if {name: (box.width, box.height) for name, box in boxes.items()} != sizes:
        found.append("a box has another size")
    if sorted(map(repr, links)) != sorted(repr(line.link) for line in placed.lines):
        found.append("a link has no line, or two")
    found += [f"{a} and {b} overlap" for a, b in combinations(boxes, 2) if overlap(boxes[a], boxes[b])]
    for box in boxes.values():
        if box.x < 0 or box.y < 0 or box.x + box.width > placed.width or box.y + box.height > placed.height:
            found.append("a box is outside")
    for line in placed.lines:
        found += wrong_ends(line, boxes)
        for x1, y1, x2, y2 in segments(line):
            if x1 != x2 and y1 != y2:
                found.append(f"{line.link} is askew")
            if x1 < 0 or y1 < 0 or x2 > placed.width or y2 > placed.height:
                found.append(f"{line.link} is outside")
            for name, box in boxes.items():
                if x1 < box.x + box.width and box.x < x2 and y1 < box.y + box.height and box.y < y2:
                    found.append(f"{line.link} runs behind {name}")
                if x1 == x2 and box.x <= x1 <= box.x + box.width and y1 < box.y + box.height and box.y < y2:
                    found.append(f"{line.link} runs along {name}")
    for one, other in combinations(placed.lines, 2):
        if one.link.parent != other.link.parent and shared(one, other) > 0:
            found.append(f"{one.link} lies upon {other.link}")
    return found


def wrong_ends(line: Line, boxes: dict[str, Box]) -> list[str]:
    (x, y), (to_x, to_y) = line.points[0], line.points[-1]
    parent, child = boxes[line.link.parent], boxes[line.link.child]
    row = child.y + line.link.at - 8
    head = x in (parent.x, parent.x + parent.width) and parent.y < y < parent.y + 30
    foot = to_x in (child.x, child.x + child.width) and row <= to_y < row + GRID
    return [] if head and foot else [f"{line.link} does not begin or end where it should"]


def shared(one: Line, other: Line) -> int:
    """How long two lines lie upon one another."""
    return sum(
        max(0, min(b[2], d[2]) - max(b[0], d[0]) if b[1] == b[3] == d[1] == d[3] else 0)
        + max(0, min(b[3], d[3]) - max(b[1], d[1]) if b[0] == b[2] == d[0] == d[2] else 0)
        for b in segments(one) for d in segments(other)
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(schemas())
def test_nothing_overlaps_and_no_line_runs_behind_a_box(schema: tuple[dict[str, tuple[int, int]], list[Link]]) -> None:
    sizes, links = schema
    assert faults(arranged(sizes, links), sizes, links) == []


def test_no_two_trunks_lie_upon_one_another_where_there_are_many() -> None:
    for seed in range(30):
        drawn = random.Random(seed)
        sizes = {f"t{n:02}": (drawn.randrange(80, 200), drawn.randrange(3, 9) * GRID) for n in range(30)}
        rows = {(drawn.choice(list(sizes)), drawn.randrange(1, 6)): drawn.choice(list(sizes)) for _ in range(45)}
        links = [Link(p, c, min(row * GRID + GRID, sizes[c][1] - GRID)) for (c, row), p in rows.items()]
        links = list({(link.child, link.at): link for link in links}.values())
        assert faults(arranged(sizes, links), sizes, links) == [], f"seed {seed}"


def test_trunks_of_which_each_wants_to_be_left_of_the_next_find_an_order_all_the_same() -> None:
    assert sorted(side_by_side({0: ([15], [13]), 1: ([10], [15]), 2: ([13], [19])})) == [0, 1, 2]


def test_a_trunk_that_goes_down_from_further_up_is_further_right() -> None:
    assert side_by_side({0: ([0], [100]), 1: ([20], [120])}) == [1, 0]
    assert side_by_side({0: ([100], [0]), 1: ([120], [20])}) == [0, 1]


def test_the_same_schema_is_always_laid_out_alike() -> None:
    sizes = {f"t{n}": (100, 80) for n in range(9)}
    links = [Link(f"t{n // 2}", f"t{n}", 40) for n in range(1, 9)]
    assert arranged(sizes, links) == arranged(dict(reversed(sizes.items())), links)


def test_nothing_at_all_is_laid_out_too() -> None:
    assert arranged({}, []) == Layout({}, (), 0, 0)


def test_children_stand_right_of_their_parents() -> None:
    sizes = dict.fromkeys(("a", "b", "c"), (100, 80))
    boxes = arranged(sizes, [Link("b", "a", 40), Link("c", "b", 40)]).boxes
    assert boxes["c"].x + 100 < boxes["b"].x
    assert boxes["b"].x + 100 < boxes["a"].x


def test_what_does_not_hang_together_stands_apart() -> None:
    sizes = dict.fromkeys(("a", "b", "c", "d"), (100, 80))
    placed = arranged(sizes, [Link("a", "b", 40), Link("c", "d", 40)])
    assert {box.y for name, box in placed.boxes.items() if name in "ab"}.isdisjoint(
        {box.y for name, box in placed.boxes.items() if name in "cd"}
    ) or placed.boxes["c"].x > placed.boxes["b"].x


@pytest.mark.parametrize("count", [5, 50, 200])
def test_many_boxes_come_to_a_shape_that_fits_a_page(count: int) -> None:
    sizes = {f"t{n:03}": (160, 120) for n in range(count)}
    links = [Link(f"t{n * 7 % max(n, 1):03}", f"t{n:03}", 40) for n in range(1, count) if n % 5]
    placed = arranged(sizes, links)
    assert faults(placed, sizes, links) == []
    assert 0.4 < placed.width / placed.height < 5
