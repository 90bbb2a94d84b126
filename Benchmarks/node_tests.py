"""Runs the node tests of the ONNX project against the program, and prints what passes.

    python Benchmarks/node_tests.py [--folder FOLDER] [--package PACKAGE] [--raised] [--details]

Needs the PyPI packages onnx and onnxruntime. The cases are written to FOLDER, one test of `Tests/FormatsTests` runs them all in one
process, and each is counted as passed, failed, refused (the program says why), or out of scope (the table says why).

The cases feed everything as inputs of the graph, sizes too, which a file from an exporter never does. Where the program
asks for known sizes, the small operands become initializers and the case counts as passed with known operands.

With `--raised`, each case is also run as a file of every later opset under which its operators mean the same.
"""

import argparse
import collections
import os
import re
import subprocess
import tempfile
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

ROOT = Path(__file__).resolve().parents[1]
OPSETS = range(13, 29)
# Nobody exports these yet: what the cases of before mean there is read off the schemas.
NEW_OPSETS = range(24, 29)
TYPES = {TensorProto.FLOAT: "float32", TensorProto.INT32: "int32", TensorProto.INT64: "int64", TensorProto.BOOL: "bool"}

# The operators of docs/operators.md.
OPERATORS = set(re.findall(
    r"^\| `(\w+)` \|", (Path(__file__).resolve().parents[1] / "docs/operators.md").read_text(), re.MULTILINE))

# With scales that do not come out, ONNX Runtime aligns the corners of the whole sizes, the project those of the fractions.
AS_RUNTIME = {
    "test_resize_downsample_scales_cubic_align_corners", "test_resize_downsample_scales_linear_align_corners"}


def nodes_of(graph):
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from nodes_of(attribute.g)


def signature(schema):
    """What a model can tell of a version of an operator, but for types."""
    return (
        [(name, item.type, item.required, item.default_value.SerializeToString())
         for name, item in sorted(schema.attributes.items())],
        [(item.name, item.option) for item in schema.inputs], [(item.name, item.option) for item in schema.outputs])


def lowered_opset(model):
    """The version of the operators under which the model means the same and can be read, or None."""
    version = next((item.version for item in model.opset_import if item.domain in ("", "ai.onnx")), 0)
    target = min(max(version, OPSETS[0]), OPSETS[-1])
    for node in nodes_of(model.graph):
        try:
            here = onnx.defs.get_schema(node.op_type, version, "")
            there = onnx.defs.get_schema(node.op_type, target, "")
        except onnx.defs.SchemaError:
            return None
        if here.since_version != there.since_version and signature(here) != signature(there):
            return None
    return target


def means_the_same(node, old, new):
    """Whether a node of one opset is one of a later opset, which may only have added what can be left out."""
    here, there = (onnx.defs.get_schema(node.op_type, version, "") for version in [old, new])
    if there.deprecated:
        return False
    if here.since_version == there.since_version:
        return True
    (attributes, inputs, outputs), (others, more, further) = signature(here), signature(there)
    required = {name for name, _, required, _ in others if required}
    optional = onnx.defs.OpSchema.FormalParameterOption.Optional
    return (
        set(attributes) <= set(others) and required <= {name for name, *_ in attributes}
        and [name for name, _ in more[:len(inputs)]] == [name for name, _ in inputs]
        and all(option == optional for _, option in more[len(inputs):]) and further == outputs)


