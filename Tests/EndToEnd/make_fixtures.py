"""Writes the fixtures of Tests/FormatsTests.

    python Tests/EndToEnd/make_fixtures.py [OUT]

`ops/NAME.onnx` is one small network for each way to write an operator; `ops.npz` holds what goes in (`NAME/in/INPUT`) and
what ONNX Runtime makes of it (`NAME/out/OUTPUT`). The files beside them are models and data with what readers get wrong.
"""

import io
import struct
import sys
import zipfile
from pathlib import Path

import numpy
import onnx
import onnx.reference
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

IR_VERSIONS = {7: 4, 8: 4, 9: 4, 10: 5, 11: 6, 12: 7, 13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11, 24: 12, 25: 13,
               26: 13, 27: 13, 28: 14}
random = numpy.random.default_rng(7)
Refusals = (onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented, onnxruntime.capi.onnxruntime_pybind11_state.Fail,
            onnxruntime.capi.onnxruntime_pybind11_state.InvalidGraph)


def numbers(*shape):
    return random.uniform(-2, 2, shape).astype(numpy.float32)


def integers(*values):
    return numpy.array(values, dtype=numpy.int64)


class Case:
    """`inputs` and `weights` are arrays by name; `nodes` are tuples (operator, inputs, outputs, attributes)."""

    def __init__(self, name, nodes, inputs, weights=None, opset=17, outputs=("y",), batch=False, typed=False,
                 functions=()):
        self.name, self.outputs = name, outputs
        self.inputs = inputs = {key: numpy.asarray(value) for key, value in inputs.items()}
        weights = {key: numpy.asarray(value) for key, value in (weights or {}).items()}
        made = [
            helper.make_node(
                operator.split(".")[-1], list(reads), list(writes), name=f"/{name}/{index}/{operator}",
                domain=operator.rpartition(".")[0] or None, **attributes)
            for index, (operator, reads, writes, attributes) in enumerate(nodes)
        ]
        domains = sorted({node.domain for node in made} - {""})
        tensors = [
            helper.make_tensor(key, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape, value.flatten().tolist())
            if typed else numpy_helper.from_array(value, key)
            for key, value in weights.items()
        ]
        kinds = [
            helper.make_tensor_value_info(
                key, helper.np_dtype_to_tensor_dtype(value.dtype),
                ["batch", *value.shape[1:]] if batch else value.shape)
            for key, value in inputs.items()
        ]
        results = [helper.make_empty_tensor_value_info(output) for output in outputs]
        graph = helper.make_graph(made, name, kinds, results, tensors)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", opset), *(helper.make_opsetid(name, 1) for name in domains)],
            ir_version=IR_VERSIONS[opset], producer_name="fixture", functions=functions)
        self.model = model
        self.results = self.run()
        for output, value in zip(model.graph.output, self.results.values()):
            sizes = ["batch", *value.shape[1:]] if batch else value.shape
            output.CopyFrom(helper.make_tensor_value_info(
                output.name, helper.np_dtype_to_tensor_dtype(value.dtype), sizes))
        # The checker knows neither what others contribute nor what has been deprecated.
        if not domains and not {node.op_type for node in made} & {"SimplifiedLayerNormalization", "GroupNormalization"}:
            onnx.checker.check_model(model)

    def run(self):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            session = onnxruntime.InferenceSession(
                self.model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        except Refusals:
            # A type that ONNX Runtime has no kernel for, or a newer opset: the ONNX project's own evaluator has.
            session = onnx.reference.ReferenceEvaluator(self.model)
        return dict(zip(self.outputs, session.run(list(self.outputs), self.inputs)))


def one(name, operator, x, *weights, opset=17, more=(), typed=False, batch=False, **attributes):
    """One node: `x` and `more` are fed, `weights` are initializers; None leaves an operand out."""
    inputs = {"x": x} | {f"x{index}": value for index, value in enumerate(more)}
    tensors = {f"w{index}": value for index, value in enumerate(weights) if value is not None}
    names = [*inputs, *(f"w{index}" if value is not None else "" for index, value in enumerate(weights))]
    return Case(
        name, [(operator, names, ["y"], attributes)], inputs, tensors, opset, typed=typed, batch=batch)


def cases():
    x = numbers(3, 4)
    yield one("gemm", "Gemm", x, numbers(4, 5), numbers(5))
    yield one("gemm_transposed_b", "Gemm", x, numbers(5, 4), numbers(5), transB=1)
    yield one("gemm_transposed_a", "Gemm", numbers(4, 3), numbers(4, 5), numbers(5), transA=1)
    yield one("gemm_transposed_both", "Gemm", numbers(4, 3), numbers(5, 4), numbers(5), transA=1, transB=1)
    yield one("gemm_without_c", "Gemm", x, numbers(4, 5))
    yield one("gemm_alpha", "Gemm", x, numbers(4, 5), numbers(5), alpha=0.5)
    yield one("gemm_alpha_without_c", "Gemm", x, numbers(4, 5), alpha=-1.5)
    yield one("gemm_beta", "Gemm", x, numbers(4, 5), numbers(5), beta=0.25)
    yield one("gemm_beta_zero", "Gemm", x, numbers(4, 5), numbers(5), beta=0.0)
    yield one("gemm_alpha_beta", "Gemm", x, numbers(5, 4), numbers(3, 5), alpha=0.5, beta=2.0, transB=1)
    yield one("gemm_c_scalar", "Gemm", x, numbers(4, 5), numpy.float32(1.5).reshape(()))
    yield one("gemm_c_one", "Gemm", x, numbers(4, 5), numbers(1))
    yield one("gemm_c_row", "Gemm", x, numbers(4, 5), numbers(1, 5))
    yield one("gemm_c_column", "Gemm", x, numbers(4, 5), numbers(3, 1))
    yield one("gemm_c_whole", "Gemm", x, numbers(4, 5), numbers(3, 5))
    yield one("gemm_all_fed", "Gemm", x, more=[numbers(4, 5), numbers(5)])
    yield one("gemm_typed_data", "Gemm", x, numbers(4, 5), numbers(5), typed=True)
    yield one("gemm_empty_batch", "Gemm", numbers(0, 4), numbers(4, 5), numbers(5))

    yield one("matmul", "MatMul", x, numbers(4, 5))
    yield one("matmul_batch_by_matrix", "MatMul", numbers(2, 3, 4), numbers(4, 5))
    yield one("matmul_batch_by_batch", "MatMul", numbers(2, 3, 4), more=[numbers(2, 4, 5)])
    yield one("matmul_broadcast", "MatMul", numbers(2, 1, 3, 4), more=[numbers(5, 4, 2)])
    yield one("matmul_matrix_by_batch", "MatMul", x, more=[numbers(2, 4, 5)])
    yield one("matmul_vector_matrix", "MatMul", numbers(4), numbers(4, 5))
    yield one("matmul_matrix_vector", "MatMul", x, numbers(4))
    yield one("matmul_vector_vector", "MatMul", numbers(4), numbers(4))
    yield one("matmul_vector_batch", "MatMul", numbers(4), more=[numbers(2, 4, 5)])
    yield one("matmul_batch_vector", "MatMul", numbers(2, 3, 4), numbers(4))

    for operator in ["Add", "Sub", "Mul", "Div"]:
        low = operator.lower()
        yield one(f"{low}_same", operator, x, more=[numbers(3, 4) + 3])
        yield one(f"{low}_scalar", operator, x, numpy.float32(1.75).reshape(()))
        yield one(f"{low}_stretched", operator, numbers(3, 1, 5), more=[numbers(4, 1) + 3])
        yield one(f"{low}_by_larger", operator, numbers(4), more=[numbers(2, 3, 4) + 3])
        yield Case(f"{low}_weight_first", [(operator, ["w", "x"], ["y"], {})], {"x": x + 3}, {"w": numbers(4)})

    for operator in ["Relu", "LeakyRelu", "Sigmoid", "Tanh", "Erf", "Exp", "Neg"]:
        yield one(operator.lower(), operator, numbers(2, 3, 4))
    yield one("leakyrelu_alpha", "LeakyRelu", x, alpha=0.3)
    yield one("leakyrelu_zero", "LeakyRelu", x, alpha=0.0)
    for operator in ["Log", "Sqrt", "Reciprocal"]:
        yield one(operator.lower(), operator, numbers(2, 3) + 3)
    yield one("gelu", "Gelu", x, opset=20)
    yield one("gelu_tanh", "Gelu", x, opset=20, approximate="tanh")
    yield one("gelu_none", "Gelu", x, opset=20, approximate="none")
    image = numbers(2, 3, 4, 5)
    yield one("prelu_one", "PRelu", image, numbers(1))
    yield one("prelu_scalar", "PRelu", image, numbers())
    yield one("prelu_channels", "PRelu", image, numbers(3, 1, 1))
    yield one("prelu_last", "PRelu", image, numbers(5))
    yield one("prelu_whole", "PRelu", image, numbers(2, 3, 4, 5))
    yield one("prelu_leading_one", "PRelu", image, numbers(1, 3, 1, 5))
    yield one("prelu_fed", "PRelu", x, more=[numbers(4)])
    yield one("erf_wide", "Erf", numpy.linspace(-6, 6, 49, dtype=numpy.float32).reshape(7, 7))

    for axis in [-1, 0, 1, -2, 2]:
        yield one(f"softmax_axis_{axis}".replace("-", "minus_"), "Softmax", numbers(2, 3, 4), axis=axis, opset=13)
    yield one("softmax_default", "Softmax", numbers(2, 3, 4) * 10, opset=13)
    yield one("softmax_vector", "Softmax", numbers(6))

    yield one("conv", "Conv", numbers(2, 3, 6, 7), numbers(4, 3, 3, 3), numbers(4))
    yield one("conv_no_bias", "Conv", numbers(2, 3, 6, 7), numbers(4, 3, 3, 2), kernel_shape=[3, 2])
    yield one("conv_strides", "Conv", numbers(1, 3, 9, 8), numbers(4, 3, 3, 3), numbers(4), strides=[2, 3])
    yield one("conv_pads", "Conv", numbers(1, 3, 5, 6), numbers(4, 3, 3, 3), numbers(4), pads=[1, 2, 0, 1])
    yield one("conv_dilations", "Conv", numbers(1, 2, 9, 9), numbers(3, 2, 3, 3), numbers(3), dilations=[2, 3])
    yield one("conv_groups", "Conv", numbers(2, 4, 5, 5), numbers(6, 2, 3, 3), numbers(6), group=2, pads=[1, 1, 1, 1])
    yield one("conv_depthwise", "Conv", numbers(2, 4, 5, 5), numbers(4, 1, 3, 3), group=4, strides=[2, 2])
    yield one("conv_one", "Conv", numbers(2, 4, 3, 3), numbers(5, 4, 1, 1), numbers(5))
    yield one("conv_1d", "Conv", numbers(2, 3, 10), numbers(4, 3, 3), numbers(4), strides=[2], pads=[1, 0])
    yield one("conv_3d", "Conv", numbers(1, 2, 4, 5, 6), numbers(3, 2, 2, 3, 3), numbers(3), pads=[0, 1, 1, 1, 1, 1])
    yield one("conv_1d_groups", "Conv", numbers(1, 4, 8), numbers(4, 2, 3), group=2, dilations=[2])
    yield one("conv_fed_weight", "Conv", numbers(1, 2, 5, 5), more=[numbers(3, 2, 3, 3), numbers(3)])
    for kind in ["SAME_UPPER", "SAME_LOWER", "VALID"]:
        yield one(
            f"conv_{kind.lower()}", "Conv", numbers(1, 2, 6, 7), numbers(3, 2, 3, 2), numbers(3), auto_pad=kind,
            strides=[2, 2])
        yield one(f"maxpool_{kind.lower()}", "MaxPool", numbers(1, 2, 6, 7) - 3, kernel_shape=[3, 2], strides=[2, 2],
                  auto_pad=kind)
        yield one(f"averagepool_{kind.lower()}", "AveragePool", numbers(1, 2, 6, 7), kernel_shape=[3, 2],
                  strides=[2, 2], auto_pad=kind)
    yield one("averagepool_same_counted", "AveragePool", numbers(1, 2, 6, 7), kernel_shape=[3, 2], strides=[2, 2],
              auto_pad="SAME_UPPER", count_include_pad=1)

    yield one("maxpool", "MaxPool", image, kernel_shape=[2, 2], strides=[2, 2])
    yield one("maxpool_overlapping", "MaxPool", image, kernel_shape=[3, 2])
    yield one("maxpool_pads", "MaxPool", image - 5, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    yield one("maxpool_ceil", "MaxPool", numbers(1, 2, 6, 8), kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    yield one("maxpool_ceil_pads", "MaxPool", numbers(1, 2, 6, 7) - 5, kernel_shape=[3, 3], strides=[2, 2],
              pads=[1, 1, 1, 1], ceil_mode=1)
    yield one("maxpool_ceil_starting_outside", "MaxPool", numbers(1, 1, 5, 5) - 5, kernel_shape=[1, 1],
              strides=[3, 3], ceil_mode=1)
    yield one("maxpool_dilations", "MaxPool", numbers(1, 2, 7, 7), kernel_shape=[2, 3], dilations=[2, 2])
    yield one("maxpool_1d", "MaxPool", numbers(2, 3, 9), kernel_shape=[3], strides=[2])
    yield one("maxpool_3d", "MaxPool", numbers(1, 2, 4, 4, 5), kernel_shape=[2, 2, 2], strides=[1, 2, 2])

    yield one("averagepool", "AveragePool", image, kernel_shape=[2, 2], strides=[2, 2])
    for counted in [0, 1]:
        for ceil in [0, 1]:
            yield one(
                f"averagepool_counted_{counted}_ceil_{ceil}", "AveragePool", numbers(1, 2, 6, 7), kernel_shape=[3, 3],
                strides=[2, 2], pads=[1, 0, 1, 1], count_include_pad=counted, ceil_mode=ceil, opset=19)
    yield one("averagepool_dilations", "AveragePool", numbers(1, 2, 7, 7), kernel_shape=[2, 3], dilations=[2, 2],
              opset=19)
    yield one("averagepool_1d", "AveragePool", numbers(2, 3, 9), kernel_shape=[3], strides=[2], pads=[1, 1])
    yield one("averagepool_3d", "AveragePool", numbers(1, 2, 4, 4, 5), kernel_shape=[2, 2, 2])
    for shape in [(2, 3, 5), (2, 3, 4, 5), (2, 3, 2, 3, 4)]:
        yield one(f"globalaveragepool_{len(shape) - 2}d", "GlobalAveragePool", numbers(*shape))

    for opset in [13, 14, 15, 20]:
        yield one(f"batchnormalization_opset_{opset}", "BatchNormalization", image, numbers(3), numbers(3), numbers(3),
                  numpy.abs(numbers(3)) + 0.1, opset=opset)
    for shape in [(4, 3), (2, 3, 5), (1, 3, 2, 2, 3)]:
        yield one(f"batchnormalization_rank_{len(shape)}", "BatchNormalization", numbers(*shape), numbers(3),
                  numbers(3), numbers(3), numpy.abs(numbers(3)) + 0.1, epsilon=1e-3)

    for axis in [0, 1, 2, 3, -1, -3]:
        yield one(f"flatten_axis_{axis}".replace("-", "minus_"), "Flatten", numbers(2, 3, 4), axis=axis)
    yield one("flatten_default", "Flatten", image)
    yield one("flatten_vector", "Flatten", numbers(5))
    yield one("reshape", "Reshape", numbers(2, 3, 4), integers(4, 6))
    yield one("reshape_free", "Reshape", numbers(2, 3, 4), integers(2, -1))
    yield one("reshape_zero", "Reshape", numbers(2, 3, 4), integers(0, -1))
    yield one("reshape_zero_last", "Reshape", numbers(2, 3, 4), integers(-1, 3, 0))
    yield one("reshape_scalar", "Reshape", numbers(1, 1), integers())
    yield one("reshape_from_scalar", "Reshape", numbers(), integers(1, 1))
    yield one("reshape_allowzero", "Reshape", numbers(0, 3), integers(3, 0), allowzero=1, opset=14)
    yield one("reshape_typed", "Reshape", numbers(2, 3, 4), integers(6, 4), typed=True)
    yield one("transpose", "Transpose", numbers(2, 3, 4))
    for perm in [[0, 2, 1], [1, 2, 0], [2, 0, 1], [0, 1, 2]]:
        yield one("transpose_" + "".join(map(str, perm)), "Transpose", numbers(2, 3, 4), perm=perm)
    yield one("transpose_rank_5", "Transpose", numbers(2, 1, 3, 2, 2), perm=[4, 1, 0, 3, 2])
    yield one("squeeze", "Squeeze", numbers(1, 3, 1, 4), integers(0, -2))
    yield one("squeeze_one", "Squeeze", numbers(1, 3, 1, 4), integers(2))
    yield one("squeeze_all", "Squeeze", numbers(1, 3, 1, 4))
    yield one("unsqueeze", "Unsqueeze", numbers(3, 4), integers(0, 3))
    yield one("unsqueeze_negative", "Unsqueeze", numbers(3, 4), integers(-1, 1))
    yield one("concat", "Concat", numbers(2, 3), more=[numbers(4, 3)], axis=0)
    yield one("concat_last", "Concat", numbers(2, 3, 1), numbers(2, 3, 4), axis=-1)
    yield one("concat_three", "Concat", numbers(2, 1, 3), numbers(2, 2, 3), more=[numbers(2, 4, 3)], axis=1)
    yield Case("concat_twice", [("Concat", ["x", "x"], ["y"], {"axis": 1})], {"x": x})
    yield one("identity", "Identity", x)
    yield Case("identity_of_weight", [("Identity", ["w"], ["v"], {}), ("Add", ["x", "v"], ["y"], {})], {"x": x},
               {"w": numbers(4)})
    yield one("dropout", "Dropout", x)
    yield one("dropout_ratio", "Dropout", x, numpy.float32(0.5).reshape(()))
    yield one("dropout_ratio_not_training", "Dropout", x, numpy.float32(0.5).reshape(()), numpy.bool_(False).reshape(()))
    yield Case("dropout_unread_mask", [("Dropout", ["x", "r"], ["y", "mask"], {})], {"x": x},
               {"r": numpy.float32(0.5).reshape(())})

    def constant(name, **attributes):
        return Case(name, [("Constant", [], ["c"], attributes), ("Add", ["x", "c"], ["y"], {})], {"x": x})

    yield constant("constant_value", value=numpy_helper.from_array(numbers(4), "any"))
    yield constant("constant_typed", value=helper.make_tensor("any", TensorProto.FLOAT, [4], [1, -2, 3, 0.5]))
    yield constant("constant_scalar", value=helper.make_tensor("any", TensorProto.FLOAT, [], [1.5]))
    yield constant("constant_float", value_float=2.5)
    yield constant("constant_float_zero", value_float=0.0)
    yield constant("constant_floats", value_floats=[1.0, 2.0, -3.0, 0.25])
    yield Case("constant_int", [("Constant", [], ["c"], {"value_int": 1}), ("Unsqueeze", ["c", "zero"], ["s"], {}),
                                ("Squeeze", ["x", "s"], ["y"], {})], {"x": numbers(3, 1, 4)}, {"zero": integers(0)})
    yield Case("constant_ints", [("Constant", [], ["c"], {"value_ints": [2, 6]}), ("Reshape", ["x", "c"], ["y"], {})],
               {"x": x})

    fractions = numpy.array([[-2.5, -0.5, 0.0, 0.5], [1.0, 1.5, 2.99, -1.99]], dtype=numpy.float32)
    for kind in [TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL, TensorProto.FLOAT]:
        name = TensorProto.DataType.Name(kind).lower()
        yield one(f"cast_float_to_{name}", "Cast", fractions, to=kind)
        yield one(f"cast_int64_to_{name}", "Cast", numpy.array([[-3, 0], [1, 1 << 30]]), to=kind)
        yield one(f"cast_bool_to_{name}", "Cast", numpy.array([[True, False]]), to=kind)
        yield one(f"cast_int32_to_{name}", "Cast", numpy.array([[-3, 0, 7]], dtype=numpy.int32), to=kind)
    yield one("cast_opset_19", "Cast", fractions, to=TensorProto.INT64, opset=19)

    for keep in [0, 1]:
        yield one(f"reducemean_attribute_keep_{keep}", "ReduceMean", numbers(2, 3, 4), axes=[1], keepdims=keep)
        yield one(f"reducemean_input_keep_{keep}", "ReduceMean", numbers(2, 3, 4), integers(-1, 0), keepdims=keep,
                  opset=18)
        yield one(f"reducemean_all_keep_{keep}", "ReduceMean", numbers(2, 3, 4), keepdims=keep)
        yield one(f"reducesum_keep_{keep}", "ReduceSum", numbers(2, 3, 4), integers(1), keepdims=keep)
    yield one("reducemean_negative", "ReduceMean", numbers(2, 3, 4, 5), axes=[-1, -2])
    yield one("reducemean_opset_18_all", "ReduceMean", numbers(2, 3), opset=18)
    yield one("reducemean_noop", "ReduceMean", numbers(2, 3), integers(), opset=18, noop_with_empty_axes=1)
    yield one("reducemean_empty_axes", "ReduceMean", numbers(2, 3), integers(), opset=18)
    yield one("reducesum_noop", "ReduceSum", numbers(2, 3), noop_with_empty_axes=1)

    yield one("slice", "Slice", numbers(4, 5), integers(1), integers(3))
    yield one("slice_axes", "Slice", numbers(4, 5, 6), integers(-3, 0), integers(1 << 62, -1), integers(2, 1))
    yield one("slice_steps", "Slice", numbers(4, 5), integers(0, 1), integers(2, 4), integers(0, 1), integers(1, 1))
    yield one("expand", "Expand", numbers(3, 1), integers(2, 1, 4))
    yield one("expand_smaller", "Expand", numbers(3, 4), integers(1))

    def fill(name, value):
        attributes = {} if value is None else {"value": numpy_helper.from_array(value, "any")}
        return Case(name, [("ConstantOfShape", ["s"], ["c"], attributes), ("Add", ["x", "c"], ["y"], {})], {"x": x},
                    {"s": integers(3, 4)})

    yield fill("constantofshape", None)
    yield fill("constantofshape_float", numpy.array([2.5], dtype=numpy.float32))

    # Sizes that the exporter computes in the graph.
    yield Case("flatten_by_shape", [
        ("Shape", ["x"], ["s"], {}), ("Gather", ["s", "zero"], ["b"], {"axis": 0}),
        ("Unsqueeze", ["b", "axis"], ["u"], {}), ("Concat", ["u", "rest"], ["t"], {"axis": 0}),
        ("Reshape", ["x", "t"], ["y"], {})], {"x": image},
        {"zero": numpy.array(0), "axis": integers(0), "rest": integers(-1)}, batch=True)
    yield Case("halves_by_shape", [
        ("Shape", ["x"], ["s"], {}), ("Gather", ["s", "one"], ["c"], {}), ("Div", ["c", "two"], ["h"], {}),
        ("Mul", ["h", "two"], ["e"], {}), ("Sub", ["e", "h"], ["r"], {}), ("Add", ["h", "r"], ["f"], {}),
        ("Unsqueeze", ["h", "axis"], ["hu"], {}), ("Unsqueeze", ["f", "axis"], ["fu"], {}),
        ("Slice", ["x", "hu", "fu", "one_axis"], ["y"], {})], {"x": numbers(2, 6, 3)},
        {"one": numpy.array(1), "two": numpy.array(2), "axis": integers(0), "one_axis": integers(1)}, batch=True)
    yield Case("shape_part", [("Shape", ["x"], ["s"], {"start": 1, "end": -1}), ("Concat", ["free", "s"], ["t"], {"axis": 0}),
                              ("Reshape", ["x", "t"], ["y"], {})], {"x": image}, {"free": integers(-1)}, opset=15)
    yield Case("shape_sliced", [("Shape", ["x"], ["s"], {}), ("Slice", ["s", "from", "to"], ["t"], {}),
                                ("Cast", ["t"], ["u"], {"to": TensorProto.INT64}), ("Concat", ["u", "free"], ["v"], {"axis": 0}),
                                ("Reshape", ["x", "v"], ["y"], {})], {"x": image},
               {"from": integers(0), "to": integers(2), "free": integers(-1)})
    yield Case("shape_as_number", [("Shape", ["x"], ["s"], {}), ("Gather", ["s", "last"], ["d"], {}),
                                   ("Cast", ["d"], ["f"], {"to": TensorProto.FLOAT}), ("Sqrt", ["f"], ["r"], {}),
                                   ("Div", ["x", "r"], ["y"], {})], {"x": x}, {"last": numpy.array(-1)})
    yield Case("shape_in_rows", [("Shape", ["x"], ["s"], {}), ("Reshape", ["s", "rows"], ["t"], {}),
                                 ("Reshape", ["t", "flat"], ["u"], {}), ("Reshape", ["x", "u"], ["y"], {})],
               {"x": image}, {"rows": integers(2, 2), "flat": integers(-1)})
    yield Case("two_outputs", [("Relu", ["x"], ["a"], {}), ("Neg", ["a"], ["b"], {})], {"x": x}, outputs=("a", "b"))


def truths(*shape):
    return random.uniform(0, 1, shape) < 0.5


def more_cases():
    global random
    # Numbers of their own, so that the others stay what they are.
    kept, random = random, numpy.random.default_rng(11)
    x = numbers(3, 4)
    yield from more_elementwise(x)
    yield from more_norms()
    yield from more_axes()
    yield from more_pieces(x)
    yield from more_indices()
    yield from more_resizing()
    yield from attention()
    yield from contributed()
    yield from inlined(x)
    yield from spelled()
    random = numpy.random.default_rng(13)
    yield from newer()
    yield from older()
    yield from recurrent()
    yield from spatial()
    yield from fused()
    yield from sampled()
    yield from searched()
    yield from learned(x)
    random = kept


def more_elementwise(x):
    small = numpy.array([[-3, 0, 2], [7, -1, 5]])
    for operator in ["Abs", "Sign", "Floor", "Ceil", "Round", "Sin", "Cos", "Softplus", "Softsign", "HardSigmoid",
                     "HardSwish", "Elu", "Selu", "Celu"]:
        yield one(operator.lower(), operator, numbers(3, 4) * 3, opset=20 if operator == "HardSwish" else 17)
    yield one("mish", "Mish", x, opset=18)
    yield one("round_halves", "Round", numpy.array([[-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]], dtype=numpy.float32))
    yield one("elu_alpha", "Elu", x, alpha=0.5)
    yield one("selu_both", "Selu", x, alpha=2.0, gamma=3.0)
    yield one("celu_alpha", "Celu", x, alpha=2.0)
    yield one("hardsigmoid_both", "HardSigmoid", x, alpha=0.4, beta=0.6)
    for kind in [numpy.int64, numpy.int32]:
        name = numpy.dtype(kind).name
        for operator in ["Abs", "Sign", "Neg"]:
            yield one(f"{operator.lower()}_{name}", operator, small.astype(kind))
        for operator in ["Add", "Sub", "Mul", "Div", "Mod", "Max", "Min"]:
            yield one(f"{operator.lower()}_{name}", operator, small.astype(kind), numpy.array([2, -3, 4]).astype(kind))
    yield one("mod_remainder", "Mod", x * 3, numbers(4), fmod=1)
    yield one("mod_remainder_int64", "Mod", small, integers(2, -3, 4), fmod=1)
    yield one("max", "Max", x, numbers(4), more=[numbers(3, 1)])
    yield one("min", "Min", x, numbers(4), more=[numbers(3, 1)])
    yield one("max_one", "Max", x)
    yield one("sum", "Sum", x, numbers(4), more=[numbers(3, 1)])
    yield one("mean", "Mean", x, numbers(4), more=[numbers(3, 1)])
    for exponent in [1, 2, 3, 0.5, -1, 1.5]:
        yield one(f"pow_{exponent}".replace("-", "minus_").replace(".", "_"), "Pow", numpy.abs(x) + 0.1,
                  numpy.float32(exponent).reshape(()))
    yield one("pow_int64", "Pow", x, integers(3))
    yield one("pow_fed", "Pow", numpy.abs(x), more=[numbers(4)])
    yield one("pow_of_int64", "Pow", numpy.abs(small), numpy.float32(2).reshape(()))
    yield one("pow_int64_int64", "Pow", small, integers(1, 2, 3))
    low, high = numpy.float32(-0.5).reshape(()), numpy.float32(1).reshape(())
    yield one("clip", "Clip", x, low, high)
    yield one("clip_low", "Clip", x, low)
    yield one("clip_high", "Clip", x, None, high)
    yield one("clip_none", "Clip", x)
    yield one("clip_crossed", "Clip", x, high, low)
    yield one("clip_fed", "Clip", x, more=[low, high])
    yield one("clip_int64", "Clip", small, numpy.array(-1), numpy.array(3))
    for operator in ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"]:
        yield one(operator.lower(), operator, numpy.round(x), more=[numpy.round(numbers(4))])
        yield one(f"{operator.lower()}_int64", operator, small, integers(0, 0, 2))
        yield one(f"{operator.lower()}_int32", operator, small.astype(numpy.int32), numpy.int32(0).reshape(()))
    yield one("equal_bool", "Equal", truths(3, 4), truths(4))
    for operator in ["And", "Or", "Xor"]:
        yield one(operator.lower(), operator, truths(3, 4), more=[truths(4)])
    yield one("not", "Not", truths(3, 4))
    odd = numpy.array([[numpy.nan, numpy.inf, -numpy.inf, 1]], dtype=numpy.float32)
    yield one("isnan", "IsNaN", odd)
    yield one("isinf", "IsInf", odd)
    yield one("isinf_positive", "IsInf", odd, detect_negative=0)
    yield one("isinf_negative", "IsInf", odd, detect_positive=0)
    yield one("where", "Where", truths(3, 1), more=[numbers(3, 4), numbers(4)])
    yield one("where_int64", "Where", truths(2, 3), small, more=[numpy.array(5)])
    yield one("where_bool", "Where", truths(2, 3), truths(3), truths(2, 1))
    yield Case("where_not_a_number", [
        ("IsNaN", ["x"], ["n"], {}), ("Where", ["n", "zero", "x"], ["y"], {})], {"x": odd[:, [0, 3]]},
        {"zero": numpy.float32(0).reshape(())})
    yield one("castlike", "CastLike", x * 3, numpy.array(1), opset=19)
    yield Case("dropout_mask", [("Dropout", ["x"], ["y", "mask"], {})], {"x": x}, outputs=("y", "mask"))


def more_norms():
    x = numbers(2, 3, 4, 5)
    yield one("layernormalization", "LayerNormalization", x, numbers(5), numbers(5))
    yield one("layernormalization_no_bias", "LayerNormalization", x, numbers(5), epsilon=1e-2)
    yield one("layernormalization_two_axes", "LayerNormalization", x, numbers(4, 5), numbers(4, 5), axis=-2)
    yield one("layernormalization_axis_1", "LayerNormalization", x, numbers(3, 4, 5), numbers(3, 4, 5), axis=1)
    yield one("layernormalization_stretched", "LayerNormalization", x, numbers(1, 5), numbers(4, 5), axis=2)
    yield Case("layernormalization_statistics", [
        ("LayerNormalization", ["x", "s", "b"], ["y", "mean", "deviation"], {})], {"x": x},
        {"s": numbers(5), "b": numbers(5)}, outputs=("y", "mean", "deviation"))
    yield one("rmsnormalization", "RMSNormalization", x, numbers(5), opset=23)
    yield one("rmsnormalization_axis", "RMSNormalization", x, numbers(4, 5), opset=23, axis=2, epsilon=1e-3)
    yield one("simplified", "SimplifiedLayerNormalization", x, numbers(5))
    for shape in [(2, 3, 5), (2, 3, 4, 5), (2, 3, 2, 3, 4)]:
        yield one(f"instancenormalization_{len(shape) - 2}d", "InstanceNormalization", numbers(*shape), numbers(3),
                  numbers(3))
    yield one("groupnormalization_18", "GroupNormalization", numbers(2, 6, 4, 3), numbers(2), numbers(2), opset=18,
              num_groups=2)
    yield one("groupnormalization_21", "GroupNormalization", numbers(2, 6, 4, 3), numbers(6), numbers(6), opset=21,
              num_groups=2)
    for axis in [-1, 0, 1]:
        yield one(f"logsoftmax_axis_{axis}".replace("-", "minus_"), "LogSoftmax", numbers(2, 3, 4), axis=axis)


def more_axes():
    x = numbers(2, 3, 4)
    for operator in ["ReduceMax", "ReduceMin", "ReduceProd", "ReduceSumSquare", "ReduceL1", "ReduceL2",
                     "ReduceLogSum", "ReduceLogSumExp"]:
        value = numpy.abs(x) + 0.1 if operator == "ReduceLogSum" else x
        low = operator.lower()
        yield one(low, operator, value, axes=[1])
        yield one(f"{low}_opset_18", operator, value, integers(-1, 0), keepdims=0, opset=18)
        yield one(f"{low}_all", operator, value, keepdims=0)
    for operator in ["ReduceMax", "ReduceMin", "ReduceSum", "ReduceProd"]:
        axes = [integers(1)] if operator == "ReduceSum" else []
        more = {} if operator == "ReduceSum" else {"axes": [1]}
        yield one(f"{operator.lower()}_int64", operator, numpy.array([[-3, 0, 2], [7, -1, 5]]), *axes, **more)
    for operator in ["ArgMax", "ArgMin"]:
        low = operator.lower()
        yield one(low, operator, x)
        yield one(f"{low}_axis", operator, x, axis=-1, keepdims=0)
        yield one(f"{low}_last", operator, numpy.round(x), axis=1, select_last_index=1)
    yield one("hardmax", "Hardmax", x)
    for axis in [0, -2]:
        yield one(f"hardmax_axis_{axis}".replace("-", "minus_"), "Hardmax", x, axis=axis)
    yield one("hardmax_first", "Hardmax", numpy.round(x), axis=1)
    for exclusive in [0, 1]:
        for reverse in [0, 1]:
            yield one(f"cumsum_{exclusive}_{reverse}", "CumSum", x, numpy.array(1), exclusive=exclusive, reverse=reverse)
    yield one("cumsum_int64", "CumSum", numpy.array([[-3, 0, 2], [7, -1, 5]]), numpy.array(-1))
    yield one("globalmaxpool", "GlobalMaxPool", numbers(2, 3, 4, 5))


def more_pieces(x):
    big = numbers(4, 5, 6)
    yield one("slice_every_second", "Slice", big, integers(0), integers(1 << 40), integers(1), integers(2))
    yield one("slice_backwards", "Slice", big, integers(-1, 4), integers(-(1 << 60), 1), integers(0, 2), integers(-1, -2))
    yield one("slice_by_int32", "Slice", big, numpy.array([1], dtype=numpy.int32), numpy.array([3], dtype=numpy.int32))
    yield one("slice_nothing", "Slice", big, integers(3), integers(1))
    yield Case("split", [("Split", ["x"], ["a", "b"], {"axis": 1})], {"x": numbers(2, 6)}, outputs=("a", "b"))
    yield Case("split_sizes", [("Split", ["x", "s"], ["a", "b"], {"axis": -1})], {"x": numbers(2, 6)},
               {"s": integers(1, 5)}, outputs=("a", "b"))
    yield Case("split_uneven", [("Split", ["x"], ["a", "b", "c"], {"axis": 1, "num_outputs": 3})],
               {"x": numbers(2, 7)}, outputs=("a", "b", "c"), opset=18)
    yield Case("split_one_unread", [("Split", ["x"], ["a", "b"], {"axis": 0}), ("Relu", ["b"], ["y"], {})],
               {"x": numbers(4, 3)})
    yield one("pad", "Pad", x, integers(1, 0, 0, 2), numpy.float32(1.5).reshape(()))
    yield one("pad_zero", "Pad", x, integers(1, 2, 0, 1))
    yield one("pad_away", "Pad", x, integers(-1, 0, 1, -2))
    yield one("pad_reflect", "Pad", x, integers(1, 2, 1, 3), mode="reflect")
    yield one("pad_edge", "Pad", x, integers(1, 2, 1, 3), mode="edge")
    yield one("pad_wrap", "Pad", x, integers(1, 2, 1, 3), mode="wrap", opset=19)
    yield one("pad_axes", "Pad", x, integers(1, 2), numpy.float32(2).reshape(()), integers(-1), opset=18)
    yield one("pad_int64", "Pad", numpy.array([[1, 2]]), integers(0, 1, 1, 0))
    yield one("tile", "Tile", x, integers(2, 3))
    yield one("tile_one_axis", "Tile", numbers(2, 1, 3), integers(1, 4, 1))
    yield one("tile_int64", "Tile", numpy.array([[1, 2]]), integers(2, 1))
    for upper in [0, 1]:
        for diagonal in [-1, 0, 1]:
            yield one(f"trilu_{upper}_{diagonal}".replace("-", "minus_"), "Trilu", numbers(2, 4, 4),
                      numpy.array(diagonal), upper=upper)
    yield one("trilu", "Trilu", numbers(3, 5))
    for kind in [numpy.int64, numpy.int32, numpy.bool_]:
        name = numpy.dtype(kind).name
        value = numpy.array([[[0], [1]], [[2], [3]]]).astype(kind)
        yield one(f"reshape_{name}", "Reshape", value, integers(4))
        yield one(f"transpose_{name}", "Transpose", value)
        yield one(f"concat_{name}", "Concat", value, value, axis=2)
        yield one(f"expand_{name}", "Expand", value, integers(2, 2, 3))
        yield one(f"squeeze_{name}", "Squeeze", value, integers(2))
        yield one(f"unsqueeze_{name}", "Unsqueeze", value, integers(0))
        yield one(f"slice_{name}", "Slice", value, integers(1), integers(2))
        yield one(f"gather_{name}", "Gather", value, integers(1, 0), axis=1)
    for kind in [numpy.float32, numpy.int64, numpy.int32]:
        bounds = {key: numpy.array(value, dtype=kind) for key, value in [("a", 1), ("b", 9), ("c", 2)]}
        yield Case(f"range_{numpy.dtype(kind).name}", [
            ("Range", ["a", "b", "c"], ["r"], {}), ("Add", ["x", "r"], ["y"], {})],
            {"x": numpy.ones((2, 4), dtype=kind)}, bounds)
    yield Case("range_of_shape", [
        ("Shape", ["x"], ["s"], {"start": 1}), ("Squeeze", ["s"], ["n"], {}), ("Range", ["zero", "n", "one"], ["r"], {}),
        ("Cast", ["r"], ["f"], {"to": TensorProto.FLOAT}), ("Mul", ["x", "f"], ["y"], {})], {"x": x},
        {"zero": numpy.array(0), "one": numpy.array(1)})
    yield Case("causal_mask", [
        ("Shape", ["x"], ["s"], {"start": -1}), ("Concat", ["s", "s"], ["square"], {"axis": 0}),
        ("ConstantOfShape", ["square"], ["c"], {"value": numpy_helper.from_array(numpy.array([-9.0], dtype=numpy.float32))}),
        ("Trilu", ["c", "one"], ["mask"], {}), ("Add", ["x", "mask"], ["y"], {})], {"x": numbers(2, 4, 4)},
        {"one": numpy.array(1)})
    yield Case("size", [("Size", ["x"], ["n"], {}), ("Cast", ["n"], ["f"], {"to": TensorProto.FLOAT}),
                        ("Div", ["x", "f"], ["y"], {})], {"x": x})
    yield Case("constantofshape_bool", [
        ("ConstantOfShape", ["s"], ["c"], {"value": numpy_helper.from_array(numpy.array([True]))}),
        ("Where", ["c", "x", "zero"], ["y"], {})], {"x": x}, {"s": integers(4), "zero": numpy.float32(0).reshape(())})


def more_indices():
    table = numbers(5, 3, 4)
    for axis in [0, 1, -1]:
        yield one(f"gather_axis_{axis}".replace("-", "minus_"), "Gather", table, integers(2, 0, -1), axis=axis)
    yield one("gather_scalar", "Gather", table, numpy.array(1))
    yield Case("gather_embedding", [("Gather", ["w", "x"], ["y"], {})], {"x": numpy.array([[4, 0, 2], [1, -1, 3]])},
               {"w": numbers(5, 6)})
    yield one("gather_by_int32", "Gather", table, numpy.array([[0, 2]], dtype=numpy.int32), axis=1)
    places = numpy.array([[[0, 1, 0, 1]], [[2, -1, 0, 0]]])
    yield one("gatherelements", "GatherElements", table, places, axis=1)
    yield one("gatherelements_fed", "GatherElements", numbers(3, 4), more=[numpy.array([[3, 0], [1, -4], [2, 2]])], axis=1)
    yield one("gathernd", "GatherND", table, numpy.array([[4, 2], [0, -1]]))
    yield one("gathernd_whole", "GatherND", table, numpy.array([[[4, 2, 1]], [[0, 1, -1]]]))
    yield one("gathernd_batch", "GatherND", table, numpy.array([[0], [2], [1], [0], [-1]]), batch_dims=1)
    for reduction in ["none", "add", "mul", "min", "max"]:
        # Where several updates meet and the last of them holds, ONNX leaves open which that is.
        twice = [[0, 2], [0, -1]] if reduction != "none" else [[0, 2], [1, -1]]
        yield one(f"scatterelements_{reduction}", "ScatterElements", numbers(3, 4), numpy.array(twice), numbers(2, 2),
                  axis=1, reduction=reduction, opset=18)
        yield Case(
            f"scatternd_{reduction}", [("ScatterND", ["x", "i", "u"], ["y"], {"reduction": reduction})],
            {"x": numbers(4, 3), "u": numbers(2, 3)},
            {"i": numpy.array([[3], [0 if reduction == "none" else 3]])}, opset=18)
    yield one("scatterelements_13", "ScatterElements", numbers(3, 4), numpy.array([[0, 2], [1, -1]]), numbers(2, 2))
    yield one("scatternd_int64", "ScatterND", numpy.array([[1, 2], [3, 4]]), numpy.array([[1, 0]]), integers(9))


def more_resizing():
    image = numbers(1, 2, 4, 5)
    scales = numpy.array([1, 1, 2, 1.6], dtype=numpy.float32)
    for mode in ["nearest", "linear", "cubic"]:
        for place in ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners"]:
            yield one(f"resize_{mode}_{place}", "Resize", image, None, None, integers(1, 2, 7, 3), mode=mode,
                      coordinate_transformation_mode=place, nearest_mode="floor" if mode == "nearest" else "round_prefer_floor")
        yield one(f"resize_{mode}_scales", "Resize", image, None, scales, mode=mode, coordinate_transformation_mode="asymmetric")
    for nearest in ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]:
        yield one(f"resize_{nearest}", "Resize", image, None, scales, nearest_mode=nearest)
    yield one("resize_symmetric", "Resize", image, None, scales, mode="linear", opset=19,
              coordinate_transformation_mode="half_pixel_symmetric")
    yield one("resize_axes", "Resize", image, None, None, integers(8, 3), mode="linear", axes=[2, 3], opset=18)
    yield one("resize_aspect", "Resize", image, None, None, integers(8, 8), mode="linear", axes=[2, 3], opset=18,
              keep_aspect_ratio_policy="not_larger")
    yield one("resize_crop", "Resize", image, numpy.array([0, 0, -0.2, 0.1, 1, 1, 0.8, 1.3], dtype=numpy.float32), None,
              integers(1, 2, 5, 6), mode="linear", coordinate_transformation_mode="tf_crop_and_resize",
              extrapolation_value=2.5)
    yield one("resize_cubic_outside", "Resize", image, None, scales, mode="cubic", exclude_outside=1, cubic_coeff_a=-0.5)


def attention():
    def case(name, q, k, v, *masks, attributes=None, outputs=("y",)):
        inputs = {"x": q, "k": k, "v": v} | {f"m{index}": value for index, value in enumerate(masks) if value is not None}
        names = ["x", "k", "v", *(f"m{index}" if value is not None else "" for index, value in enumerate(masks))]
        return Case(f"attention_{name}", [("Attention", names, list(outputs), attributes or {})], inputs, opset=23,
                    outputs=outputs)

    four = [numbers(2, 3, 4, 8), numbers(2, 3, 6, 8), numbers(2, 3, 6, 5)]
    yield case("plain", *four)
    yield case("scale", *four, attributes={"scale": 0.1})
    yield case("causal", *four, attributes={"is_causal": 1})
    yield case("mask", *four, numbers(4, 6))
    yield case("mask_bool", *four, truths(2, 1, 4, 6) | (numpy.arange(6) == 0))
    yield case("softcap", *four, attributes={"softcap": 2.0})
    yield case("flat", numbers(2, 4, 24), numbers(2, 6, 24), numbers(2, 6, 24), attributes={"q_num_heads": 3, "kv_num_heads": 3})
    yield case("shared", numbers(2, 6, 4, 8), numbers(2, 2, 4, 8), numbers(2, 2, 4, 8))
    yield case("past", *four, None, numbers(2, 3, 2, 8), numbers(2, 3, 2, 5), outputs=("y", "key", "value"))
    for interleaved in [0, 1]:
        yield one(f"rotaryembedding_{interleaved}", "RotaryEmbedding", numbers(2, 3, 4, 8), numbers(2, 4, 4), numbers(2, 4, 4),
                  interleaved=interleaved, opset=23)
    yield one("rotaryembedding_places", "RotaryEmbedding", numbers(2, 4, 24), numbers(9, 2), numbers(9, 2),
              numpy.array([[0, 1, 2, 3], [5, 6, 7, 8]]), rotary_embedding_dim=4, num_heads=3, opset=23)


def contributed():
    x = numbers(2, 3, 4)
    yield one("contributed_gelu", "com.microsoft.Gelu", x)
    yield one("contributed_quickgelu", "com.microsoft.QuickGelu", x)
    yield one("contributed_quickgelu_alpha", "com.microsoft.QuickGelu", x, alpha=1.0)
    yield one("contributed_biasgelu", "com.microsoft.BiasGelu", x, numbers(4))
    yield one("contributed_fastgelu", "com.microsoft.FastGelu", x)
    yield one("contributed_fastgelu_bias", "com.microsoft.FastGelu", x, numbers(4))
    yield one("contributed_fusedmatmul", "com.microsoft.FusedMatMul", x, numbers(4, 5), alpha=0.5)
    yield one("contributed_fusedmatmul_turned", "com.microsoft.FusedMatMul", numbers(2, 4, 3), numbers(5, 4), transA=1, transB=1)
    yield one("contributed_skip", "com.microsoft.SkipLayerNormalization", x, numbers(2, 3, 4), numbers(4), numbers(4))
    yield one("contributed_skip_bias", "com.microsoft.SkipLayerNormalization", x, numbers(2, 3, 4), numbers(4), numbers(4),
              numbers(4), epsilon=1e-3)
    yield Case("contributed_skip_sum", [
        ("com.microsoft.SkipLayerNormalization", ["x", "k", "g"], ["y", "", "", "sum"], {})], {"x": x, "k": numbers(2, 3, 4)},
        {"g": numbers(4)}, outputs=("y", "sum"))
    yield Case("contributed_skip_simplified", [
        ("com.microsoft.SkipSimplifiedLayerNormalization", ["x", "k", "g", "b"], ["y", "", "", "sum"], {})],
        {"x": x, "k": numbers(2, 3, 4)}, {"g": numbers(4), "b": numbers(4)}, outputs=("y", "sum"))


def inlined(x):
    """Functions that the file itself has, branches and loops."""
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    slope = helper.make_node("LeakyRelu", ["a"], ["b"])
    slope.attribute.append(onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT))
    inner = helper.make_function("own", "Bend", ["a"], ["b"], [slope], opsets, ["slope"])
    outer = helper.make_function(
        "own", "Twice", ["a", "w"], ["b"], [
            helper.make_node("Bend", ["a"], ["c"], domain="own", slope=0.25),
            helper.make_node("Constant", [], ["one"], value_float=1.0), helper.make_node("Add", ["c", "one"], ["d"]),
            helper.make_node("Mul", ["d", "w"], ["e"]), helper.make_node("Bend", ["e"], ["b"], domain="own", slope=0.5)],
        opsets)
    yield Case("functions", [("own.Twice", ["x", "w"], ["z"], {}), ("own.Twice", ["z", "w"], ["y"], {})], {"x": x},
               {"w": numbers(4)}, functions=[inner, outer])

    def branch(operator, name):
        return helper.make_graph(
            [helper.make_node(operator, ["x"], ["inside"]), helper.make_node("Add", ["inside", "own"], [name])], name, [],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)],
            [numpy_helper.from_array(numbers(4), "own")])

    for truth in [True, False]:
        yield Case(f"if_{truth}".lower(), [
            ("If", ["c"], ["z"], {"then_branch": branch("Relu", "a"), "else_branch": branch("Neg", "b")}),
            ("Abs", ["z"], ["y"], {})], {"x": x}, {"c": numpy.array(truth)})
    yield Case("if_by_shape", [
        ("Shape", ["x"], ["s"], {}), ("Size", ["s"], ["n"], {}), ("Equal", ["n", "two"], ["c"], {}),
        ("If", ["c"], ["y"], {"then_branch": branch("Relu", "a"), "else_branch": branch("Neg", "b")})], {"x": x},
        {"two": numpy.array(2)})
    body = helper.make_graph(
        [helper.make_node("Cast", ["i"], ["f"], to=TensorProto.FLOAT), helper.make_node("Add", ["v", "f"], ["s"]),
         helper.make_node("Mul", ["s", "w"], ["next"]), helper.make_node("Identity", ["c"], ["on"])], "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("c", TensorProto.BOOL, []),
         helper.make_tensor_value_info("v", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, []), helper.make_tensor_value_info("next", TensorProto.FLOAT, None)])
    yield Case("loop", [("Loop", ["n", "", "x"], ["y"], {"body": body})], {"x": x}, {"n": numpy.array(3), "w": numbers(4)})



