"""Draws which rooms of a checkout import which: `python docs/import_graph.py [CHECKOUT] [-o PICTURE.svg]`.

A room is a module or package directly in `zoo/`, or the pipeline in `zoo/training/run`. It stands above all rooms that
it imports, and rooms that import each other in a circle stand in a red frame. The width of an arrow shows the number of
imports. An arrow is pale if other arrows lead from its start to its end, too. Imports by name, such as those of
`zoo.load`, and imports for type checkers do not count.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent
INK, PALE, CIRCLE = "#345", "#c8d2dc", "#c22"
HEIGHT, GAP, FLOOR = 28, 30, 88


def room(module):
    if f"{module}.".startswith("zoo.training.run."):
        return "training.run"
    return module.split(".")[1] if "." in module else "zoo"


def imports_of_rooms(checkout):
    """Returns the number of imports of each pair of rooms, as a counter."""
    sys.path.insert(0, str(checkout))
    graph = grimp.build_graph("zoo", exclude_type_checking_imports=True, cache_dir=None)
    pairs = Counter(
        (room(importer), room(imported))
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
    )
    return Counter({(above, below): number for (above, below), number in pairs.items() if above != below})


def reachable(edges):
    """Returns all rooms that each room imports, directly or not."""
    rooms = {name for pair in edges for name in pair}
    found = {name: {below for above, below in edges if above == name} for name in rooms}
    for middle in rooms:
        for name in rooms:
            if middle in found[name]:
                found[name] |= found[middle]
    return found


def floors(below):
    """Returns the rooms of each floor, the lowest first; all rooms of a circle share a floor."""
    floor = {}
    while len(floor) < len(below):
        free = {
            name
            for name in below.keys() - floor
            if all(other in floor or name in below[other] for other in below[name])
        }
        floor |= dict.fromkeys(free, max(floor.values(), default=-1) + 1)
    return [sorted(name for name in floor if floor[name] == n) for n in range(max(floor.values()) + 1)]


def width(name):
    return 9 * len(name) + 20


def placed(rows, edges):
    """Returns the centre of each room: near the rooms that import it, without overlaps."""
    centre, total = {}, max(sum(width(name) + GAP for name in row) for row in rows) + GAP
    for depth, row in enumerate(reversed(rows)):
        wanted = {
            name: sum(centre[above][0] * n for above, n in importers) / sum(n for _, n in importers)
            for name in row
            if (importers := [(above, n) for (above, below), n in edges.items() if below == name and above in centre])
        }
        row = sorted(row, key=lambda name: wanted.get(name, total / 2))
        space = (total - sum(map(width, row))) / (len(row) + 1)
        x = 0
        for name in row:
            x += space + width(name) / 2
            centre[name] = (x, GAP + HEIGHT / 2 + depth * FLOOR)
            x += width(name) / 2
    return centre, total, len(rows) * FLOOR


def arrow(start, end, number, colour):
    (x1, y1), (x2, y2) = start, end
    thickness = min(1 + number / 4, 6)
    if y1 == y2:
        # Within a circle, arrows to the right pass above the rooms and arrows to the left below them.
        side = -1 if x1 < x2 else 1
        y = y1 + side * HEIGHT / 2
        bow = y + side * (14 + abs(x2 - x1) / 14)
        path, tip = f"M{x1:.0f} {y:.0f} C{x1:.0f} {bow:.0f} {x2:.0f} {bow:.0f} {x2:.0f} {y:.0f}", (x2, y, side)
    else:
        y1, y2 = y1 + HEIGHT / 2, y2 - HEIGHT / 2
        middle = (y1 + y2) / 2
        path = f"M{x1:.0f} {y1:.0f} C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {y2:.0f}"
        tip = (x2, y2, -1)
    x, y, side = tip
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{thickness:.2f}"/>'
        f'<path d="M{x:.0f} {y:.0f} l-4 {8 * side} h8 z" fill="{colour}"/>'
    )


def drawn(edges):
    """Returns the picture of a counter of imports, as SVG."""
    below = reachable(edges)
    centre, total, height = placed(floors(below), edges)
    shapes = []
    for name in centre:
        circle = [other for other in below[name] if name in below[other]]
        if circle and name == min(circle):
            left = min(centre[other][0] - width(other) / 2 for other in circle) - 10
            right = max(centre[other][0] + width(other) / 2 for other in circle) + 10
            shapes.append(
                f'<rect x="{left:.0f}" y="{centre[name][1] - 54:.0f}" width="{right - left:.0f}" height="108" rx="8" '
                f'fill="#fdeeee" stroke="{CIRCLE}" stroke-dasharray="5 4"/>'
            )

    def colour(above, end):
        if above in below[end]:
            return CIRCLE
        # A way over a room of the same circle is no other way.
        ways = {way for start, way in edges if start == above and above not in below[way] and way not in below[end]}
        return PALE if any(end in below[way] for way in ways) else INK

    arrows = [(colour(*pair), pair, number) for pair, number in edges.items()]
    for paint, (start, end), number in sorted(arrows, key=lambda item: (PALE, INK, CIRCLE).index(item[0])):
        shapes.append(arrow(centre[start], centre[end], number, paint))
    for name, (x, y) in centre.items():
        wide = width(name)
        shapes.append(
            f'<rect x="{x - wide / 2:.0f}" y="{y - HEIGHT / 2:.0f}" width="{wide}" height="{HEIGHT}" rx="5" '
            f'fill="#fff" stroke="{INK}"/><text x="{x:.0f}" y="{y + 5:.0f}">{name}</text>'
        )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total:.0f} {height:.0f}" '
            'font-family="sans-serif" font-size="14" text-anchor="middle">',
            '<rect width="100%" height="100%" fill="#fff"/>',
            *shapes,
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", nargs="?", default=ROOT, type=Path)
    parser.add_argument("-o", dest="picture", default=ROOT / "docs/figures/import_graph.svg", type=Path)
    options = parser.parse_args()
    options.picture.write_text(drawn(imports_of_rooms(options.checkout)), encoding="utf-8")
