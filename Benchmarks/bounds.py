"""What bounds a network: its steps beside what the machine can do at all."""

KINDS_SHOWN = 12


def machine_line(machine):
    return (f"machine: {machine['flops_per_second'] / 1e9:.0f} GFLOP/s (torch.mm, 2048 x 2048, float32), "
            f"{machine['bytes_per_second'] / 1e9:.1f} GB/s (copy, read and written)")


def bounds_table(profile, machine):
    """Lines: the kinds of step that take most of the time, and what they reach of the machine."""
    steps = sorted(profile["steps"], key=lambda step: -step["seconds"])
    whole = {key: sum(step[key] for step in steps) for key in ("calls", "seconds", "flops", "bytes")}
    shown, rest = steps[:KINDS_SHOWN], steps[KINDS_SHOWN:]
    lines = [f"  {'step':<34} {'calls':>7} {'time':>6} {'GFLOP/s':>8} {'of peak':>8} {'GB/s':>7} {'of copy':>8}"]
    for step in shown:
        lines.append(line(f"{step['phase']} {step['name']}", step, whole, machine))
    if rest:
        others = {key: sum(step[key] for step in rest) for key in whole}
        lines.append(line(f"{len(rest)} others", others, whole, machine))
    lines.append(line("all", whole, whole, machine))
    return lines


def line(name, step, whole, machine):
    seconds = max(step["seconds"], 1e-12)
    flops, size = step["flops"] / seconds, step["bytes"] / seconds
    share = step["seconds"] / max(whole["seconds"], 1e-12)
    return (f"  {name:<34} {step['calls']:>7} {share:>6.1%} {flops / 1e9:>8.1f} "
            f"{flops / machine['flops_per_second']:>8.0%} {size / 1e9:>7.1f} {size / machine['bytes_per_second']:>8.0%}")
