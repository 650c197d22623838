"""Which boxes hang together, and which stands left of which: parents before children, as far as they don't point in a circle."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from embedmig.layout import Link


def groups(names: Iterable[str], links: Sequence[Link]) -> list[set[str]]:
    group_of = {name: {name} for name in names}
    for link in links:
        one, other = group_of[link.parent], group_of[link.child]
        if one is not other:
            one |= other
            group_of.update(dict.fromkeys(other, one))
    found = {id(group): group for group in group_of.values()}
    return sorted(found.values(), key=lambda group: (-len(group), min(group)))


def layers(names: Iterable[str], links: Sequence[Link]) -> list[list[str]]:
    """Each name in a layer right of its parents; where they point to each other in a circle, one link runs backwards."""
    children: dict[str, set[str]] = {name: set() for name in sorted(names)}
    for link in links:
        if link.parent != link.child:
            children[link.parent].add(link.child)
    order = _from_the_root(children)
    place = {name: i for i, name in enumerate(order)}
    layer = dict.fromkeys(order, 0)
    for name in order:
        for child in children[name]:
            if place[child] > place[name]:
                layer[child] = max(layer[child], layer[name] + 1)
    parents = {child for name in order for child in children[name] if place[child] > place[name]}
    for name in order:  # one without parents stands right before the first of its children
        below = [layer[child] for child in children[name] if place[child] > place[name]]
        if name not in parents and below:
            layer[name] = min(below) - 1
    found: list[list[str]] = [[] for _ in range(max(layer.values()) + 1)]
    for name in order:
        found[layer[name]].append(name)
    return found


def _from_the_root(children: Mapping[str, set[str]]) -> list[str]:
    """An order in which parents come before their children, as far as there is one."""
    order: list[str] = []
    seen: set[str] = set()
    has_parent = {child for name in children for child in children[name]}
    for root in sorted(children, key=lambda name: (name in has_parent, name)):
        stack = [(root, iter(sorted(children[root])))] if root not in seen else []
        seen.add(root)
        while stack:
            name, rest = stack[-1]
            child = next((child for child in rest if child not in seen), None)
            if child is None:
                order.append(name)
                stack.pop()
            else:
                seen.add(child)
                stack.append((child, iter(sorted(children[child]))))
    return order[::-1]