def newer():
    """What opsets 24 to 28 added to operators of before, and results that few graphs read."""
    x, four = numbers(2, 3, 4), [numbers(2, 3, 4, 8), numbers(2, 3, 6, 8), numbers(2, 3, 6, 5)]
    yield one("swish", "Swish", x, opset=24)
    yield one("swish_alpha", "Swish", x, opset=28, alpha=1.702)
    for opset in range(24, 29):
        yield Case(f"opset_{opset}", [
            ("Gemm", ["x", "w", "b"], ["h"], {"transB": 1}), ("Relu", ["h"], ["r"], {}), ("Gemm", ["r", "v"], ["y"], {})],
            {"x": numbers(3, 4)}, {"w": numbers(5, 4), "b": numbers(5), "v": numbers(5, 2)}, opset=opset)

    def attention(name, opset, mask=None, lengths=None, past=False, **attributes):
        inputs = dict(zip(["x", "k", "v"], four))
        names = ["x", "k", "v", "", "", "", ""]
        more = {3: mask, 6: lengths} | ({4: numbers(2, 3, 2, 8), 5: numbers(2, 3, 2, 5)} if past else {})
        for place, value in more.items():
            if value is not None:
                names[place] = f"m{place}"
                inputs[names[place]] = value
        return Case(f"attention_{name}", [("Attention", names, ["y"], attributes)], inputs, opset=opset)

    yield attention("lengths", 24, lengths=integers(3, 6))
    yield attention("lengths_causal", 24, lengths=integers(3, 6), is_causal=1)
    yield attention("lengths_mask", 24, mask=truths(4, 6), lengths=integers(2, 5), is_causal=1)
    yield attention("alone", 24, mask=numpy.array([[True] * 6, [False] * 6, [True] * 6, [False] * 6]))
    yield attention("window", 25, left_window_size=1, right_window_size=2)
    yield attention("window_left", 25, left_window_size=0)
    yield attention("window_causal", 25, left_window_size=2, right_window_size=1, is_causal=1)
    yield attention("window_past", 25, past=True, left_window_size=2, right_window_size=0)
    yield attention("window_lengths", 25, lengths=integers(3, 6), left_window_size=1, right_window_size=1)
    yield attention("window_alone", 25, lengths=integers(0, 6), left_window_size=1, right_window_size=0)
    yield one("mod_float", "Mod", numbers(3, 4) * 5, numpy.array([1.5, -2, 0.75, -100], dtype=numpy.float32), opset=28)

    image = numbers(1, 2, 9, 11)
    scales = numpy.array([1, 1, 0.4, 0.7], dtype=numpy.float32)
    for outside in [0, 1]:
        for mode in ["linear", "cubic"]:
            yield one(f"resize_averaging_{mode}_{outside}", "Resize", image, None, scales, mode=mode, antialias=1,
                      exclude_outside=outside, opset=18)
    yield one("resize_averaging_larger", "Resize", image, None, None, integers(1, 2, 4, 20), mode="linear", antialias=1, opset=18)

    def pooled(name, x, **attributes):
        return Case(f"maxpool_places_{name}", [("MaxPool", ["x"], ["y", "places"], attributes)], {"x": x},
                    outputs=("y", "places"))

    yield pooled("plain", numbers(2, 3, 6, 8), kernel_shape=[2, 2], strides=[2, 2])
    yield pooled("columns", numbers(2, 3, 6, 7), kernel_shape=[3, 2], storage_order=1)
    yield pooled("pads", numbers(1, 2, 6, 7) - 5, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)
    yield pooled("dilations", numbers(2, 2, 7, 7), kernel_shape=[2, 3], dilations=[2, 2])
    yield pooled("1d", numbers(2, 3, 9), kernel_shape=[3], strides=[2])
    yield pooled("3d", numbers(1, 2, 4, 4, 5), kernel_shape=[2, 2, 2], strides=[1, 2, 2])

    body = helper.make_graph(
        [helper.make_node("Mul", ["v", "w"], ["next"]), helper.make_node("Neg", ["next"], ["seen"]),
         helper.make_node("Identity", ["c"], ["on"])], "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("c", TensorProto.BOOL, []),
         helper.make_tensor_value_info("v", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, []), *(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ["next", "seen"])])
    for count in [1, 3]:
        yield Case(f"loop_collecting_{count}", [("Loop", ["n", "", "x"], ["y", "all"], {"body": body})], {"x": numbers(3, 4)},
                   {"n": numpy.array(count), "w": numbers(4)}, outputs=("y", "all"))