def raised(model, opset):
    """The model as one of a later opset, or None if it means something else there, or nothing."""
    old = model.opset_import[0].version
    if old >= opset or not all(means_the_same(node, old, opset) for node in nodes_of(model.graph)):
        return None
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.opset_import[0].version = opset
    copy.ir_version = helper.find_min_ir_version_for(copy.opset_import)
    try:
        # The types that an operator takes may have become fewer.
        onnx.checker.check_model(copy, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        return None
    return copy


def types_of(model, arrays):
    for value in [*model.graph.input, *model.graph.output]:
        if value.type.WhichOneof("value") != "tensor_type":
            yield value.type.WhichOneof("value").replace("_type", "") + " types"
        elif value.type.tensor_type.elem_type not in TYPES:
            yield TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
    for node in nodes_of(model.graph):
        for attribute in node.attribute:
            if attribute.name == "to" and attribute.i not in TYPES:
                yield TensorProto.DataType.Name(attribute.i).lower()
            if attribute.HasField("t") and attribute.t.data_type not in TYPES:
                yield TensorProto.DataType.Name(attribute.t.data_type).lower()


def out_of_scope(case):
    model = case.model
    foreign = sorted({node.domain for node in nodes_of(model.graph) if node.domain not in ("", "ai.onnx")})
    if foreign:
        return f"domain {foreign[0]}"
    others = sorted({node.op_type for node in nodes_of(model.graph)} - OPERATORS)
    if others:
        return "operator that is not run"
    kinds = sorted(set(types_of(model, case.data_sets)))
    if kinds:
        return "type " + kinds[0]
    if lowered_opset(model) is None:
        return "an operator's older meaning"
    if case.name.startswith("test_training_dropout") and "zero_ratio" not in case.name:
        return "random"
    return None


def write(case, folder, opsets):
    """Writes the case, and a copy for each of the later opsets under which it means the same."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    opset = lowered_opset(model)
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", opset))
    model.ir_version = helper.find_min_ir_version_for(model.opset_import)
    inputs, outputs = case.data_sets[0]
    if case.name in AS_RUNTIME:
        session = onnxruntime.InferenceSession(case.model.SerializeToString())
        outputs = session.run(None, dict(zip([value.name for value in model.graph.input], inputs)))
    names = [value.name for value in model.graph.input]
    arrays = {f"in/{name}": numpy.asarray(value) for name, value in zip(names, inputs)}
    arrays |= {f"out/{value.name}": numpy.asarray(array) for value, array in zip(model.graph.output, outputs)}
    # Symbolic sizes are those of the case.
    for value, array in zip(model.graph.input, inputs):
        value.CopyFrom(helper.make_tensor_value_info(value.name, value.type.tensor_type.elem_type, numpy.asarray(array).shape))
    known = [(name, numpy.asarray(value)) for name, value in zip(names, inputs)]
    known = [(name, value) for name, value in known if value.dtype.kind in "ib" or value.size <= 8]
    copies = {f"{case.name}@{later}": raised(model, later) for later in opsets}
    for name, copy in {case.name: model, **copies}.items():
        if copy is not None:
            numpy.savez(folder / f"{name}.npz", **arrays)
            onnx.save(copy, folder / f"{name}.onnx")
            if known:
                onnx.save(with_initializers(copy, known), folder / f"{name}.constants.onnx")


def with_initializers(model, arrays):
    """The model with some of its inputs known."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in arrays)
    rest = [value for value in copy.graph.input if value.name not in dict(arrays)]
    del copy.graph.input[:]
    copy.graph.input.extend(rest)
    return copy


def run(folder, package):
    """Runs the test until every case has its line; one that ends the process is said to."""
    results = folder / "results.tsv"
    environment = os.environ | {"LAYERCOLLAPSE_NODE_TESTS": str(folder)}
    while True:
        call = subprocess.run(
            ["swift", "test", "--skip-build", "--filter", "node tests of the ONNX project"], cwd=package,
            env=environment, capture_output=True, text=True)
        text = results.read_text() if results.exists() else ""
        lines = text.split("\n")
        if lines[-1]:
            lines[-1] += "failed\tended the process"
            results.write_text("\n".join(lines) + "\n")
            continue
        if call.returncode:
            raise SystemExit(call.stdout[-2000:] + call.stderr[-2000:])
        return {line.split("\t")[0]: line.split("\t")[1:] for line in lines if line}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--package", type=Path, default=ROOT)
    parser.add_argument("--raised", action="store_true", help="run each case as one of later opsets too")
    parser.add_argument("--details", action="store_true", help="name each case that did not pass")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="node-tests-"))
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()

    counts, later, reasons = collections.Counter(), collections.Counter(), collections.Counter()
    cases = collect_testcases(None)
    for case in cases:
        reason = out_of_scope(case)
        if reason:
            counts["out of scope"] += 1
            reasons[reason] += 1
        else:
            write(case, folder, NEW_OPSETS if options.raised else [])
    results = run(folder, options.package)
    for name, (outcome, *detail) in sorted(results.items()):
        name, _, opset = name.partition("@")
        if opset:
            later[opset, outcome] += 1
        else:
            counts[outcome] += 1
        if not outcome.startswith("passed") and options.details or outcome == "failed":
            print(f"{outcome:8} {name} {opset}: {' '.join(detail)[:300]}")
    print(f"\n{len(cases)} cases of onnx {onnx.__version__}, {sum(counts.values()) - counts['out of scope']} within the tiers\n")
    for outcome in ["passed", "passed with known operands", "failed", "refused", "out of scope"]:
        print(f"| {outcome} | {counts[outcome]} |")
    print("\nOut of scope:\n")
    for reason, count in reasons.most_common():
        print(f"| {reason} | {count} |")
    if options.raised:
        outcomes = ["passed", "passed with known operands", "failed", "refused"]
        print("\nThe same cases at later opsets:\n\n| opset | " + " | ".join(outcomes) + " |\n|---|---|---|---|---|")
        for opset in NEW_OPSETS:
            print(f"| {opset} | " + " | ".join(str(later[str(opset), outcome]) for outcome in outcomes) + " |")
    raise SystemExit(1 if counts["failed"] or any(outcome == "failed" for _, outcome in later) else 0)


if __name__ == "__main__":
    main()
