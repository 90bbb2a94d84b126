"""Writes the fixtures of quantized operators: `python make_quantized.py [FOLDER]`, by default Tests/FormatsTests/Fixtures.

`quantized/NAME.onnx` is one small network for each way to quantize; `quantized.npz` holds what goes in (`NAME/in/INPUT`) and what
ONNX Runtime makes of it (`NAME/out/OUTPUT`), without its optimizer, which would put other operators in their place.
"""

import sys
from pathlib import Path

import numpy
import onnxruntime
from make_fixtures import zero_the_clock
from onnx import TensorProto as T, helper, numpy_helper

random = numpy.random.default_rng(11)
N = helper.make_node
MICROSOFT = "com.microsoft"


def numbers(*shape):
    return random.standard_normal(shape).astype(numpy.float32)


def tensor(name, array, kind=None):
    if kind is None:
        return numpy_helper.from_array(numpy.asarray(array), name)
    # Two numbers of 4 bits in a byte, the first in its lower half.
    flat = [int(value) & 15 for value in numpy.asarray(array).ravel()]
    flat += [0] * (len(flat) % 2)
    packed = bytes(low | high << 4 for low, high in zip(flat[::2], flat[1::2]))
    return helper.make_tensor(name, kind, numpy.asarray(array).shape, packed, raw=True)


def bits(*shape, low, high):
    return random.integers(low, high, shape, endpoint=True)


