"""Where boxes stand and how the lines between them run: layers from left to right, lines at right angles around the boxes.

After Sugiyama, Tagawa and Toda: layers by the longest way from a box without parents, an order in each layer that crosses few
lines, then heights that keep lines short. All lines from one box share a trunk. A line that passes a layer gets a place of its own in it, so none
ever runs behind a box. Between two layers is a channel with a track for each trunk's upright part.

All in SVG's units; heights are multiples of GRID, and each kind of line meets a box at its own fraction of GRID, so that no
two lines lie upon one another.
"""

from __future__ import annotations

from embedmig.layers import groups, layers
from embedmig.report import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GRID = 20
TRACK = 10  # between two upright lines
MARGIN = 24  # between a box and the next upright line
SWEEPS = 8
OUT, BACK_OUT, IN, BACK_IN = 15, 19, 2, 11  # where lines meet boxes, modulo GRID
PASS = (5, 8)  # where they pass a layer, unless they can go straight on
ASPECT = 1.5  # width by height
LOW = 24 * GRID  # a column of this height is never cut


class Link(Value):
    """From the head of a parent to a row of its child, `at` units below the child's top."""

    parent: str
    child: str
    at: int


class Box(Value):
    x: int
    y: int
    width: int
    height: int


class Line(Value):
    """The way of one link, from the parent to the child."""

    link: Link
    points: tuple[tuple[int, int], ...]


class Layout(Value):
    boxes: dict[str, Box]
    lines: tuple[Line, ...]
    width: int
    height: int


class Net:
    """A trunk: from one box to all that it leads to, all in layers further right."""

    def __init__(self, source: str, out: int, back: bool) -> None:
        self.source = source
        self.out = out  # below the source's top
        self.back = back  # from a child to its parent, where they point to each other in a circle
        self.ends: list[tuple[str, int, Link]] = []


Node = tuple[str, int, int]  # a box, by its name; or a place where a trunk passes a column, by both their numbers


def arranged(sizes: Mapping[str, tuple[int, int]], links: Sequence[Link], gap: int = 2 * GRID) -> Layout:
    """Place boxes of these sizes (heights are multiples of GRID) and route the links; what hangs together stands together."""
    parts = [
        _Group({name: sizes[name] for name in group}, [k for k in links if k.child in group], gap).laid_out()
        for group in groups(sizes, links)
    ]
    return _packed(parts, gap)


def _packed(parts: Sequence[Layout], gap: int) -> Layout:
    """Groups beside and below each other, in rows that come to a good shape; the tallest first."""
    area = sum((part.width + gap) * (part.height + gap) for part in parts)
    limit = max([part.width for part in parts] + [int((area * ASPECT) ** 0.5)])
    boxes: dict[str, Box] = {}
    lines: list[Line] = []
    x = y = row = width = 0
    for part in sorted(parts, key=lambda part: -part.height):
        if x and x + part.width > limit:
            x, y, row = 0, y + row + gap, 0
        for name, box in part.boxes.items():
            boxes[name] = Box(box.x + x, box.y + y, box.width, box.height)
        for line in part.lines:
            lines.append(Line(line.link, tuple((px + x, py + y) for px, py in line.points)))
        x, row = x + part.width + gap, max(row, part.height)
        width = max(width, x - gap)
    return Layout(boxes, tuple(lines), width, y + row)


