"""The damage that the table of sites predicts for each point of a front, beside the measured one.

    python Benchmarks/predicted.py PROGRAM [--only NAME ...] [--seeds 0] [--folder FOLDER] [--svg FILE.svg]

The prediction of a point is the sum of what its replacements do alone; both are KL on the samples that the job decides by, and no
point is fine-tuned. Draws all points of all fronts on logarithmic axes, as text and as SVG, and prints for each network the ratio
of predicted to measured damage where it is farthest from one, of all points and of those whose damage is at most 0.1. Fronts
are kept in `--folder`, which is that of peers.py, and read from there. Needs numpy and onnxruntime from PyPI.
"""

import argparse
import json
import math
import tempfile
from pathlib import Path

from fronts import NETWORKS, compress
from promises import ROOT

LOW, HIGH = 1e-6, 1e1
MARKS = "ox+*#@%"
COLORS = ["#1b6ca8", "#c8553d", "#2e8b57", "#7b4fa3", "#b8860b", "#444444", "#d16ba5"]
SMALL = 0.1


def share(damage):
    """Where a damage is on an axis, from 0 to 1."""
    return min(max(math.log(damage / LOW) / math.log(HIGH / LOW), 0), 1)


def drawing(points, columns=64, rows=26):
    lines = [[" "] * (columns + 1) for _ in range(rows + 1)]
    for column in range(columns + 1):
        lines[rows - round(column * rows / columns)][column] = "."
    for name, mark in zip(points, MARKS):
        for predicted, measured in points[name]:
            lines[rows - round(share(predicted) * rows)][round(share(measured) * columns)] = mark
    legend = "  ".join(f"{mark} {name}" for name, mark in zip(points, MARKS))
    return "\n".join(["predicted", *("|" + "".join(line).rstrip() for line in lines), "+" + "-" * columns + " measured",
                      f"both from {LOW:g} to {HIGH:g} nats; dots where they are equal", legend])


def svg(points, side=560, edge=50):
    def place(damage):
        return edge + share(damage) * side

    full = side + 2 * edge
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full} {full}" font-family="sans-serif" font-size="12">',
             f'<rect width="{full}" height="{full}" fill="#fff"/>',
             f'<path d="M{edge} {full - edge}H{full - edge}M{edge} {full - edge}V{edge}" stroke="#000"/>',
             f'<path d="M{edge} {full - edge}L{full - edge} {edge}" stroke="#aaa" stroke-dasharray="4"/>',
             f'<text x="{full / 2}" y="{full - 8}">measured damage, nats</text>',
             f'<text x="14" y="{full / 2}" transform="rotate(-90 14 {full / 2})">predicted damage, nats</text>']
    for power in range(round(math.log10(LOW)), round(math.log10(HIGH)) + 1):
        at = place(10.0 ** power)
        parts.append(f'<text x="{at - 10:.0f}" y="{full - edge + 18}">1e{power}</text>'
                     f'<text x="{edge - 34}" y="{full - at + 4:.0f}">1e{power}</text>')
    for index, ((name, pairs), color) in enumerate(zip(points.items(), COLORS)):
        parts.append(f'<text x="{edge + 12}" y="{edge + 16 * index}" fill="{color}">{name}</text>')
        parts += [f'<circle cx="{place(measured):.1f}" cy="{full - place(predicted):.1f}" r="3.5" fill="{color}"/>'
                  for predicted, measured in pairs]
    return "\n".join([*parts, "</svg>", ""])


def worst(pairs):
    return max((predicted / measured for predicted, measured in pairs), key=lambda ratio: abs(math.log(ratio)))


def front(program, name, seed, kept):
    """The points of a front: those that are kept, or those of a job, which are then kept."""
    if not kept.exists():
        with tempfile.TemporaryDirectory() as folder:
            points, _ = compress(program, name, Path(folder), "--seed", str(seed), "--finetune", "none", "--threads", "1")
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(points))
    return json.loads(kept.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--only", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--folder", type=Path, default=ROOT / ".build" / "peers")
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    points = {}
    for name in options.only:
        fronts = [front(options.program, name, seed, options.folder / name / f"front-{seed}.json") for seed in options.seeds]
        # A prediction of zero or below has no logarithm, and a head that becomes one layer has no prediction.
        points[name] = [(point["predicted_damage"], point["damage"]) for each in fronts for point in each
                        if (point["predicted_damage"] or 0) > 0 and point["damage"] > 0]
    print(drawing(points) + "\n")
    for name, pairs in [*points.items(), ("all", [pair for pairs in points.values() for pair in pairs])]:
        small = [pair for pair in pairs if pair[1] <= SMALL]
        print(f"{name}: {len(pairs)} points, predicted / measured at worst {worst(pairs):.2f}"
              + (f"; {len(small)} of damage up to {SMALL}: {worst(small):.2f}" if small else ""))
    if options.svg:
        options.svg.write_text(svg(points))


if __name__ == "__main__":
    main()