def recurrent():
    """Layers over time, which are unrolled."""
    own = numpy.random.default_rng(13)

    def numbers(*shape):
        return own.uniform(-1, 1, shape).astype(numpy.float32)

    def layer(name, operator, directions=1, outputs=("y", "h"), bias=True, lengths=None, first=False, peephole=False,
              opset=17, **attributes):
        steps, batch, width, hidden = 5, 3, 4, 2
        gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[operator]
        weights = {"w": numbers(directions, gates * hidden, width), "r": numbers(directions, gates * hidden, hidden)}
        reads = ["x", "w", "r", ""]
        if bias:
            weights["b"], reads[3] = numbers(directions, 2 * gates * hidden), "b"
        inputs = {"x": numbers(batch, steps, width) if attributes.get("layout") else numbers(steps, batch, width)}
        if lengths is not None or first or peephole:
            reads.append("lengths" if lengths is not None else "")
        if lengths is not None:
            inputs["lengths"] = numpy.array(lengths, dtype=numpy.int32)
        if first or peephole:
            state = (batch, directions, hidden) if attributes.get("layout") else (directions, batch, hidden)
            for key in ["h0", "c0"] if operator == "LSTM" else ["h0"]:
                inputs[key] = numbers(*state)
                reads.append(key)
        if peephole:
            weights["p"] = numbers(directions, 3 * hidden)
            reads.append("p")
        return Case(name, [(operator, reads, outputs, attributes | {"hidden_size": hidden})], inputs, weights, opset,
                    [output for output in outputs if output])

    every = ("y", "h", "c")
    yield layer("lstm", "LSTM", outputs=every)
    yield layer("lstm_7", "LSTM", outputs=every, opset=7)
    yield layer("lstm_last", "LSTM", outputs=("", "h"), bias=False)
    yield layer("lstm_reverse", "LSTM", outputs=every, direction="reverse", first=True)
    yield layer("lstm_bidirectional", "LSTM", 2, every, direction="bidirectional", lengths=[5, 2, 4], first=True)
    yield layer("lstm_whole_lengths", "LSTM", outputs=every, lengths=[5, 5, 5])
    yield layer("lstm_peephole", "LSTM", outputs=every, peephole=True)
    yield layer("lstm_clip", "LSTM", outputs=every, clip=0.3)
    yield layer("lstm_activations", "LSTM", outputs=every, activations=["HardSigmoid", "Softsign", "Relu"])
    yield layer("lstm_layout", "LSTM", 2, every, direction="bidirectional", layout=1, first=True)
    yield layer("gru", "GRU")
    yield layer("gru_before_reset", "GRU", linear_before_reset=1)
    yield layer("gru_before_reset_without_bias", "GRU", linear_before_reset=1, bias=False, first=True)
    yield layer("gru_bidirectional", "GRU", 2, direction="bidirectional", lengths=[1, 5, 3], first=True,
                linear_before_reset=1)
    yield layer("rnn", "RNN")
    yield layer("rnn_reverse", "RNN", direction="reverse", lengths=[4, 3, 5], activations=["Relu"])
    yield layer("rnn_bidirectional", "RNN", 2, direction="bidirectional", first=True, clip=0.5)


