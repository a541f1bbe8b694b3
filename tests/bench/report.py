# SPDX-License-Identifier: Apache-2.0
"""What `compare` makes of its measurements: ratios and charts."""

import os
import pathlib
import shutil
import statistics
import subprocess

from document import write_whole
from measure import ROOT, number

PAGE = pathlib.Path(ROOT, "docs", "performance.md")
CHARTS = os.path.join(ROOT, "docs", "performance")


# ---- Arithmetic ----

def ratio(runs, others, key="us"):
    """The median of the ratios of neighbours: how many times the others'. None: there are no neighbours."""
    return median_of([getattr(a, key) / getattr(b, key) for a in runs for b in others if a.turn == b.turn])


def thousands(value):
    """Three digits of it."""
    return number(float("%.3g" % value), "%.0f")


def median_of(values):
    return statistics.median(values) if values else None


# ---- Charts ----

PANEL = """\
set title %(title)s
set xrange [0:%(most)g]
set yrange [%(rows)g:-0.6]
set ytics (%(names)s)
plot '-' using 2:1:(0):2:($1-0.35):($1+0.35):3 with boxxyerror lc rgb variable fs solid 1 noborder, \\
     '-' using 1:2:3 with labels left offset 0.6,0 font ',10'
%(boxes)se
%(labels)se
"""
OURS, THEIRS = 0x1B6CA8, 0xB8B8B8


def quoted(text):
    """For gnuplot, where quotes would end the string; backquotes are of Markdown."""
    return '"%s"' % text.replace("`", "").replace('"', "'").replace("\\", "")


def panel(title, rows):
    """Lying bars: (name, value or None, the value as text, whether it is ours)."""
    values = [value for _, value, _, _ in rows if value is not None]
    boxes, labels = "", ""
    for i, (_, value, text, is_ours) in enumerate(rows):
        boxes += "%d %g %d\n" % (i, value or 0, OURS if is_ours else THEIRS)
        labels += "%g %d %s\n" % (value or 0, i, quoted(text))
    return PANEL % {"title": quoted(title), "most": (max(values) if values else 1) * 1.35,
                    "rows": len(rows) - 0.4, "boxes": boxes, "labels": labels,
                    "names": ", ".join("%s %d" % (quoted(name), i)
                                       for i, (name, _, _, _) in enumerate(rows))}


def chart(name, title, panels, rows, folder=CHARTS):
    """Writes an SVG of up to four panels of so many bars; False, and nothing is written: there is no gnuplot."""
    if not shutil.which("gnuplot"):
        return False
    os.makedirs(folder, exist_ok=True)
    script = ("set terminal svg size 960,%d font 'sans-serif,12' background '#ffffff'\n"
              "set multiplot layout 2,2 title %s\nunset key\n"
              "set border 2\nset lmargin 18\nset tics nomirror scale 0\nunset xtics\n%sunset multiplot\n") % (
                  140 + 56 * rows, quoted(title), "".join(panels))
    run = subprocess.run(["gnuplot"], input=script.encode(), stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, timeout=60)
    if run.returncode != 0:
        raise RuntimeError("gnuplot: " + run.stderr.decode(errors="replace").strip()[-300:])
    write_whole(os.path.join(folder, name + ".svg"), run.stdout.decode())
    return True
