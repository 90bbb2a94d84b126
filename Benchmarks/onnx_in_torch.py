"""An ONNX file as a PyTorch module whose parameters are the weights of the file, so that a network of that very shape can be
trained and written back. It knows the operators of the networks of the fixtures, at opset 17, and no others.
"""

import math

import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional

TYPES = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool}


def reshape(x, shape, allowzero=0):
    return x.reshape([x.shape[i] if size == 0 and not allowzero else size for i, size in enumerate(shape.tolist())])


def slices(x, starts, ends, axes=None, steps=None):
    axes = range(len(starts)) if axes is None else axes.tolist()
    for start, end, axis in zip(starts.tolist(), ends.tolist(), axes):
        x = x[(slice(None),) * (axis % x.dim()) + (slice(start, end),)]
    return x


def unsqueeze(x, axes):
    for axis in sorted(axes.tolist()):
        x = x.unsqueeze(axis)
    return x


def gemm(x, weight, bias=None, alpha=1.0, beta=1.0, transA=0, transB=0):
    y = alpha * (x.T if transA else x) @ (weight.T if transB else weight)
    return y if bias is None else y + beta * bias


OPERATORS = {
    "Add": lambda a, b: a + b, "Sub": lambda a, b: a - b, "Mul": lambda a, b: a * b, "Equal": lambda a, b: a == b,
    "Div": lambda a, b: a / b if a.is_floating_point() else a // b, "MatMul": torch.matmul, "Where": torch.where,
    "Sqrt": torch.sqrt, "Erf": torch.erf, "Tanh": torch.tanh, "Relu": torch.relu, "Identity": lambda x: x,
    "Cast": lambda x, to: x.to(TYPES[to]), "Shape": lambda x: torch.tensor(x.shape), "Reshape": reshape, "Slice": slices,
    "Unsqueeze": unsqueeze, "Squeeze": lambda x, axes: x.squeeze(tuple(axes.tolist())),
    "Gather": lambda x, indices, axis=0: x[(slice(None),) * axis + (indices,)], "Transpose": lambda x, perm: x.permute(perm),
    "Concat": lambda *parts, axis: torch.cat(parts, axis), "Split": lambda x, sizes, axis=0: x.split(sizes.tolist(), axis),
    "Expand": lambda x, shape: x.expand(torch.broadcast_shapes(x.shape, shape.tolist())),
    "Trilu": lambda x, k=torch.tensor(0), upper=1: (torch.triu if upper else torch.tril)(x, int(k)),
    "Softmax": lambda x, axis=-1: x.softmax(axis), "ReduceMean": lambda x, axes, keepdims=1: x.mean(axes, bool(keepdims)),
    "LayerNormalization": lambda x, scale, bias, axis=-1, epsilon=1e-5: functional.layer_norm(
        x, scale.shape, scale, bias, epsilon),
    "BatchNormalization": lambda x, scale, bias, mean, variance, epsilon=1e-5, **_: functional.batch_norm(
        x, mean, variance, scale, bias, eps=epsilon),
    "Gemm": gemm, "Flatten": lambda x, axis=1: x.flatten(axis),
    "Conv": lambda x, weight, bias=None, strides=(1, 1), pads=(0, 0, 0, 0), group=1, **_: functional.conv2d(
        x, weight, bias, strides, pads[:2], groups=group),
    "MaxPool": lambda x, kernel_shape, strides, **_: functional.max_pool2d(x, kernel_shape, strides),
}


class ONNXModule(torch.nn.Module):
    """The file at `path`; `write` writes it anew with the weights as they are now."""

    def __init__(self, path):
        super().__init__()
        self.file = onnx.load(path)
        self.steps = [(node, {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute})
                      for node in self.file.graph.node]
        statistics = {name for node, _ in self.steps if node.op_type == "BatchNormalization" for name in node.input[3:]}
        self.constants, self.weights = {"": None}, {}
        for tensor in self.file.graph.initializer:
            value = torch.from_numpy(numpy_helper.to_array(tensor).copy())
            if value.is_floating_point() and value.dim() and tensor.name not in statistics:
                self.weights[tensor.name] = torch.nn.Parameter(value)
            else:
                self.constants[tensor.name] = value
        self.listed = torch.nn.ParameterList(self.weights.values())

    def forward(self, x):
        values = self.constants | self.weights | {self.file.graph.input[0].name: x}
        for node, attributes in self.steps:
            if node.op_type == "Constant":
                result = torch.from_numpy(numpy_helper.to_array(attributes["value"]).copy())
            else:
                result = OPERATORS[node.op_type](*(values[name] for name in node.input), **attributes)
            values.update(zip(node.output, result if isinstance(result, tuple) else (result,)))
        return values[self.file.graph.output[0].name]

    @torch.no_grad()
    def randomize(self):
        """Gives each weight what PyTorch gives a new layer, by the operator that reads it, and biases zero."""
        for node, attributes in self.steps:
            for place, name in enumerate(node.input):
                if name not in self.weights:
                    continue
                weight = self.weights[name]
                if node.op_type in ("MatMul", "Gemm", "Conv") and weight.dim() > 1:
                    rows = node.op_type == "MatMul" or node.op_type == "Gemm" and not attributes.get("transB", 0)
                    bound = 1 / math.sqrt(weight.shape[0] if rows else weight[0].numel())
                    weight.uniform_(-bound, bound)
                elif node.op_type.endswith("Normalization"):
                    weight.fill_(1 if place == 1 else 0)
                elif weight.dim() > 1:
                    weight.normal_(0, 1 if node.op_type == "Gather" else 0.02)
                else:
                    weight.zero_()
        for node, _ in self.steps:
            if node.op_type == "BatchNormalization":
                self.constants[node.input[3]].zero_()
                self.constants[node.input[4]].fill_(1)

    def write(self, path):
        values = self.constants | self.weights
        for tensor in self.file.graph.initializer:
            tensor.CopyFrom(numpy_helper.from_array(values[tensor.name].detach().numpy(), tensor.name))
        onnx.save(self.file, path)