def spatial():
    """Operators of detectors, decoders and old image networks."""
    own = numpy.random.default_rng(17)

    def numbers(*shape):
        return own.uniform(-1, 1, shape).astype(numpy.float32)

    x = numbers(2, 4, 3, 5)
    yield one("convtranspose", "ConvTranspose", x, numbers(4, 3, 3, 3))
    yield one("convtranspose_bias", "ConvTranspose", x, numbers(4, 3, 3, 2), numbers(3), strides=[2, 3],
              pads=[1, 0, 1, 1])
    yield one("convtranspose_group", "ConvTranspose", x, numbers(4, 3, 2, 2), numbers(6), strides=[2, 2], group=2)
    yield one("convtranspose_dilations", "ConvTranspose", x, numbers(4, 2, 3, 3), dilations=[2, 1])
    yield one("convtranspose_output_padding", "ConvTranspose", x, numbers(4, 2, 3, 3), strides=[3, 2],
              output_padding=[2, 1])
    yield one("convtranspose_output_shape", "ConvTranspose", x, numbers(4, 2, 3, 3), strides=[3, 2],
              output_shape=[8, 10])
    yield one("convtranspose_same_upper", "ConvTranspose", x, numbers(4, 2, 3, 3), strides=[2, 2], auto_pad="SAME_UPPER")
    yield one("convtranspose_same_lower", "ConvTranspose", x, numbers(4, 2, 3, 3), strides=[2, 2], auto_pad="SAME_LOWER")
    yield one("convtranspose_1d", "ConvTranspose", numbers(2, 3, 7), numbers(3, 2, 4), strides=[2])
    yield one("convtranspose_3d", "ConvTranspose", numbers(1, 2, 3, 2, 3), numbers(2, 2, 2, 2, 2), strides=[2, 1, 2])
    blocks = numbers(2, 8, 2, 6)
    yield one("depthtospace", "DepthToSpace", blocks, blocksize=2)
    yield one("depthtospace_crd", "DepthToSpace", blocks, blocksize=2, mode="CRD")
    yield one("spacetodepth", "SpaceToDepth", blocks, blocksize=2)
    yield one("spacetodepth_crd", "SpaceToDepth", blocks, blocksize=2, mode="CRD", opset=28)
    yield one("lrn", "LRN", blocks, size=3)
    yield one("lrn_factors", "LRN", blocks, size=5, alpha=0.5, beta=0.6, bias=2.0)
    # The project's own evaluator, for want of a kernel; it is right where there are as many samples as channels.
    yield one("lrn_even", "LRN", numpy.concatenate([x, -x]), size=4, alpha=0.5, beta=0.6, bias=2.0)
    for p in [1, 2]:
        yield one(f"lpnormalization_{p}", "LpNormalization", x, p=p, axis=1)
    yield one("lpnormalization", "LpNormalization", numpy.concatenate([x, 0 * x]))
    yield one("thresholdedrelu", "ThresholdedRelu", x)
    yield one("thresholdedrelu_alpha", "ThresholdedRelu", x, alpha=0.25)
    places, two = integers(0, 3, -1, 9, -6), numpy.array([0.5, 2], dtype=numpy.float32)
    yield one("onehot", "OneHot", places, numpy.int64(5), two)
    yield one("onehot_first", "OneHot", places.reshape(1, 5), numpy.int64([5]), two, axis=0)
    yield one("onehot_integers", "OneHot", places.astype(numpy.int32), numpy.int32(4), integers(7, 8), axis=-2)
    for name, equation, *shapes in [
        ("product", "ij,jk->ik", (3, 4), (4, 5)), ("turned", "ij->ji", (3, 4)), ("sum", "ijk->j", (2, 3, 4)),
        ("heads", "bqhd,bkhd->bhqk", (2, 3, 4, 5), (2, 6, 4, 5)), ("implicit", "ba,bc", (3, 2), (3, 4)),
        ("outer", "i,j->ij", (3,), (4,)), ("dots", "...ij,jk->...ik", (2, 3, 4, 5), (5, 2)),
        ("both_dots", "...ij,...jk->...ik", (2, 1, 4, 5), (3, 5, 2)), ("three", "ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
        ("lonely", "ij,kl->il", (2, 3), (4, 5)), ("elements", "ij,ij->ij", (2, 3), (2, 3)), ("inner", "i,i->", (4,), (4,)),
        ("spaces", " b i , i o -> b o ", (2, 3), (3, 4)), ("implicit_dots", "...i,ij", (2, 3), (3, 4)),
    ]:
        first, *rest = [numbers(*shape) for shape in shapes]
        yield one(f"einsum_{name}", "Einsum", first, more=rest, equation=equation)


def fused():
    """What ONNX Runtime's optimizer, and that of its tools for transformers, make of several nodes."""
    own = numpy.random.default_rng(19)

    def numbers(*shape):
        return own.uniform(-1, 1, shape).astype(numpy.float32)

    def flags(*shape):
        return (own.uniform(0, 1, shape) < 0.6).astype(numpy.int32)

    def whole(*values):
        return numpy.array(values, dtype=numpy.int32)

    x = numbers(3, 4)
    for activation, attributes in [
        ("Relu", {}), ("Tanh", {}), ("Sigmoid", {}), ("Softplus", {}), ("Softsign", {}), ("LeakyRelu", {"alpha": 0.3}),
        ("Elu", {"alpha": 1.5}), ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}), ("Selu", {"alpha": 1.5, "gamma": 1.1}),
        ("ThresholdedRelu", {"alpha": 0.7}),
    ]:
        yield one(f"contributed_fusedgemm_{activation.lower()}", "com.microsoft.FusedGemm", x, numbers(4, 5), numbers(5),
                  activation=activation, **{f"activation_{key}": value for key, value in attributes.items()})
    yield one("contributed_fusedgemm_turned", "com.microsoft.FusedGemm", numbers(4, 3), numbers(5, 4), numbers(3, 1),
              activation="Relu", transA=1, transB=1, alpha=0.5, beta=2.0)
    yield one("contributed_fusedgemm_without_c", "com.microsoft.FusedGemm", x, numbers(4, 5), activation="Tanh")
    image, kernel = numbers(2, 2, 5, 6), numbers(4, 2, 3, 3)
    for activation, factors in [
        ("Relu", []), ("Tanh", []), ("Sigmoid", []), ("HardSwish", []), ("LeakyRelu", [0.3]), ("HardSigmoid", [0.3, 0.4]),
        ("Clip", [-0.5, 0.75]),
    ]:
        yield one(f"contributed_fusedconv_{activation.lower()}", "com.microsoft.FusedConv", image, kernel, numbers(4),
                  activation=activation, strides=[2, 1], **({"activation_params": factors} if factors else {}))
    yield one("contributed_fusedconv_without_bias", "com.microsoft.FusedConv", image, numbers(4, 1, 3, 3), activation="Relu",
              group=2, pads=[1, 1, 0, 2])
    yield Case("contributed_fusedconv_sum", [
        ("com.microsoft.FusedConv", ["x", "w", "b", "z"], ["y"], {"activation": "Relu"})],
        {"x": image, "z": numbers(2, 4, 3, 4)}, {"w": kernel, "b": numbers(4)})

    words, segments, seen = whole([1, 2, 6, 0], [4, 0, 2, 5]), whole([0, 0, 1, 1], [0, 1, 1, 1]), whole([1, 1, 1, 0], [1, 1, 0, 0])
    tables = {"word": numbers(7, 6), "position": numbers(9, 6), "segment": numbers(2, 6), "gamma": numbers(6), "beta": numbers(6)}

    def embedding(name, reads, inputs, outputs=("y", "lengths"), **attributes):
        return Case(f"contributed_embedding_{name}", [("com.microsoft.EmbedLayerNormalization", reads, outputs, attributes)],
                    {"x": words} | inputs, {key: value for key, value in tables.items() if key in reads},
                    outputs=[output for output in outputs if output])

    three = ["x", "s", "word", "position", "segment", "gamma", "beta"]
    two = ["x", "", "word", "position", "", "gamma", "beta"]
    yield embedding("plain", two, {})
    yield embedding("segments", three, {"s": segments}, epsilon=1e-5)
    yield embedding("mask", [*three, "m"], {"s": segments, "m": seen}, mask_index_type=1)
    yield embedding("sum", three, {"s": segments}, ("y", "lengths", "sum"))
    yield embedding("places", [*two, "", "p"], {"p": whole([3, 1, 0, 8], [2, 2, 7, 5])})
    yield embedding("places_shared", [*two, "", "p"], {"p": whole([3, 1, 0, 8])}, ("y", "", "sum"))

    def attention(name, mask=None, past=None, bias=None, width=24, outputs=("y",), with_bias=True, **attributes):
        inputs = {key: value for key, value in {"x": numbers(2, 5, 6), "m": mask, "past": past, "a": bias}.items()
                  if value is not None}
        weights = {"w": numbers(6, width)} | ({"b": numbers(width)} if with_bias else {})
        reads = [key if key in inputs or key in weights else "" for key in ["x", "w", "b", "m", "past", "a"]]
        return Case(f"contributed_attention_{name}", [
            ("com.microsoft.Attention", reads, outputs, {"num_heads": 2} | attributes)], inputs, weights, outputs=outputs)

    lowest = float(numpy.finfo(numpy.float32).min)
    yield attention("plain")
    yield attention("without_bias", with_bias=False)
    yield attention("scale", scale=0.2)
    yield attention("unidirectional", unidirectional=1)
    yield attention("ends", whole(3, 5))
    yield attention("ends_starts", whole(4, 5, 1, 0))
    yield attention("ends_packed", whole(3, 5, 0, 3, 8, 0, 5, 10))
    yield attention("keys", flags(2, 5), mask_filter_value=-2.0)
    yield attention("keys_unidirectional", whole([0, 0, 1, 1, 1], [1, 1, 1, 0, 0]), mask_filter_value=lowest, unidirectional=1)
    yield attention("queries", flags(2, 5, 5), unidirectional=1)
    yield attention("bias", bias=numbers(1, 2, 5, 5))
    yield attention("bias_keys", whole([1, 1, 1, 1, 1], [1, 1, 1, 0, 0]), bias=numbers(2, 1, 5, 5), unidirectional=1)
    yield attention("widths", width=22, qkv_hidden_sizes=[8, 8, 6])
    yield attention("present", outputs=("y", "present"), unidirectional=1)
    yield attention("past", past=numbers(2, 2, 2, 3, 4), outputs=("y", "present"), unidirectional=1)
    yield attention("past_keys", flags(2, 8), past=numbers(2, 2, 2, 3, 4), outputs=("y", "present"))

    def heads(name, query=None, key=None, value=None, bias=None, mask=None, scores=None, past=None, outputs=("y",), **attributes):
        inputs = {"x": query, "k": key, "v": value, "m": mask, "a": scores} | dict(zip(["pk", "pv"], past or []))
        inputs = {key: value for key, value in inputs.items() if value is not None}
        weights = {} if bias is None else {"b": bias}
        reads = [key if key in inputs or key in weights else "" for key in ["x", "k", "v", "b", "m", "a", "pk", "pv"]]
        return Case(f"contributed_heads_{name}", [
            ("com.microsoft.MultiHeadAttention", reads, outputs, {"num_heads": 2} | attributes)], inputs, weights,
            outputs=outputs)

    three = numbers(2, 4, 8), numbers(2, 6, 8), numbers(2, 6, 10)
    square = numbers(2, 4, 8), numbers(2, 4, 8), numbers(2, 4, 8)
    yield heads("plain", *three)
    yield heads("bias", *three, numbers(26))
    yield heads("scale", *three, scale=0.2)
    yield heads("unidirectional", *square, numbers(24), unidirectional=1)
    yield heads("ends", *three, mask=whole(3, 6))
    yield heads("ends_packed", *three, mask=whole(3, 6, 0, 4, 8, 0, 6, 12))
    yield heads("keys", *three, mask=flags(2, 6), mask_filter_value=-2.0)
    yield heads("queries", *three, mask=flags(2, 4, 6))
    yield heads("scores", *three, scores=numbers(1, 2, 4, 6))
    yield heads("apart", three[0], numbers(2, 2, 6, 4), numbers(2, 2, 6, 4), numbers(24))
    yield heads("present", *square, outputs=("y", "key", "value"))
    yield heads("past", *square, numbers(24), past=[numbers(2, 2, 3, 4), numbers(2, 2, 3, 4)], outputs=("y", "key", "value"),
                unidirectional=1)

    def rotation(name, x, places, width, **attributes):
        return one(f"contributed_rotation_{name}", "com.microsoft.RotaryEmbedding", x, places, numbers(9, width), numbers(9, width),
                   **attributes)

    yield rotation("first", numbers(2, 3, 8), integers(2), 2)
    yield rotation("places", numbers(2, 3, 8), numpy.array([[0, 1, 2], [5, 3, 8]]), 2, interleaved=1)
    yield rotation("heads", numbers(2, 2, 3, 4), numpy.array([[0, 1, 2], [5, 3, 8]]), 2)
    yield rotation("part", numbers(2, 3, 12), integers(0), 2, num_heads=2, rotary_embedding_dim=4)


