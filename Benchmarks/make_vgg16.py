"""Writes an ONNX file of the shape of torchvision's VGG16, with random weights: 138,357,544 parameters, 553 MB.

    python Benchmarks/make_vgg16.py OUT.onnx [--external-data] [--seed 0]

The input is fixed at 224 x 224, so the last pooling gives 7 x 7 and torchvision's adaptive pooling has nothing to do; dropout is the
identity at inference. Neither is in the file.
"""

import argparse
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper

# Channels of torchvision's configuration "D"; 0 is a max pooling.
FEATURES = [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0]
HEAD = [512 * 7 * 7, 4096, 4096, 1000]
PARAMETERS = 138_357_544


class Network:
    """Collects nodes and weights; `wire` is the value that the next node reads."""

    def __init__(self, seed):
        self.random = numpy.random.default_rng(seed)
        self.nodes, self.tensors, self.wire, self.parameters = [], [], "input", 0

    def node(self, operator, name, weights=(), output=None, **attributes):
        result = output or f"/{name}_output_0"
        self.nodes.append(helper.make_node(operator, [self.wire, *weights], [result], name=f"/{name}", **attributes))
        self.wire = result

    def weight(self, name, *shape):
        # He's initialisation keeps the values of every layer near one, whatever the depth.
        deviation = numpy.float32((2 / numpy.prod(shape[1:])) ** 0.5) if len(shape) > 1 else numpy.float32(0.01)
        values = self.random.standard_normal(shape, dtype=numpy.float32)
        values *= deviation
        self.tensors.append(
            TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, raw_data=values.tobytes())
        )
        self.parameters += values.size
        return name


def vgg16(seed):
    network, channels, index = Network(seed), 3, 0
    for width in FEATURES:
        if width == 0:
            network.node("MaxPool", f"features.{index}/MaxPool", kernel_shape=[2, 2], strides=[2, 2])
            index += 1
            continue
        weights = [network.weight(f"features.{index}.weight", width, channels, 3, 3),
                   network.weight(f"features.{index}.bias", width)]
        network.node("Conv", f"features.{index}/Conv", weights, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1])
        network.node("Relu", f"features.{index + 1}/Relu")
        channels, index = width, index + 2
    network.node("Flatten", "Flatten", axis=1)
    for index, inputs, outputs in zip((0, 3, 6), HEAD, HEAD[1:]):
        weights = [network.weight(f"classifier.{index}.weight", outputs, inputs),
                   network.weight(f"classifier.{index}.bias", outputs)]
        network.node("Gemm", f"classifier.{index}/Gemm", weights, "logits" if index == 6 else None, transB=1)
        if index != 6:
            network.node("Relu", f"classifier.{index + 1}/Relu")
    assert network.parameters == PARAMETERS, network.parameters
    graph = helper.make_graph(
        network.nodes, "vgg16",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 224, 224])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 1000])],
    )
    # Taken over one by one: a list argument would copy the weights once more.
    for tensor in network.tensors:
        graph.initializer.append(tensor)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="make_vgg16")


def write(path, external_data=False, seed=0):
    path = Path(path)
    model = vgg16(seed)
    if external_data:
        (path.parent / f"{path.name}.data").unlink(missing_ok=True)
        onnx.save_model(model, str(path), save_as_external_data=True, location=f"{path.name}.data")
    else:
        path.write_bytes(model.SerializeToString())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--external-data", action="store_true", help="weights in OUT.onnx.data, as PyTorch exports them")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    write(options.out, options.external_data, options.seed)
    print(f"{options.out}: {PARAMETERS:,} parameters, {options.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
