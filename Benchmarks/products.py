"""Products of BERT-base's layers beside torch.mm, in GFLOP/s."""

import json
import statistics

from multiply_in_pytorch import repetitions


def products(bench):
    """Prints a line for each product; the sides take turns. Returns what was measured."""
    files = bench.folder / "products"
    bench.script("multiply_in_pytorch.py", "--write", files)
    names = sorted((file.stem for file in files.glob("*.onnx")), key=lambda name: (sizes(name), name))
    ours, theirs = {name: [] for name in names}, {name: [] for name in names}
    for _ in range(bench.options.rounds):
        for name in names:
            ours[name].append(rate(bench, files / f"{name}.onnx", files / f"{name}.npz", sizes(name)))
        rates = json.loads(bench.script("multiply_in_pytorch.py", "--threads", bench.options.threads))
        for name in names:
            theirs[name].append(rates[name])
    print(f"\nproducts rows x width x columns (t: the weight lies transposed), {bench.options.threads} threads; medians of "
          f"{bench.options.rounds} alternating rounds\n")
    print(f"{'':<16} {'GFLOP/s':>8} {'torch.mm':>9} {'ratio':>6} {'(rounds)':>15}")
    rows = []
    for name in names:
        ratios = [here / there for here, there in zip(ours[name], theirs[name])]
        spread = f"({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"{name:<16} {statistics.median(ours[name]):>8.1f} {statistics.median(theirs[name]):>9.1f} "
              f"{statistics.median(ratios):>6.2f} {spread:>15}", flush=True)
        rows.append({"product": name, "ours": ours[name], "theirs": theirs[name], "ratio": statistics.median(ratios)})
    return rows


def sizes(name):
    """Rows, width and columns."""
    return [int(part) for part in name.rstrip("t").split("x")]


def rate(bench, model, data, product):
    """What the program's own profile says of its product."""
    profile = bench.folder / "product.json"
    bench.run(
        "run", model, "--data", data, "-o", bench.folder / "product.npz", "--batch-size", product[0], "--repeat",
        repetitions(*product), "--threads", bench.options.threads, "--force", "--quiet", LAYERCOLLAPSE_PROFILE=profile)
    (step,) = [step for step in json.loads(profile.read_text())["steps"] if step["flops"] > 0]
    return step["flops"] / step["seconds"] / 1e9