def sampled():
    """Operators that read images between their elements."""
    own = numpy.random.default_rng(23)

    def numbers(*shape, size=1):
        return own.uniform(-size, size, shape).astype(numpy.float32)

    image, grid = numbers(2, 3, 4, 6), numbers(2, 3, 5, 2, size=1.8)
    for padding in ["zeros", "border", "reflection"]:
        for aligned in [0, 1]:
            for mode, opset, inner in [("bilinear", 16, 1), ("nearest", 16, 1), ("bicubic", 16, 0.55), ("linear", 20, 1), ("cubic", 20, 0.55)]:
                # Beyond one edge ONNX Runtime moves cubic places on the other axis too, and the project does not.
                yield one(f"gridsample_{mode}_{padding}_{aligned}", "GridSample", image, more=[grid * numpy.float32(inner)],
                          mode=mode, padding_mode=padding, align_corners=aligned, opset=opset)
    yield one("gridsample", "GridSample", image, more=[grid])
    yield one("gridsample_one_element", "GridSample", numbers(2, 3, 1, 1), more=[grid], align_corners=1, padding_mode="border")
    for mode in ["linear", "nearest"]:
        yield one(f"gridsample_3d_{mode}", "GridSample", numbers(2, 3, 3, 4, 5), more=[numbers(2, 2, 3, 4, 3, size=1.4)], mode=mode,
                  padding_mode="reflection", opset=20)

    regions = numpy.array([[0.5, 0.2, 4.2, 5.1], [-3, -2, 3, 2], [1, 1, 1.2, 1.1], [2, 3, 12, 9]], dtype=numpy.float32)
    for mode in ["avg", "max"]:
        for place in ["half_pixel", "output_half_pixel"]:
            yield one(f"roialign_{mode}_{place}", "RoiAlign", numbers(2, 3, 6, 7), more=[regions, integers(0, 1, 1, 0)], mode=mode,
                      coordinate_transformation_mode=place, output_height=2, output_width=3, sampling_ratio=2, spatial_scale=0.7,
                      opset=16)
    yield one("roialign", "RoiAlign", numbers(2, 3, 6, 7), more=[regions, integers(0, 1, 1, 0)], sampling_ratio=1, opset=16)
    yield one("roialign_10", "RoiAlign", numbers(2, 3, 6, 7), more=[regions, integers(0, 1, 1, 0)], sampling_ratio=3, opset=10,
              output_height=2, output_width=2)


