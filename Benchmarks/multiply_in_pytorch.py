"""PyTorch's side of the products: those of BERT-base's layers, each as a file for the program and by torch.mm.

    python Benchmarks/multiply_in_pytorch.py --write FOLDER
    python Benchmarks/multiply_in_pytorch.py --threads N

The first writes NAME.onnx, one layer each, and NAME.npz, its rows. The second prints GFLOP/s by name.
"""

import argparse
import json
import time
from pathlib import Path

ROWS = [512, 1024, 2048, 4096]
# The width of the rows and that of the result.
LAYERS = [(768, 768), (768, 3072), (3072, 768)]


def products():
    """Name, rows, width, columns, and whether the weight lies transposed, as PyTorch's layers have it."""
    for rows in ROWS:
        for width, columns in LAYERS:
            for transposed in [False, True]:
                yield f"{rows}x{width}x{columns}{'t' if transposed else ''}", rows, width, columns, transposed


def repetitions(rows, width, columns):
    """So many that the first one, which meets cold memory, does not count."""
    return max(10, round(60e9 / (2 * rows * width * columns)))


def write(folder):
    import numpy
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    random = numpy.random.default_rng(7)
    for name, rows, width, columns, transposed in products():
        shape = (columns, width) if transposed else (width, columns)
        weight = numpy_helper.from_array(random.standard_normal(shape, dtype=numpy.float32), "weight")
        node = helper.make_node("Gemm", ["input", "weight"], ["output"], transB=int(transposed))
        graph = helper.make_graph(
            [node], name, [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", width])],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", columns])], [weight])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
                  folder / f"{name}.onnx")
        numpy.savez(folder / f"{name}.npz", input=random.standard_normal((rows, width), dtype=numpy.float32))


def rates(threads):
    import torch

    torch.set_num_threads(threads)
    result = {}
    for name, rows, width, columns, transposed in products():
        left = torch.randn(rows, width)
        right = torch.randn(columns, width).t() if transposed else torch.randn(width, columns)
        product = torch.empty(rows, columns)
        torch.mm(left, right, out=product)
        times = repetitions(rows, width, columns)
        started = time.perf_counter()
        for _ in range(times):
            torch.mm(left, right, out=product)
        result[name] = 2e-9 * rows * width * columns * times / (time.perf_counter() - started)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
        write(options.write)
    else:
        print(json.dumps(rates(options.threads)))


if __name__ == "__main__":
    main()
