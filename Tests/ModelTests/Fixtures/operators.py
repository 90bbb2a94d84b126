"""Writes operators.txt: the results of NumPy, PyTorch and ONNX Runtime for the ops of OperatorTests.swift.

One case per line: its name, its operands and its result, each a type, the sizes and the elements.
Run with an interpreter that has numpy, torch, onnx and onnxruntime: python operators.py > operators.txt
"""

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from onnx import helper, TensorProto

rng = np.random.default_rng(7)
types = {"float32": "float32", "int64": "int64", "int32": "int32", "bool": "bool"}


def text(a):
    a = np.asarray(a)
    numbers = [str(int(v)) if a.dtype != np.float32 else str(v) for v in a.ravel()]
    return " ".join([types[a.dtype.name], ",".join(map(str, a.shape)) or "-"] + numbers)


def case(name, operands, result):
    operands = [np.asarray(o) for o in operands]
    result = result.numpy() if isinstance(result, torch.Tensor) else np.asarray(result)
    print("|".join([name] + [text(o) for o in operands] + [text(result)]))


def f(*shape, low=-2.0, high=2.0):
    return np.round(rng.uniform(low, high, shape), 3).astype(np.float32)


def i(*shape, low=-9, high=9, dtype=np.int64):
    return rng.integers(low, high, shape, endpoint=True).astype(dtype)


def b(*shape):
    return rng.integers(0, 2, shape).astype(bool)


def t(a):
    return torch.from_numpy(np.ascontiguousarray(a))