def searched():
    """`NonZero` of what is known."""
    x = numpy.arange(12, dtype=numpy.float32).reshape(2, 6)
    for kind in [numpy.int64, numpy.int32, numpy.bool_]:
        yield Case(f"nonzero_{numpy.dtype(kind).name}", [
            ("NonZero", ["w"], ["n"], {}), ("Gather", ["x", "n"], ["y"], {"axis": 1})], {"x": x},
            {"w": numpy.array([[0, 1, 0], [3, 0, 2]]).astype(kind)})
    yield Case("nonzero_float32", [
        ("ConstantOfShape", ["shape"], ["i"], {"value": numpy_helper.from_array(numpy.array([1.5], dtype=numpy.float32))}),
        ("NonZero", ["i"], ["n"], {}), ("Gather", ["x", "n"], ["y"], {"axis": 1})], {"x": x}, {"shape": integers(2, 3)})
    yield Case("nonzero_none", [
        ("ConstantOfShape", ["shape"], ["i"], {}), ("NonZero", ["i"], ["n"], {}), ("Gather", ["x", "n"], ["y"], {"axis": 1})],
        {"x": x}, {"shape": integers(2, 3)})


def learned(x):
    """Operators of the domain of classic machine learning."""
    for name, offset, scale in (("", [0.5, -1.0, 2.0, 0.25], [2.0, 0.5, -1.0, 3.0]), ("_numbers", [0.5], [3.0])):
        yield one("learned_scaler" + name, "ai.onnx.ml.Scaler", x, offset=offset, scale=scale)


