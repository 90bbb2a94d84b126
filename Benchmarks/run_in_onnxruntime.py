"""ONNX Runtime's side of the inference benchmark: the same file, the same data, the same batches, on its CPU provider.

    python Benchmarks/run_in_onnxruntime.py MODEL.onnx DATA.npz --repeat N --batch-size N --threads N

Prints what `layercollapse run --timing` writes. The first batch is excluded, as it is there.
"""

import argparse
import json
import resource
import time

import numpy
import onnxruntime


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--repeat", type=int, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(options.model, settings, providers=["CPUExecutionProvider"])
    with numpy.load(options.data) as arrays:
        inputs = {value.name: arrays[value.name] for value in session.get_inputs()}
    count = len(next(iter(inputs.values())))
    started, steps = None, 0
    for _ in range(options.repeat):
        for start in range(0, count, options.batch_size):
            session.run(None, {key: array[start:start + options.batch_size] for key, array in inputs.items()})
            steps += 1
            started = started or time.perf_counter()
    seconds = time.perf_counter() - started
    print(json.dumps({
        "samples_per_second": (steps - 1) * options.batch_size / seconds, "seconds": seconds,
        "steps": steps - 1, "batch_size": options.batch_size, "threads": options.threads,
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "version": onnxruntime.__version__,
    }))


if __name__ == "__main__":
    main()
