# SPDX-License-Identifier: MIT
#
# The picture: gnuplot draws, for each operation, every system's rate as a multiple of overpass's on
# a logarithmic axis, with the range of the repetitions. Right of the line at 1 is faster than
# overpass. Without overpass among the columns the plain directory takes its place.

import os
import subprocess
import tempfile

from benchlib.results import overpass_for
from benchlib.columns import COLUMNS

# Colours that stay apart for the colour-blind; shapes differ as well.
STYLE = {
    "plain": ("#000000", 2),
    "overlayfs": ("#0072b2", 7),
    "overpass": ("#d55e00", 5),
    "overpass-uring": ("#d55e00", 4),
    "overpass-user": ("#cc3311", 6),
    "overpass-alone": ("#cc3311", 12),
    "overpass-writeback": ("#cc3311", 10),
    "hp": ("#009e73", 9),
    "hp-uring": ("#009e73", 8),
    "fuse-overlayfs": ("#cc79a7", 13),
}


def base_of(results):
    """(column all are divided by, what the axis says)."""
    for column in ("overpass", "overpass-uring", "plain"):
        if column in results.columns:
            return column
    return results.columns[0]


def points(results, rows, column, base):
    """Lines of: ratio, least, greatest, y."""
    lines = []
    for y, row in enumerate(rows):
        ratios = results.ratios(row, column, base)
        if ratios:
            median = results.ratio(row, column, base)
            lines.append(f"{median:.4f} {min(ratios):.4f} {max(ratios):.4f} {y}")
    return lines


def quoted(text):
    """A gnuplot string; a backslash in it is gnuplot's."""
    return '"' + text.replace('"', "'") + '"'


def script(results, title, path):
    rows = list(reversed(results.rows))   # gnuplot's y grows upwards
    base = base_of(results)
    height = 150 + 17 * len(rows)
    tics = ", ".join(f"{quoted(row.label)} {y}" for y, row in enumerate(rows))
    lines = [
        f"set terminal svg size 1100,{height} font 'sans-serif,11' background '#ffffff'",
        f"set output {quoted(path)}",
        f"set title {quoted(title)} noenhanced",
        "set logscale x",
        "set xrange [*<0.5:2<*]",
        "set xlabel " + quoted(f"rate / rate of {COLUMNS[base][1]} in the same repetition"
                               "\\nfurther right is faster; bars: least and greatest"),
        f"set yrange [-0.8:{len(rows) - 0.2}]",
        f"set ytics ({tics}) noenhanced",
        "set xtics (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)",
        "set grid x y linecolor '#dddddd' linetype 1",
        "set arrow from 1, graph 0 to 1, graph 1 nohead linecolor '#888888' linewidth 1.5 back",
        "set key outside top center horizontal maxrows 3 samplen 1 noenhanced",
        "set bars 0",
    ]
    plots = []
    for number, column in enumerate(results.columns):
        data = points(results, rows, column, base)
        if not data:
            continue
        colour, shape = STYLE[column]
        lines += [f"$D{number} << EOD", *data, "EOD"]
        plots.append(f"$D{number} using 1:4:2:3 with xerrorbars linecolor rgb '{colour}' "
                     f"pointtype {shape} pointsize 0.9 title {quoted(COLUMNS[column][1])}")
    return "\n".join([*lines, "plot " + ", ".join(plots), ""]) if plots else ""


def draw(results, environment, path):
    title = f"overpass {environment['commit']}, Linux {environment['kernel']}, " \
            f"{environment['CPUs']}, {environment['date'][:10]}"
    text = script(results, title, path)
    if not text:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".gnuplot", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        subprocess.run(["gnuplot", file.name], check=True)
    os.chmod(path, 0o644)