def older():
    """What operators meant before opset 13."""
    own = numpy.random.default_rng(11)

    def numbers(*shape):
        return own.uniform(-2, 2, shape).astype(numpy.float32)

    x, image = numbers(2, 3, 4), numbers(2, 3, 4, 6)
    for operator in ["Softmax", "LogSoftmax", "Hardmax"]:
        for axis in [None, 0, 1, 2, -1]:
            name = f"{operator.lower()}_11" + ("" if axis is None else f"_axis_{axis}".replace("-", "minus_"))
            yield one(name, operator, x, opset=11, **({} if axis is None else {"axis": axis}))
    yield one("softmax_7", "Softmax", x, opset=7)
    yield one("squeeze_11", "Squeeze", numbers(2, 1, 3, 1), opset=11, axes=[1, -1])
    yield one("squeeze_7", "Squeeze", numbers(2, 1, 3, 1), opset=7)
    yield one("unsqueeze_11", "Unsqueeze", x, opset=11, axes=[0, -1])
    yield Case("split_11", [("Split", ["x"], ["a", "b"], {"axis": 2, "split": [1, 3]})], {"x": x}, opset=11,
               outputs=("a", "b"))
    yield Case("split_7", [("Split", ["x"], ["a", "b"], {"axis": -1})], {"x": x}, opset=7, outputs=("a", "b"))
    yield one("clip_7", "Clip", x, opset=7, min=-0.5, max=1.0)
    yield one("clip_9_max", "Clip", x, opset=9, max=0.25)
    yield one("clip_11", "Clip", x, numpy.float32(-0.5).reshape(()), opset=11)
    yield one("pad_7", "Pad", image, opset=7, pads=[0, 1, 2, 0, 1, 0, 3, 2], value=1.5)
    yield one("pad_10_reflect", "Pad", image, opset=10, mode="reflect", pads=[0, 0, 1, 2, 0, 0, 2, 1])
    yield one("pad_11", "Pad", image, integers(0, 0, 1, 2, 0, 0, 2, 1), opset=11, mode="edge")
    yield one("slice_9", "Slice", image, opset=9, axes=[1, 3], starts=[1, -5], ends=[3, 1000])
    yield one("slice_7_all", "Slice", x, opset=7, starts=[0, 1, 2], ends=[2, 3, 4])
    yield one("slice_10", "Slice", image, integers(5), integers(0), integers(3), integers(-2), opset=10)
    yield one("reducesum_11", "ReduceSum", x, opset=11, axes=[0, -1], keepdims=0)
    yield one("reducemean_11", "ReduceMean", x, opset=11, axes=[1])
    scales = numpy.array([1, 1, 2, 3], dtype=numpy.float32)
    for mode in ["nearest", "linear"]:
        yield one(f"upsample_7_{mode}", "Upsample", image, opset=7, mode=mode, scales=[1.0, 1.0, 2.0, 2.0])
        yield one(f"upsample_9_{mode}", "Upsample", image, scales, opset=9, mode=mode)
        yield one(f"resize_10_{mode}", "Resize", image, scales, opset=10, mode=mode)
    yield one("resize_10_smaller", "Resize", image, numpy.array([1, 1, 0.5, 0.5], dtype=numpy.float32), opset=10)
    yield one("resize_11", "Resize", image, numpy.array([], dtype=numpy.float32), scales, opset=11, mode="linear")
    yield one("gemm_7", "Gemm", numbers(3, 4), numbers(4, 5), numbers(5), opset=7)
    yield one("dropout_7", "Dropout", x, opset=7, ratio=0.3)
    yield one("batchnormalization_9", "BatchNormalization", image, numbers(3), numbers(3), numbers(3),
              numpy.abs(numbers(3)) + 0.1, opset=9)
    yield one("prelu_7", "PRelu", image, numbers(3, 1, 1), opset=7)
    yield one("argmax_11", "ArgMax", x, opset=11, axis=-1)
    yield one("flatten_9", "Flatten", x, opset=9, axis=2)


def spelled():
    """Activations and norms as exporters take them apart; `Graph+Recognition` puts each together."""
    x = numbers(2, 3, 4)

    def number(value):
        return numpy.float32(value).reshape(())

    yield Case("spelled_gelu_erf", [
        ("Div", ["x", "r"], ["a"], {}), ("Erf", ["a"], ["b"], {}), ("Add", ["b", "one"], ["c"], {}),
        ("Mul", ["x", "c"], ["d"], {}), ("Mul", ["d", "half"], ["y"], {})], {"x": x},
        {"r": number(2 ** 0.5), "one": number(1), "half": number(0.5)})
    yield Case("spelled_gelu_erf_first", [
        ("Mul", ["x", "half"], ["h"], {}), ("Mul", ["x", "r"], ["a"], {}), ("Erf", ["a"], ["b"], {}),
        ("Add", ["one", "b"], ["c"], {}), ("Mul", ["h", "c"], ["y"], {})], {"x": x},
        {"r": number(0.5 ** 0.5), "one": number(1), "half": number(0.5)})
    curve = {"k": number(0.044715), "s": number((2 / numpy.pi) ** 0.5), "one": number(1), "half": number(0.5)}
    tail = [("Mul", ["f", "s"], ["g"], {}), ("Tanh", ["g"], ["t"], {}), ("Add", ["t", "one"], ["u"], {}),
            ("Mul", ["h", "u"], ["y"], {})]
    yield Case("spelled_gelu_new", [
        ("Mul", ["x", "half"], ["h"], {}), ("Pow", ["x", "three"], ["p"], {}), ("Mul", ["p", "k"], ["q"], {}),
        ("Add", ["x", "q"], ["f"], {}), *tail], {"x": x}, curve | {"three": number(3)})
    yield Case("spelled_gelu_tanh", [
        ("Mul", ["x", "half"], ["h"], {}), ("Mul", ["x", "x"], ["p"], {}), ("Mul", ["p", "x"], ["o"], {}),
        ("Mul", ["o", "k"], ["q"], {}), ("Add", ["x", "q"], ["f"], {}), *tail], {"x": x}, curve)
    yield Case("spelled_gelu_factored", [
        ("Mul", ["x", "half"], ["h"], {}), ("Mul", ["x", "x"], ["p"], {}), ("Mul", ["p", "k"], ["q"], {}),
        ("Add", ["q", "one"], ["r"], {}), ("Mul", ["x", "r"], ["f"], {}), *tail], {"x": x}, curve)
    yield Case("spelled_quickgelu", [
        ("Mul", ["x", "a"], ["b"], {}), ("Sigmoid", ["b"], ["c"], {}), ("Mul", ["x", "c"], ["y"], {})], {"x": x},
        {"a": number(1.702)})
    yield Case("spelled_silu", [("Sigmoid", ["x"], ["c"], {}), ("Mul", ["c", "x"], ["y"], {})], {"x": x})
    yield Case("spelled_mish", [
        ("Softplus", ["x"], ["a"], {}), ("Tanh", ["a"], ["b"], {}), ("Mul", ["x", "b"], ["y"], {})], {"x": x})
    yield Case("spelled_hardswish", [
        ("HardSigmoid", ["x"], ["a"], {"alpha": 1 / 6, "beta": 0.5}), ("Mul", ["x", "a"], ["y"], {})], {"x": x * 3})
    yield Case("spelled_hardswish_clip", [
        ("Add", ["x", "three"], ["a"], {}), ("Clip", ["a", "zero", "six"], ["b"], {}), ("Mul", ["x", "b"], ["c"], {}),
        ("Div", ["c", "six"], ["y"], {})], {"x": x * 3}, {"three": number(3), "zero": number(0), "six": number(6)})
    norm = [("ReduceMean", ["x"], ["m"], {"axes": [-1]}), ("Sub", ["x", "m"], ["d"], {}), ("Pow", ["d", "two"], ["p"], {}),
            ("ReduceMean", ["p"], ["v"], {"axes": [-1]}), ("Add", ["v", "e"], ["w"], {}), ("Sqrt", ["w"], ["r"], {}),
            ("Div", ["d", "r"], ["n"], {})]
    numbers_ = {"two": number(2), "e": number(1e-5), "g": numbers(4), "b": numbers(4)}
    yield Case("spelled_layernorm", [*norm, ("Mul", ["n", "g"], ["s"], {}), ("Add", ["s", "b"], ["y"], {})], {"x": x}, numbers_)
    yield Case("spelled_layernorm_plain", [*norm[:-1], ("Div", ["d", "r"], ["y"], {})], {"x": x}, numbers_)
    root = [("Pow", ["x", "two"], ["p"], {}), ("ReduceMean", ["p"], ["v"], {"axes": [-1]}), ("Add", ["v", "e"], ["w"], {}),
            ("Sqrt", ["w"], ["r"], {})]
    yield Case("spelled_rmsnorm", [
        *root, ("Reciprocal", ["r"], ["i"], {}), ("Mul", ["x", "i"], ["n"], {}), ("Mul", ["g", "n"], ["y"], {})], {"x": x}, numbers_)
    yield Case("spelled_rmsnorm_div", [*root, ("Div", ["x", "r"], ["n"], {}), ("Mul", ["n", "g"], ["y"], {})], {"x": x}, numbers_)
    yield Case("unspelled_gelu", [
        ("Div", ["x", "r"], ["a"], {}), ("Erf", ["a"], ["e"], {}), ("Add", ["e", "one"], ["c"], {}),
        ("Mul", ["x", "c"], ["d"], {}), ("Mul", ["d", "half"], ["y"], {})], {"x": x},
        {"r": number(2 ** 0.5), "one": number(1), "half": number(0.5)}, outputs=("y", "e"))
    bounds = {"zero": number(0), "low": number(-0.5), "high": number(0.25)}
    yield Case("spelled_relu", [("Max", ["x", "zero"], ["y"], {})], {"x": x}, bounds)
    yield Case("spelled_relu_bound_first", [("Max", ["zero", "x"], ["y"], {})], {"x": x}, bounds)
    yield Case("spelled_clip_low", [("Max", ["x", "low"], ["y"], {})], {"x": x}, bounds)
    yield Case("spelled_clip_high", [("Min", ["high", "x"], ["y"], {})], {"x": x}, bounds)
    for name, low, high in [("", "low", "high"), ("_crossed", "high", "low")]:
        yield Case("spelled_clip" + name, [
            ("Max", ["x", low], ["a"], {}), ("Min", ["a", high], ["y"], {})], {"x": x}, bounds)
        yield Case("spelled_clip_upper_first" + name, [
            ("Min", [high, "x"], ["a"], {}), ("Max", ["a", low], ["y"], {})], {"x": x}, bounds)


