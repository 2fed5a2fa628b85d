"""Curves over a logarithmic axis, as one SVG: a panel for each."""

import html
import math

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 420, 240, 64, 40, 44
COLOURS = ("#1f6f8b", "#c2571a", "#5b7f2b", "#7a4f9a")


def tick(value):
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"


def panel(title, x_label, y_label, curves, bound, left, top):
    points = [point for _, curve in curves for point in curve]
    if not points:
        return ""
    lowest, highest = math.log10(max(min(x for x, _ in points), 0.5)), math.log10(max(x for x, _ in points))
    tallest = max([y for _, y in points] + [bound or 0]) * 1.15 or 1
    width, height = WIDTH - LEFT - 20, HEIGHT - TOP - BOTTOM

    def at(x, y):
        share = (math.log10(max(x, 0.5)) - lowest) / max(highest - lowest, 1e-9)
        return left + LEFT + share * width, top + TOP + height * (1 - y / tallest)

    out = [f'<text x="{left + LEFT}" y="{top + 20}" class="title">{html.escape(title)}</text>',
           f'<text x="{left + LEFT + width / 2}" y="{top + HEIGHT - 8}" class="label" text-anchor="middle">{html.escape(x_label)}</text>',
           f'<text x="{left + LEFT}" y="{top + TOP - 6}" class="label">{html.escape(y_label)}</text>']
    for i in range(5):
        y = tallest * i / 4
        x1, y1 = at(10**lowest, y)
        out.append(f'<line x1="{x1:.1f}" x2="{x1 + width:.1f}" y1="{y1:.1f}" y2="{y1:.1f}" class="grid"/>'
                   f'<text x="{x1 - 6:.1f}" y="{y1 + 4:.1f}" class="label" text-anchor="end">{y:.3g}</text>')
    for x in dict.fromkeys(x for x, _ in points):
        x1, y1 = at(x, 0)
        out.append(f'<text x="{x1:.1f}" y="{y1 + 16:.1f}" class="label" text-anchor="middle">{tick(x)}</text>')
    if bound:
        x1, y1 = at(10**lowest, bound)
        out.append(f'<line x1="{x1:.1f}" x2="{x1 + width:.1f}" y1="{y1:.1f}" y2="{y1:.1f}" class="bound"/>')
    for i, (name, curve) in enumerate(curves):
        colour = COLOURS[i % len(COLOURS)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in curve))
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in (at(*point) for point in curve)]
        out.append(f'<text x="{left + WIDTH - 24}" y="{top + 20 + 14 * i}" class="label" text-anchor="end" fill="{colour}">'
                   f'{html.escape(name)}</text>')
    return "\n".join(out)


def svg(panels):
    """`panels`: (title, x label, y label, [(name, [(x, y)…])…], bound or None)."""
    columns = 2
    rows = (len(panels) + columns - 1) // columns
    body = "\n".join(panel(*one, (i % columns) * WIDTH, (i // columns) * HEIGHT) for i, one in enumerate(panels))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns * WIDTH} {rows * HEIGHT}" '
            f'width="{columns * WIDTH}" height="{rows * HEIGHT}">\n'
            "<style>text{font-family:sans-serif;fill:#333}.title{font-size:13px;font-weight:bold}.label{font-size:11px}"
            ".grid{stroke:#ddd}.bound{stroke:#b00;stroke-dasharray:5 4}</style>\n"
            f'<rect width="100%" height="100%" fill="white"/>\n{body}\n</svg>\n')