with np.errstate(all="ignore"):
    # Two operands.
    pairs = [((3, 4), (3, 4)), ((2, 3, 4), (3, 1)), ((4,), (2, 1, 4)), ((), (2, 2)), ((0, 3), (3,)), ((1,), (1, 1)),
             ((2, 1, 9), (1, 2, 9))]
    for left, right in pairs:
        x, y = f(*left), f(*right)
        case("power", [abs(x), y], np.power(abs(x), y))
        case("minimum", [x, y], np.minimum(x, y))
        case("maximum", [x, y], np.maximum(x, y))
        case("modulo", [x, y], np.mod(x, y))
        case("remainder", [x, y], np.fmod(x, y))
        for dtype in (np.int64, np.int32)[: 2 if left == (4,) else 1]:
            m, n = i(*left, dtype=dtype), i(*right, dtype=dtype)
            n = np.where(n == 0, 1, n).astype(dtype)
            case("add", [m, n], m + n)
            case("subtract", [m, n], m - n)
            case("multiply", [m, n], m * n)
            case("divide", [m, n], np.trunc(m / n).astype(dtype))
            case("minimum", [m, n], np.minimum(m, n))
            case("maximum", [m, n], np.maximum(m, n))
            case("modulo", [m, n], np.mod(m, n))
            case("remainder", [m, n], np.fmod(m, n))
            case("power", [m, abs(n)], np.power(m, abs(n)))
            case("equal", [m, n], m == n)
            case("less", [m, n], m < n)
        case("equal", [x, y], x == y)
        p, q = b(*left), b(*right)
        case("equal", [p, q], p == q)
        case("less", [x, y], x < y)
        case("lessOrEqual", [np.round(x), np.round(y)], np.round(x) <= np.round(y))
        case("greater", [x, y], x > y)
        case("greaterOrEqual", [np.round(x), np.round(y)], np.round(x) >= np.round(y))
        case("and", [p, q], p & q)
        case("or", [p, q], p | q)
        case("xor", [p, q], p ^ q)
        case("select", [p, x, y], np.where(p, x, y))
        case("select", [p, y, x], np.where(p, y, x))
        m, n = i(*left), i(*right)
        case("select", [q, m, n], np.where(q, m, n))
        case("select", [q, p, q], np.where(q, p, q))
    for exponent in (0, 1, 2, 3, 0.5, -0.5, -1, 2.5):
        x = f(2, 9, low=0.1)
        case("power", [x, np.float32(exponent)], np.power(x, np.float32(exponent)))
    x = f(3, 1)
    p, y = b(1, 4), f(2, 1, 1)
    case("select", [p, x, y], np.where(p, x, y))
    low = np.array([-(2**63), 7, -7, 5], np.int64)
    case("divide", [low, np.array([-1, 0, 2, -3], np.int64)], np.array([-(2**63), 0, -3, -1], np.int64))
    case("modulo", [low, np.array([-1, 0, 2, -3], np.int64)], np.array([0, 0, 1, -1], np.int64))
    case("remainder", [low, np.array([-1, 0, 2, -3], np.int64)], np.array([0, 0, -1, 2], np.int64))

    # One operand.
    for x in (np.array([-3, -1.5, -1, -0.5, 0, 0.25, 0.5, 1, 1.5, 2.5, 3.5], np.float32), f(3, 5) * 4, f(0, 2), f(1),
              np.array([-1000, -100, -20, 20, 100, 1000], np.float32)):
        v = t(x)
        case("absolute", [x], v.abs())
        case("sign", [x], v.sign())
        case("floor", [x], v.floor())
        case("ceiling", [x], v.ceil())
        case("round", [x], v.round())
        case("sin", [x], v.sin())
        case("cos", [x], v.cos())
        case("softplus", [x], F.softplus(v))
        case("softsign", [x], F.softsign(v))
        case("hardSigmoid", [x], torch.clamp(0.3 * v + 0.4, 0, 1))
        case("hardSwish", [x], F.hardswish(v))
        case("clip", [x], v.clamp(-1.25, 1.5))
        case("elu", [x], F.elu(v, 0.75))
        case("mish", [x], F.mish(v))
        case("silu", [x], F.silu(v))
        case("quickGelu", [x], v * torch.sigmoid(1.702 * v))
    slopes = {
        "softplus": F.softplus, "softsign": F.softsign, "hardSwish": F.hardswish, "mish": F.mish, "silu": F.silu,
        "elu": lambda v: F.elu(v, 0.75), "quickGelu": lambda v: v * torch.sigmoid(1.702 * v), "sigmoid": torch.sigmoid,
        "tanh": torch.tanh, "gelu": F.gelu, "geluTanh": lambda v: F.gelu(v, approximate="tanh"), "absolute": torch.abs,
        "clip": lambda v: v.clamp(-1.25, 1.5), "sign": torch.sign, "erf": torch.erf, "sin": torch.sin,
    }
    for x in (np.array([-1000, -100, -20, 20, 100, 1000], np.float32), np.array([-4, -1.25, 0, 0.5, 1.5], np.float32)):
        for name, function in slopes.items():
            v, dy = t(x).requires_grad_(), f(*x.shape)
            function(v).backward(t(dy))
            case(f"derivative {name}", [x, dy], v.grad)
    special = np.array([1, np.nan, np.inf, -np.inf, 0], np.float32)
    case("isNaN", [special], np.isnan(special))
    case("isInfinite", [special], np.isinf(special))
    case("isPositiveInfinite", [special], np.isposinf(special))
    p = b(3, 3)
    case("not", [p], ~p)
    for dtype in (np.int64, np.int32):
        m = i(2, 5, dtype=dtype)
        case("absolute", [m], abs(m))
        case("sign", [m], np.sign(m))
        case("negate", [m], -m)

    # Along axes.
    for shape in ((3, 4, 5), (2, 1, 9), (1, 1, 1), (0, 3, 2), (1, 2, 33)):
        x = f(*shape)
        v = t(x)
        for axes in ((0,), (1,), (2,), (0, 2), (1, 2), (0, 1, 2)):
            name = ",".join(map(str, axes))
            if x.size:
                case(f"reduce maximum {name}", [x], v.amax(axes))
                case(f"reduce minimum {name}", [x], v.amin(axes))
                case(f"reduce logSumExp {name}", [x * 30], torch.logsumexp(t(x * 30), axes))
                case(f"reduce logSum {name}", [abs(x)], t(abs(x)).sum(axes).log())
                m = i(*shape)
                case(f"reduce maximum {name}", [m], m.max(axes))
                case(f"reduce minimum {name}", [m], m.min(axes))
            case(f"reduce product {name}", [x], x.prod(axes))
            case(f"reduce sumSquare {name}", [x], (v * v).sum(axes))
            case(f"reduce l1 {name}", [x], v.abs().sum(axes))
            case(f"reduce l2 {name}", [x], torch.linalg.vector_norm(v, dim=axes))
            m = i(*shape, low=-3, high=3)
            case(f"reduce sum {name}", [m], m.sum(axes))
            case(f"reduce product {name}", [m], m.prod(axes))
            case(f"reduce sum {name}", [m.astype(np.int32)], m.astype(np.int32).sum(axes, dtype=np.int32))
        for axis in range(3):
            if shape[axis] and x.size:
                case(f"argmax {axis}", [x], x.argmax(axis))
                case(f"argmin {axis}", [x], x.argmin(axis))
                m = i(*shape, low=0, high=1)
                last = shape[axis] - 1 - np.flip(m, axis).argmax(axis, keepdims=True)
                case(f"argmax last {axis}", [m], last)
            case(f"softmax {axis}", [x], F.softmax(v, axis))
            case(f"logSoftmax {axis}", [x * 10], F.log_softmax(t(x * 10), axis))
            case(f"cumulativeSum {axis}", [x], v.cumsum(axis))
            m = i(*shape)
            case(f"cumulativeSum reversed {axis}", [m], np.flip(np.flip(m, axis).cumsum(axis), axis))
            case(f"cumulativeSum exclusive {axis}", [m], m.cumsum(axis) - m)
            case(f"cumulativeSum exclusive reversed {axis}", [m], np.flip(np.flip(m, axis).cumsum(axis), axis) - m)
    for shape, axes in (((3, 7), 1), ((2, 3, 5), 2), ((2, 1, 33), 1), ((1, 1), 1), ((0, 4), 1), ((2, 65), 1)):
        x, scale, bias = f(*shape), f(*shape[-axes:]), f(*shape[-axes:])
        v = t(x)
        sizes = shape[-axes:]
        case(f"layerNorm {axes}", [x, scale, bias], F.layer_norm(v, sizes, t(scale), t(bias), 1e-3))
        case(f"layerNorm {axes}", [x, scale], F.layer_norm(v, sizes, t(scale), None, 1e-3))
        case(f"layerNorm {axes}", [x], F.layer_norm(v, sizes, None, None, 1e-3))
        case(f"rmsNorm {axes}", [x, scale], F.rms_norm(v, sizes, t(scale), 1e-3))

    # Shape.
    for x in (np.round(f(2, 5, 4), 2), i(2, 5, 4), i(2, 5, 4, dtype=np.int32), b(2, 5, 4)):
        case("transpose", [x], x.transpose(2, 0, 1))
        case("concat", [x, x[:, :2]], np.concatenate([x, x[:, :2]], 1))
        case("slice", [x], x[:, 1:3])
        case("slice by 2", [x], x[:, 1:4:2])
        case("slice backwards", [x], x[:, ::-1])
        case("slice backwards by 3", [x], x[:, 4::-3])
        case("broadcast", [x[:, :1]], np.broadcast_to(x[:, :1], (3, 2, 5, 4)))
        case("reshape", [x], x.reshape(4, 10))
        pads = ((0, 0), (2, 1), (0, 3))
        case("pad constant", [x], np.pad(x, pads))
        case("pad constant", [x, x[0, 0, :1]], np.pad(x, pads, constant_values=x[0, 0, 0]))
        case("pad edge", [x], np.pad(x, pads, "edge"))
        case("pad reflect", [x], np.pad(x, pads, "reflect"))
        case("pad wrap", [x], np.pad(x, pads, "wrap"))
        case("pad edge", [x[:, :, :1]], np.pad(x[:, :, :1], pads, "edge"))
        case("pad rows", [x], np.pad(x, ((1, 2), (0, 0), (0, 0))))
        case("pad crop", [x], np.pad(x[:, 1:, :-2], ((0, 0), (0, 2), (1, 0))))
        for k in (-7, -1, 2, 9)[:: 1 if x.dtype == np.float32 else 2]:
            case(f"upper {k}", [x], np.triu(x, k))
            case(f"lower {k}", [x], np.tril(x, k))
        for index in (np.int64(2), np.array([3, -1, 0], np.int64), np.array([[1, -5], [0, 4]], np.int32),
                      np.zeros((0,), np.int64)):
            case("gather 1", [x, index], np.take(x, index, 1))
        case("gather 0", [x, np.array([1, 1, -2], np.int32)], np.take(x, np.array([1, 1, -2]), 0))
        case("gather 2", [x, np.array([[3]], np.int64)], np.take(x, np.array([[3]]), 2))
        index = i(2, 3, 4, low=-5, high=4)
        case("gatherElements 1", [x, index], np.take_along_axis(x, index, 1))
        index = i(1, 5, 2, low=0, high=3, dtype=np.int32)
        case("gatherElements 2", [x, index], np.take_along_axis(x[:1], index.astype(np.int64), 2))
        index = np.array([[1, 4], [0, -1], [-2, 0]], np.int64)
        case("gatherND 0", [x, index], x[tuple(index.T)])
        case("gatherND 0", [x, np.array([[[1]], [[-1]]], np.int32)], x[np.array([[1], [-1]])])
        index = np.array([[[1]], [[4]]], np.int64)
        case("gatherND 1", [x, index], np.stack([x[0][[1]], x[1][[4]]]))
        index = np.array([[1, 4, 3], [0, -1, 2]], np.int64)
        case("gatherND 0", [x, index], x[tuple(index.T)])
        updates = x[::-1, :2].copy()
        index = np.broadcast_to(np.array([[[1], [-1]]]), (2, 2, 4)).astype(np.int64)
        expected = x.copy()
        np.put_along_axis(expected, index, updates, 1)
        case("scatterElements replace 1", [x, index, updates], expected)
        expected = x.copy()
        expected[[1, 0], [4, 2]] = x[0, :2]
        case("scatterND replace 0", [x, np.array([[1, 4], [0, -3]], np.int64), x[0, :2]], expected)
    out_of_range = np.array([1, 5, -6, 4], np.int64)
    x = f(2, 5, 3)
    expected = np.take(x, np.clip(out_of_range, 0, 4), 1)
    expected[:, 1:3] = 0
    case("gather 1", [x, out_of_range], expected)
    for dtype in (np.float32, np.int64, np.int32):
        x = i(3, 4, dtype=dtype).astype(dtype)
        index = np.array([[0, 0, 1, 3], [0, 2, 2, 2]], np.int64)
        u = i(2, 4, dtype=dtype).astype(dtype)
        for kind, reduce in (("add", "sum"), ("multiply", "prod"), ("minimum", "amin"), ("maximum", "amax")):
            case(f"scatterElements {kind} 1", [x, index, u],
                 t(x).scatter_reduce(1, t(index), t(u), reduce, include_self=True))
        expected = x.copy()
        np.add.at(expected, [0, 0, -1], u[[0, 1, 0]])
        case("scatterND add 0", [x, np.array([[0], [0], [-1]], np.int32), u[[0, 1, 0]]], expected)

    # Resizing, by ONNX Runtime.
    def resize(x, sizes, **attributes):
        node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], **attributes)
        given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape),
                 helper.make_tensor_value_info("sizes", TensorProto.INT64, [len(sizes)])]
        graph = helper.make_graph([node], "g", given, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, {"x": x, "sizes": np.array(sizes, np.int64)})[0]

    x = f(1, 2, 3, 5)
    for mode in ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "asymmetric", "align_corners"):
        for size in (1, 3, 8, 10):
            for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
                case(f"resize nearest {rounding} {mode} 3 5 {size}", [x],
                     resize(x, [1, 2, 3, size], mode="nearest", coordinate_transformation_mode=mode,
                            nearest_mode=rounding))
            case(f"resize linear - {mode} 3 5 {size}", [x],
                 resize(x, [1, 2, 3, size], mode="linear", coordinate_transformation_mode=mode))
            case(f"resize cubic - {mode} 3 5 {size}", [x],
                 resize(x, [1, 2, 3, size], mode="cubic", coordinate_transformation_mode=mode))
        case(f"resize linear - {mode} 2 3 7", [x],
             resize(x, [1, 2, 7, 5], mode="linear", coordinate_transformation_mode=mode))
        case(f"resize nearest floor {mode} 2 3 6", [x],
             resize(x, [1, 2, 6, 5], mode="nearest", coordinate_transformation_mode=mode, nearest_mode="floor"))