def save(path, model):
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())


def field(number, content):
    """A length-delimited field of protobuf."""
    def varint(value):
        out = bytearray()
        while value > 127:
            out.append(value & 127 | 128)
            value >>= 7
        return bytes([*out, value])
    return varint(number << 3 | 2) + varint(len(content)) + content


def layers(inputs, hidden, outputs, weight_type="raw"):
    """Linear, ReLU, Linear as PyTorch exports it."""
    nodes = [
        helper.make_node("Gemm", ["input", "fc1.weight", "fc1.bias"], ["/fc1/Gemm_output_0"], name="/fc1/Gemm", transB=1),
        helper.make_node("Relu", ["/fc1/Gemm_output_0"], ["/act/Relu_output_0"], name="/act/Relu"),
        helper.make_node("Gemm", ["/act/Relu_output_0", "fc2.weight", "fc2.bias"], ["output"], name="/fc2/Gemm", transB=1),
    ]
    weights = {"fc1.weight": numbers(hidden, inputs), "fc1.bias": numbers(hidden),
               "fc2.weight": numbers(outputs, hidden), "fc2.bias": numbers(outputs)}
    return helper.make_model(
        helper.make_graph(
            nodes, "main_graph", [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", inputs])],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", outputs])],
            [numpy_helper.from_array(value, key) for key, value in weights.items()]),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="pytorch")


def with_unknown_fields():
    """Fields that no version of ONNX has, on every level, between the known ones."""
    model = layers(3, 4, 2)
    helper.set_model_props(model, {"author": "somebody", "layercollapse.version": "0"})
    unknown = field(900, b"kept") + b"\xf8\x38\x2a"  # number 911, a varint
    graph = b""
    for node in model.graph.node:
        graph += field(1, node.SerializeToString() + unknown)
    graph += field(2, b"main_graph") + unknown
    for tensor in model.graph.initializer:
        graph += field(5, unknown + tensor.SerializeToString())
    for info in model.graph.input:
        graph += field(11, info.SerializeToString() + unknown)
    for info in model.graph.output:
        graph += field(12, unknown + info.SerializeToString())
    hidden = helper.make_tensor_value_info("/act/Relu_output_0", TensorProto.FLOAT, ["batch", 4])
    graph += field(13, hidden.SerializeToString() + unknown)
    rest = onnx.ModelProto()
    rest.CopyFrom(model)
    rest.ClearField("graph")
    return unknown + field(7, graph) + rest.SerializeToString() + unknown


def models(out):
    save(out / "layers.onnx", layers(3, 4, 2))
    save(out / "unknown-fields.onnx", with_unknown_fields())

    # One weight that two nodes read, one bias behind an Identity, and an initializer that nobody reads.
    square = [helper.make_node(*spec, name=f"/{name}") for name, spec in {
        "a/MatMul": ("MatMul", ["input", "shared"], ["ax"]), "a/Add": ("Add", ["bias", "ax"], ["a"]),
        "act/Relu": ("Relu", ["a"], ["r"]), "b/MatMul": ("MatMul", ["r", "other"], ["bx"]),
        "alias/Identity": ("Identity", ["bias"], ["alias"]), "b/Add": ("Add", ["bx", "alias"], ["b"]),
        "c/MatMul": ("MatMul", ["b", "shared"], ["output"])}.items()]
    graph = helper.make_graph(
        square, "shared", [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 2, 4])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 2, 4])],
        [numpy_helper.from_array(numbers(4, 4), "shared"), numpy_helper.from_array(numbers(4, 4), "other"),
         numpy_helper.from_array(numbers(4), "bias"), numpy_helper.from_array(numbers(7), "unread")])
    save(out / "shared.onnx", helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))

    # Before IR 4 initializers are inputs too.
    old = layers(3, 4, 2)
    old.ir_version = 3
    for tensor in old.graph.initializer:
        old.graph.input.append(helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, tensor.dims))
    save(out / "inputs-of-weights.onnx", old)

    # torch keeps the small tensors inside; the checksum is a key that only few writers know.
    for name, suffix in [("external", ".data"), ("optimum", "_data")]:
        model = layers(16, 32, 5)
        model.graph.initializer[0].doc_string = "of the first layer"
        onnx.external_data_helper.convert_model_to_external_data(
            model, location=f"{name}.onnx{suffix}", size_threshold=512)
        (out / f"{name}.onnx{suffix}").unlink(missing_ok=True)
        onnx.save_model(model, str(out / f"{name}.onnx"))

    quantized = helper.make_graph(
        [helper.make_node("QuantizeLinear", ["input", "scale", "zero"], ["output"], name="/quantize")], "quantized",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("output", TensorProto.UINT8, ["batch", 4])],
        [numpy_helper.from_array(numpy.float32(1.5).reshape(()), "scale")])
    quantized.initializer.append(numpy_helper.from_array(numpy.uint8(0).reshape(()), "zero"))
    save(out / "quantized.onnx", helper.make_model(
        quantized, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))


KINDS = ["<f2", "<f4", "<f8", "|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "|b1", ">f4", ">f8", ">i4", ">i8", ">i2"]


def scatter_max(path):
    """8 - 32 - 4 with random weights, and behind it an operator that we have no derivative of."""
    own = numpy.random.default_rng(11)
    weights = {
        "fc1.weight": own.normal(0, 0.5, (32, 8)), "fc1.bias": own.normal(0, 0.5, 32),
        "fc2.weight": own.normal(0, 0.3, (4, 32)), "fc2.bias": own.normal(0, 0.3, 4),
    }
    zero = helper.make_tensor("value", TensorProto.INT64, [1], [0])
    low = helper.make_tensor("value", TensorProto.FLOAT, [1], [-1.0])
    nodes = [
        helper.make_node("Gemm", ["x", "fc1.weight", "fc1.bias"], ["h"], name="/fc1/Gemm", transB=1),
        helper.make_node("Gelu", ["h"], ["a"], name="/act/Gelu"),
        helper.make_node("Gemm", ["a", "fc2.weight", "fc2.bias"], ["z"], name="/fc2/Gemm", transB=1),
        helper.make_node("Shape", ["z"], ["sizes"], name="/Shape"),
        helper.make_node("ConstantOfShape", ["sizes"], ["places"], name="/places/ConstantOfShape", value=zero),
        helper.make_node("ConstantOfShape", ["sizes"], ["updates"], name="/updates/ConstantOfShape", value=low),
        helper.make_node(
            "ScatterElements", ["z", "places", "updates"], ["logits"], name="/ScatterElements", axis=1,
            reduction="max"),
    ]
    graph = helper.make_graph(
        nodes, "scatter_max", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(value.astype(numpy.float32), key) for key, value in weights.items()])
    save(path, helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=IR_VERSIONS[20], producer_name="fixture"))


def arrays():
    for kind in KINDS:
        values = numpy.array([[0, 1, -2], [100, -101, 77]])
        if kind[1] in "ub":
            values = numpy.abs(values)
        name = kind.replace("<", "").replace("|", "").replace(">", "big_")
        yield name, values.astype(kind)
        yield f"{name}_fortran", numpy.asfortranarray(values.astype(kind))
    yield "scalar", numpy.float32(2.5).reshape(())
    yield "empty", numpy.zeros((0, 3), dtype=numpy.float32)
    yield "cube_fortran", numpy.asfortranarray(numpy.arange(24, dtype=numpy.float32).reshape(2, 3, 4))


def npy(array, version=(1, 0)):
    buffer = io.BytesIO()
    numpy.lib.format.write_array(buffer, array, version=version)
    return buffer.getvalue()


class Pipe(io.RawIOBase):
    """A stream that cannot seek, so that zip puts the sizes after the bytes."""

    def __init__(self):
        self.bytes = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.bytes += bytes(data)
        return len(data)


def data(out):
    numpy.savez(out / "stored.npz", **dict(arrays()))
    numpy.savez_compressed(out / "deflated.npz", **dict(arrays()))
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for version, array in [((1, 0), numbers(3, 4)), ((2, 0), numbers(5)), ((3, 0), numbers(2, 2))]:
            with archive.open(f"version{version[0]}.npy", "w", force_zip64=True) as entry:
                entry.write(npy(array, version))
    (out / "streamed.npz").write_bytes(pipe.bytes)
    numpy.savez(out / "objects.npz", x=numbers(2, 2), y=numpy.array([{"a": 1}, None], dtype=object))
    numpy.savez(out / "strings.npz", x=numpy.array(["a", "bc"]))
    numpy.savez(out / "complex.npz", x=numpy.array([1j, 2]))
    numpy.savez(out / "records.npz", x=numpy.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]))


def zero_the_clock(path):
    """The same bytes each time: zip remembers when."""
    data = bytearray(path.read_bytes())
    for signature, place in [(b"PK\x03\x04", 10), (b"PK\x01\x02", 12)]:
        start = data.find(signature)
        while start >= 0:
            struct.pack_into("<HH", data, start + place, 0, 33)
            start = data.find(signature, start + 4)
    path.write_bytes(data)


def main():
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "FormatsTests" / "Fixtures"
    (out / "ops").mkdir(parents=True, exist_ok=True)
    for old in (out / "ops").glob("*.onnx"):
        old.unlink()
    values, seen = {}, set()
    for case in [*cases(), *more_cases()]:
        if case.name in seen:
            raise SystemExit(f"two cases are named {case.name}")
        seen.add(case.name)
        save(out / "ops" / f"{case.name}.onnx", case.model)
        values |= {f"{case.name}/in/{key}": value for key, value in case.inputs.items()}
        values |= {f"{case.name}/out/{key}": value for key, value in case.results.items()}
    numpy.savez_compressed(out / "ops.npz", **values)
    models(out)
    scatter_max(out / "scatter-max.onnx")
    data(out)
    for path in out.glob("*.npz"):
        zero_the_clock(path)
    for path in out.iterdir():
        if path.is_file():
            path.chmod(0o644)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"{len(list((out / 'ops').iterdir()))} networks, {size:,} bytes in all")


if __name__ == "__main__":
    main()