class _Group:
    """One group of boxes that hang together, on its way through the steps."""

    def __init__(self, sizes: dict[str, tuple[int, int]], links: Sequence[Link], gap: int) -> None:
        self.sizes, self.links, self.gap = sizes, links, gap
        self.columns: list[list[Node]] = []
        self.at: dict[str, int] = {}  # in which column a box stands
        self.nets: list[Net] = []
        self.passes: set[Node] = set()
        self.pass_at: dict[Node, int] = {}  # where in its place a trunk passes, modulo GRID
        self.top: dict[Node, int] = {}
        self.tracks: list[dict[int, int]] = []  # of each channel: on which track a trunk goes up and down

    def laid_out(self) -> Layout:
        self._set_columns(layers(self.sizes, self.links))
        self._set_nets()
        self._set_order()
        self._set_heights()
        self._straighten()
        self.tracks = [self._set_tracks(channel) for channel in range(len(self.columns))]
        return self._drawn()

    # -- 1. columns: the layers, tall ones cut in several --------------------------------------------------------------

    def _set_columns(self, found: list[list[str]]) -> None:
        area = sum((width + 4 * MARGIN) * (height + self.gap) for width, height in self.sizes.values())
        limit = max([LOW, int((area / ASPECT) ** 0.5)] + [height for _, height in self.sizes.values()])
        parents = {link.parent for link in self.links}
        for layer in found:
            # those without children first: lines to the right then pass fewer columns
            column: list[Node] = []
            height = 0
            for name in sorted(layer, key=lambda name: (name in parents, name)):
                height += self.sizes[name][1] + self.gap
                if column and height > limit:
                    self.columns.append(column)
                    column, height = [], self.sizes[name][1] + self.gap
                column.append(_box(name))
            self.columns.append(column)
        self.at = {name: c for c, column in enumerate(self.columns) for name, _, _ in column}

    # -- 2. trunks, and their places in the columns that they pass -------------------------------------------------------

    def _set_nets(self) -> None:
        forward: dict[str, Net] = {}
        for link in self.links:
            if self.at[link.parent] < self.at[link.child]:
                net = forward.setdefault(link.parent, Net(link.parent, OUT, False))
                net.ends.append((link.child, link.at + IN, link))
            elif link.parent != link.child:
                net = Net(link.child, link.at - GRID + BACK_OUT, True)
                net.ends.append((link.parent, BACK_IN, link))
                self.nets.append(net)
        self.nets += forward.values()
        for number, net in enumerate(self.nets):
            last = max(self.at[name] for name, _, _ in net.ends)
            for column in range(self.at[net.source] + 1, last):
                self.columns[column].append(_pass(number, column))
                self.passes.add(_pass(number, column))

    def _neighbours(self, channel: int) -> list[tuple[Node, int, Node, int]]:
        """What a channel connects: a node on its left and where, a node on its right and where."""
        found: list[tuple[Node, int, Node, int]] = []
        for number, net in enumerate(self.nets):
            left = self._left_port(number, net, channel)
            if left is not None:
                found += [(*left, *right) for right in self._right_ports(number, net, channel)]
        return found

    def _left_port(self, number: int, net: Net, channel: int) -> tuple[Node, int] | None:
        if self.at[net.source] == channel:
            return _box(net.source), net.out
        node = _pass(number, channel)
        return (node, self.pass_at.get(node, OUT)) if node in self.passes else None

    def _right_ports(self, number: int, net: Net, channel: int) -> list[tuple[Node, int]]:
        ends: list[tuple[Node, int]] = [(_box(name), at) for name, at, _ in net.ends if self.at[name] == channel + 1]
        node = _pass(number, channel + 1)
        if node in self.passes:
            ends.append((node, self.pass_at.get(node, OUT)))
        return ends

    # -- 3. the order in each column ----------------------------------------------------------------------------------------

    def _set_order(self) -> None:
        best, fewest = [list(column) for column in self.columns], self._crossings()
        for sweep in range(SWEEPS):
            forward = sweep % 2 == 0
            channels = range(len(self.columns) - 1)
            for channel in channels if forward else reversed(channels):
                places: dict[Node, list[float]] = {}
                order = {node: i for column in self.columns for i, node in enumerate(column)}
                for left, out, right, into in self._neighbours(channel):
                    one, other = (left, right) if forward else (right, left)
                    places.setdefault(other, []).append(order[one] + (out if forward else into) / 10_000)
                column = self.columns[channel + 1 if forward else channel]
                means = {
                    node: sum(places[node]) / len(places[node]) if node in places else order[node] for node in column
                }
                column.sort(key=lambda node: means[node])
            if (crossings := self._crossings()) < fewest:
                best, fewest = [list(column) for column in self.columns], crossings
        self.columns = best

    def _crossings(self) -> int:
        order = {node: i for column in self.columns for i, node in enumerate(column)}
        total = 0
        for channel in range(len(self.columns) - 1):
            ends = sorted(
                (order[a] + out / 10_000, order[b] + into / 10_000) for a, out, b, into in self._neighbours(channel)
            )
            total += sum(
                one[1] > other[1] and one[0] < other[0] for i, one in enumerate(ends) for other in ends[i + 1 :]
            )
        return total

    # -- 4. heights ------------------------------------------------------------------------------------------------------------

    def _height(self, node: Node) -> int:
        return self.sizes[node[0]][1] if node[0] else GRID

    def _between(self, one: Node, other: Node) -> int:
        return self.gap if one[0] and other[0] else GRID if one[0] or other[0] else 0

    def _offsets(self, column: Sequence[Node]) -> list[int]:
        """How far each node of a column is below the first, standing as close as can be."""
        found = [0]
        for one, other in zip(column, column[1:], strict=False):
            found.append(found[-1] + self._height(one) + self._between(one, other))
        return found

    def _set_heights(self) -> None:
        for column in self.columns:
            self.top.update(zip(column, self._offsets(column), strict=True))
        channels = range(len(self.columns) - 1)
        for sweep in range(2 * SWEEPS):
            forward = sweep % 2 == 0
            for channel in channels if forward else reversed(channels):
                wanted: dict[Node, list[int]] = {}
                for left, out, right, into in self._neighbours(channel):
                    if forward:
                        wanted.setdefault(right, []).append(self.top[left] + out - into)
                    else:
                        wanted.setdefault(left, []).append(self.top[right] + into - out)
                self._settle(self.columns[channel + 1 if forward else channel], wanted)
        lowest = min(self.top.values())
        self.top = {node: top - lowest for node, top in self.top.items()}

    def _settle(self, column: Sequence[Node], wanted: Mapping[Node, Sequence[int]]) -> None:
        """Each node as near to where it wants to be as the others let it, the order kept: a regression that only grows."""
        offsets = self._offsets(column)
        blocks: list[list[float]] = []  # [sum of what is wanted, weight, how many nodes]
        for node, offset in zip(column, offsets, strict=True):
            aims = wanted.get(node)
            aim = sum(aims) / len(aims) if aims else self.top[node]
            weight = 1.0 if aims else 0.1
            blocks.append([(aim - offset) * weight, weight, 1])
            while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
                last = blocks.pop()
                blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
        tops = [round(total / weight / GRID) * GRID for total, weight, count in blocks for _ in range(int(count))]
        for node, top, offset in zip(column, tops, offsets, strict=True):
            self.top[node] = top + offset

    def _straighten(self) -> None:
        """Where in its place each trunk passes a column: straight on if it can, else off the others' heights."""
        for channel in range(len(self.columns) - 1):
            before = {self.top[node]: node for node in self.columns[channel] if node in self.passes}
            for node in self.columns[channel + 1]:
                if node in self.passes:
                    self.pass_at[node] = self._pass_height(node, before.get(self.top[node]))

    def _pass_height(self, node: Node, beside: Node | None) -> int:
        _, number, column = node
        net, top = self.nets[number], self.top[node]
        if beside == _pass(number, column - 1):
            return self.pass_at[beside]
        if self.at[net.source] == column - 1 and (self.top[_box(net.source)] + net.out) // GRID * GRID == top:
            return net.out % GRID
        after = [self.top[_box(name)] + at for name, at, _ in net.ends if self.at[name] == column + 1]
        for height in after:
            if height // GRID * GRID == top:
                return height % GRID
        return PASS[0] if beside is None or self.pass_at[beside] != PASS[0] else PASS[1]

    # -- 5. tracks ---------------------------------------------------------------------------------------------------------------

    def _uprights(self, channel: int) -> dict[int, tuple[list[int], list[int]]]:
        """Of each trunk in a channel: the heights at which it comes from the left, and at which it leaves to the right."""
        found: dict[int, tuple[list[int], list[int]]] = {}
        for number, net in enumerate(self.nets):
            left = self._left_port(number, net, channel)
            right = self._right_ports(number, net, channel)
            if left is not None and right:
                found[number] = [self.top[left[0]] + left[1]], [self.top[node] + at for node, at in right]
        for number, link in enumerate(self._loops(channel)):
            top = self.top[_box(link.child)]
            found[-1 - number] = [top + OUT, top + link.at - GRID + BACK_OUT], []
        return found

    def _loops(self, channel: int) -> list[Link]:
        return [link for link in self.links if link.parent == link.child and self.at[link.child] == channel]

    def _set_tracks(self, channel: int) -> dict[int, int]:
        """Trunks on tracks of their own where they overlap, else on the same."""
        uprights = self._uprights(channel)
        tracks: dict[int, int] = {}
        for number in side_by_side(uprights):
            low, high = _span(uprights[number])
            others = [
                tracks[n] for n in tracks if _span(uprights[n])[0] <= high + 4 and low <= _span(uprights[n])[1] + 4
            ]
            tracks[number] = max(others, default=-1) + 1
        return tracks

    # -- 6. the drawing --------------------------------------------------------------------------------------------------------------

    def _drawn(self) -> Layout:
        lefts, x = [], 0
        for column, tracks in zip(self.columns, self.tracks, strict=True):
            lefts.append(x)
            width = max([self.sizes[name][0] for name, _, _ in column if name], default=0)
            x += width + (2 * MARGIN + TRACK * max(tracks.values()) if tracks else 0)
        boxes = {
            name: Box(lefts[c], self.top[_box(name)], *self.sizes[name])
            for c, column in enumerate(self.columns) for name, _, _ in column if name
        }  # fmt: skip
        rights = [
            left + max([self.sizes[name][0] for name, _, _ in column if name], default=0)
            for left, column in zip(lefts, self.columns, strict=True)
        ]
        across = [
            {number: right + MARGIN + TRACK * track for number, track in tracks.items()}
            for right, tracks in zip(rights, self.tracks, strict=True)
        ]
        lines = [
            self._line(boxes, across, number, net, end) for number, net in enumerate(self.nets) for end in net.ends
        ]
        for channel in range(len(self.columns)):
            for number, link in enumerate(self._loops(channel)):
                box, track = boxes[link.child], across[channel][-1 - number]
                right, up, down = box.x + box.width, box.y + OUT, box.y + link.at - GRID + BACK_OUT
                lines.append(Line(link, ((right, up), (track, up), (track, down), (right, down))))
        bottom = max(box.y + box.height for box in boxes.values())
        low = max([y for line in lines for _, y in line.points], default=0)
        return Layout(boxes, tuple(lines), x, max(bottom, low))

    def _line(
        self,
        boxes: Mapping[str, Box],
        across: Sequence[Mapping[int, int]],
        number: int,
        net: Net,
        end: tuple[str, int, Link],
    ) -> Line:
        name, into, link = end
        source = boxes[net.source]
        y = source.y + net.out
        points = [(source.x + source.width, y)]
        for channel in range(self.at[net.source], self.at[name]):
            x = across[channel][number]
            last = channel + 1 == self.at[name]
            node = _pass(number, channel + 1)
            after = boxes[name].y + into if last else self.top[node] + self.pass_at[node]
            points += [(x, y), (x, after)]
            y = after
        points.append((boxes[name].x, y))
        return Line(link, tuple(reversed(points)) if net.back else tuple(points))


def side_by_side(uprights: Mapping[int, tuple[list[int], list[int]]]) -> list[int]:
    """An order from left to right in which trunks cross each other little; loops (below 0) next to their box."""
    order = sorted(uprights, key=lambda n: (n >= 0, min(uprights[n][0])))
    for _ in uprights:  # passes enough to sort them; what three of them want may go round in a circle
        for i in range(len(order) - 1):
            one, other = order[i : i + 2]
            if one >= 0 and _crossed(uprights[other], uprights[one]) < _crossed(uprights[one], uprights[other]):
                order[i : i + 2] = other, one
    return order


def _box(name: str) -> Node:
    return name, -1, -1


def _pass(number: int, column: int) -> Node:
    return "", number, column


def _span(upright: tuple[list[int], list[int]]) -> tuple[int, int]:
    heights = upright[0] + upright[1]
    return min(heights), max(heights)


def _crossed(left: tuple[list[int], list[int]], right: tuple[list[int], list[int]]) -> int:
    """How often two trunks cross if the first is on the track further left."""
    low, high = _span(left)
    lowest, highest = _span(right)
    return sum(low < y < high for y in right[0]) + sum(lowest < y < highest for y in left[1])