def blockwise(rows, columns, block, bit_count, zeros):
    """The operands of a MatMulNBits."""
    blocks = -(-columns // block)
    operands = {
        "w": random.integers(0, 256, (rows, blocks, block * bit_count // 8), dtype=numpy.uint8),
        "s": (0.02 + random.random((rows, blocks))).astype(numpy.float32).reshape(-1) / 2 ** (bit_count - 1),
    }
    if zeros == "packed":
        operands["z"] = random.integers(0, 256, rows * -(-blocks * bit_count // 8), dtype=numpy.uint8)
    elif zeros == "floats":
        operands["z"] = (7 + random.random(rows * blocks)).astype(numpy.float32)
    return operands


def cases():
    x = numbers(2, 3, 40)
    for name, block, count, zeros in [
        ("nbits_4", 32, 4, ""), ("nbits_4_zeros", 16, 4, "packed"), ("nbits_4_floats", 16, 4, "floats"), ("nbits_8", 32, 8, ""),
    ]:
        operands = blockwise(6, 40, block, count, zeros)
        node = N("MatMulNBits", ["x", *operands], ["y"], domain=MICROSOFT, K=40, N=6, bits=count, block_size=block)
        yield name, [node], [tensor(key, value) for key, value in operands.items()], x
    operands = blockwise(6, 40, 16, 4, "packed") | {"b": numbers(6)}
    yield "nbits_bias", [N("MatMulNBits", ["x", "w", "s", "z", "", "b"], ["y"], domain=MICROSOFT, K=40, N=6, bits=4, block_size=16)], [
        tensor(key, value) for key, value in operands.items()], x

    x = numbers(4, 8)
    floats = {"s": numpy.float32(0.03), "s8": numpy.float32(0.02) + random.random(8, numpy.float32), "s6": random.random(6, numpy.float32)}

    def dequantized(name, weight, scale, zero=None, opset=17, domain="", **attributes):
        given = [weight, tensor("s", scale)] + ([zero] if zero is not None else [])
        nodes = [N("DequantizeLinear", [t.name for t in given], ["w"], domain=domain, **attributes), N("MatMul", ["x", "w"], ["y"])]
        return name, nodes, given, x, opset

    signed, unsigned = bits(8, 6, low=-128, high=127).astype(numpy.int8), bits(8, 6, low=0, high=255).astype(numpy.uint8)
    yield dequantized("weight_int8", tensor("q", signed), floats["s"])
    yield dequantized("weight_uint8", tensor("q", unsigned), floats["s"], tensor("z", numpy.uint8(131)))
    yield dequantized(
        "weight_columns", tensor("q", signed), floats["s6"], tensor("z", bits(6, low=-9, high=9).astype(numpy.int8)), axis=-1)
    yield dequantized("weight_rows", tensor("q", signed), floats["s8"], axis=0)
    yield dequantized("weight_int16", tensor("q", bits(8, 6, low=-32768, high=32767).astype(numpy.int16)), floats["s"], opset=21)
    yield dequantized("weight_int4", tensor("q", bits(8, 6, low=-8, high=7), T.INT4), floats["s"], opset=21)
    yield dequantized(
        "weight_blocks", tensor("q", bits(8, 6, low=0, high=15), T.UINT4), (0.1 + random.random((2, 6))).astype(numpy.float32),
        tensor("z", bits(2, 6, low=0, high=15), T.UINT4), opset=21, axis=0, block_size=4)
    yield dequantized("weight_microsoft", tensor("q", signed), floats["s"], tensor("z", numpy.int8(3)), domain=MICROSOFT)
    yield "bias_int32", [N("DequantizeLinear", ["q", "s"], ["b"]), N("Add", ["x", "b"], ["y"])], [
        tensor("q", bits(8, low=-100000, high=100000).astype(numpy.int32)), tensor("s", numpy.float32(1e-4))], x

    def both(name, zero, scale=numpy.float32(0.02), opset=17, domain="", more=(), **attributes):
        ends = ["s", *([zero.name] if zero is not None else [])]
        nodes = [
            *more, N("QuantizeLinear", ["x", *ends], ["q"], domain=domain, **attributes),
            N("DequantizeLinear", ["q", *ends], ["y"], domain=domain, **attributes)]
        weights = [tensor("s", scale)] + ([zero] if zero is not None and not more else [])
        return name, nodes, weights, x, opset

    yield both("values_uint8", tensor("z", numpy.uint8(120)))
    yield both("values_int8", tensor("z", numpy.int8(-5)))
    yield both("values_default", None)
    yield both("values_int16", tensor("z", numpy.int16(9)), numpy.float32(1e-4), opset=21)
    yield both("values_columns", tensor("z", bits(8, low=100, high=150).astype(numpy.uint8)), floats["s8"] / 8)
    yield both("values_microsoft", tensor("z", numpy.uint16(40000)), numpy.float32(1e-4), domain=MICROSOFT)
    zero = tensor("z", numpy.uint8(120))
    yield both("values_constant", zero, more=[N("Constant", [], ["z"], value=zero)])

    # 7 bits: without VNNI, ONNX Runtime adds two products of 8 bits in 16, which saturates.
    few = bits(8, 6, low=-64, high=63).astype(numpy.int8)

    def dynamic(name, x, *zeros):
        given = [tensor("q", few), tensor("s", floats["s"]), *zeros]
        nodes = [
            N("DynamicQuantizeLinear", ["x"], ["xq", "xs", "xz"]),
            N("MatMulInteger", ["xq", "q", "xz", *(t.name for t in zeros)], ["i"]), N("Cast", ["i"], ["f"], to=T.FLOAT),
            N("Mul", ["xs", "s"], ["t"]), N("Mul", ["f", "t"], ["y"])]
        return name, nodes, given, x

    yield dynamic("dynamic", x)
    yield dynamic("dynamic_zero", x, tensor("z", numpy.int8(4)))
    yield dynamic("dynamic_columns", numpy.abs(x) + 1, tensor("z", bits(6, low=-9, high=9).astype(numpy.int8)))
    yield dynamic("dynamic_negative", -numpy.abs(x) - 1)
    yield dynamic("dynamic_nothing", numpy.zeros_like(x))
    image = numbers(2, 3, 5, 5)
    for name, zeros in [("convolution", [tensor("z", numpy.uint8(7))]), ("convolution_plain", [])]:
        nodes = [
            N("DynamicQuantizeLinear", ["x"], ["xq", "xs", "xz"]),
            N("ConvInteger", ["xq", "w", "xz", *(t.name for t in zeros)], ["i"], pads=[1, 1, 1, 1], strides=[2, 2]),
            N("Cast", ["i"], ["f"], to=T.FLOAT), N("Mul", ["f", "xs"], ["y"])]
        yield name, nodes, [tensor("w", bits(4, 3, 3, 3, low=0, high=255).astype(numpy.uint8)), *zeros], image


def main():
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "FormatsTests" / "Fixtures"
    (out / "quantized").mkdir(parents=True, exist_ok=True)
    for old in (out / "quantized").glob("*.onnx"):
        old.unlink()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    values = {}
    for name, nodes, weights, x, *more in cases():
        opset = more[0] if more else 17
        graph = helper.make_graph(
            nodes, name, [helper.make_tensor_value_info("x", T.FLOAT, ["batch", *x.shape[1:]])],
            [helper.make_tensor_value_info("y", T.FLOAT, None)], weights)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid(MICROSOFT, 1)],
            ir_version=10 if opset > 20 else 8, producer_name="fixture")
        path = out / "quantized" / f"{name}.onnx"
        path.write_bytes(model.SerializeToString())
        path.chmod(0o644)
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        values |= {f"{name}/in/x": x, f"{name}/out/y": session.run(None, {"x": x})[0]}
    numpy.savez_compressed(out / "quantized.npz", **values)
    zero_the_clock(out / "quantized.npz")
    (out / "quantized.npz").chmod(0o644)
    print(f"{len(list((out / 'quantized').iterdir()))} networks")


if __name__ == "__main__":
    main()
