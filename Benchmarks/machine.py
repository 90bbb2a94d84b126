"""What bounds every network on this machine: how fast it multiplies matrices, and how fast it moves memory.

    python Benchmarks/machine.py --threads N
"""

import argparse
import json
import time

import torch

SIDE = 2048
# Far more than any cache holds.
COPIED_BYTES = 512 * 1024 * 1024


def seconds(work, times):
    """The best of several: what the machine can do when nobody else is at work."""
    work()
    measured = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        measured.append(time.perf_counter() - started)
    return min(measured)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, required=True)
    torch.set_num_threads(parser.parse_args().threads)

    left, right, product = (torch.randn(SIDE, SIDE) for _ in range(3))
    multiplied = seconds(lambda: torch.mm(left, right, out=product), 15)
    source = torch.ones(COPIED_BYTES // 4)
    target = torch.zeros_like(source)
    copied = seconds(lambda: target.copy_(source), 15)
    # Read once and written once.
    print(json.dumps({"flops_per_second": 2 * SIDE**3 / multiplied, "bytes_per_second": 2 * COPIED_BYTES / copied}))


if __name__ == "__main__":
    main()
