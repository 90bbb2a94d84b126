"""Where the seconds of a compression go, beside the bare forward pass over its calibration samples; and what a long file
costs beside a short one."""

import json

# Sequences of 64 tokens for the shape of MiniLM, of 128 for that of BERT-base.
SHAPES = {"minilm-shape": 2500, "bert-base": 200}
LONG_FILES = [5_000, 20_000, 50_000, 400_000]


def phases(bench):
    """Prints a table for each network, and one of long files; returns what was measured."""
    rows = []
    for name, samples in SHAPES.items():
        bench.prepare(name)
        data = bench.folder / f"{name}.npz"
        bench.script("prepare.py", name, "--data", data, "--samples", samples)
        report, small = bench.folder / "report.json", bench.folder / "small.onnx"
        job = bench.run(
            "compress", bench.model(name), "--data", data, "-o", small, "--report", report, "--threads",
            bench.options.threads, "--max-layers", 2, "--force", "--quiet", accepted=(0, 4))
        result = json.loads(report.read_text())
        calibration = result["data"]["calibration_samples"]
        timing = bench.folder / "timing.json"
        bench.run(
            "run", bench.model(name), "--data", data, "-o", bench.folder / "outputs.npz", "--timing", timing, "--threads",
            bench.options.threads, "--force", "--quiet")
        bare = calibration / json.loads(timing.read_text())["samples_per_second"]
        print(f"\n{name}: compress of {samples} samples, {job.seconds:.1f} s, {job.peak_bytes / 1e6:.0f} MB; the bare forward "
              f"pass over {calibration} calibration samples takes {bare:.1f} s\n")
        print(f"  {'phase':<16} {'seconds':>8} {'forward':>8} {'passes':>7}")
        for phase in result["phases"]:
            print(f"  {phase['phase']:<16} {phase['seconds']:>8.1f} {phase['forward_seconds']:>8.1f} "
                  f"{phase['seconds'] / bare:>7.1f}", flush=True)
        rows.append({"network": name, "seconds": job.seconds, "peak_memory_bytes": job.peak_bytes,
                     "forward_seconds": bare, "phases": result["phases"]})
    print(f"\ndigits-vit, 2 blocks: a file of many samples\n\n  {'samples':>8} {'seconds':>8} {'peak MB':>8}")
    bench.prepare("digits-vit")
    for samples in LONG_FILES:
        data = bench.folder / "long.npz"
        bench.script("prepare.py", "digits-vit", "--data", data, "--samples", samples, "--test-samples", 1500)
        job = bench.run(
            "compress", bench.model("digits-vit"), "--data", data, "-o", bench.folder / "small.onnx", "--max-layers", 2,
            "--threads", bench.options.threads, "--force", "--quiet", accepted=(0, 4))
        print(f"  {samples:>8} {job.seconds:>8.1f} {job.peak_bytes / 1e6:>8.0f}", flush=True)
        rows.append({"network": "digits-vit", "samples": samples, "seconds": job.seconds,
                     "peak_memory_bytes": job.peak_bytes})
    return rows
