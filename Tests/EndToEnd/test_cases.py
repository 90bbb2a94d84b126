"""Files of kinds that people have, each held to what ONNX Runtime makes of it before and after."""

import json
import subprocess
import sys

import numpy
import onnx
import onnxruntime

from program import HERE, PROGRAM, Case, read_json

# A network of this size loses its hidden layer.
BEFORE, AFTER = 3_370, 250


class Cases(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.expected = {}
        for script in sorted((HERE / "cases").glob("*.py")):
            done = subprocess.run([sys.executable, script, cls.folder], capture_output=True, text=True, check=True)
            cls.expected[script.stem] = json.loads(done.stdout)

    def file(self, name):
        return self.folder / name

    def program(self, *words):
        force = [] if words[0] == "inspect" else ["--force"]
        done = subprocess.run([PROGRAM, *map(str, words), *force], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def compressed(self, name, *more, kinds="affine", statuses=(0, 4)):
        """Compresses a case, whole blocks by default; it may be the smallest damage beyond the budget, which is said."""
        report = self.file(f"{name}.json")
        status, said = self.program(
            "compress", self.file(f"{name}.onnx"), "--data", self.file(f"{name}.npz"), "-o", self.file(f"{name}.small.onnx"),
            "--report", report, "--quiet", "--replacements", kinds, *more)
        self.assertIn(status, statuses, said)
        found = read_json(report)
        self.assertEqual(found["result"]["met_budget"], status == 0)
        onnx.checker.check_model(str(self.file(f"{name}.small.onnx")))
        return found

    def outputs(self, path, data):
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        feed = {value.name: data[value.name] for value in session.get_inputs()}
        return dict(zip([value.name for value in session.get_outputs()], session.run(None, feed)))

    def both(self, name):
        data = numpy.load(self.file(f"{name}.npz"), allow_pickle=True)
        return (self.outputs(self.file(f"{name}{ending}"), data) for ending in (".onnx", ".small.onnx"))

    def assert_same_answers(self, name, output, answer=lambda values: values.argmax(-1)):
        before, after = self.both(name)
        share = (answer(before[output]) == answer(after[output])).mean()
        self.figure(f"{name}: {share:.2%} of the answers are the same")
        self.assertGreaterEqual(share, 0.98, name)

    def assert_runs(self, name):
        """What `run` writes is what ONNX Runtime computes."""
        status, said = self.program(
            "run", self.file(f"{name}.onnx"), "--data", self.file(f"{name}.npz"), "-o", self.file(f"{name}.out.npz"), "--quiet")
        self.assertEqual(status, 0, said)
        ours = numpy.load(self.file(f"{name}.out.npz"))
        theirs = self.outputs(self.file(f"{name}.onnx"), numpy.load(self.file(f"{name}.npz"), allow_pickle=True))
        for key in ours.files:
            self.assertEqual(ours[key].shape, theirs[key].shape, (name, key))
            self.assertLess(abs(ours[key].astype(float) - theirs[key].astype(float)).max(), 1e-3, (name, key))
        return ours.files

    def check_head(self, name, output, parameters=(BEFORE, AFTER)):
        self.assert_runs(name)
        report = self.compressed(name)
        found = tuple(report["result"][which]["parameters"] for which in ("original", "compressed"))
        self.assertEqual(found, parameters, name)
        self.assert_same_answers(name, output)
        return report

    def test_every_case_gets_smaller_by_some_replacement(self):
        for name in sorted(self.expected):
            with self.subTest(name=name):
                if not self.file(f"{name}.onnx").exists():
                    continue
                status, said = self.program(
                    "compress", self.file(f"{name}.onnx"), "--data", self.file(f"{name}.npz"), "-o",
                    self.file(f"{name}.small.onnx"), "--report", self.file(f"{name}.json"), "--quiet", "--finetune", "none",
                    "--compression-ratio", 1.1)
                # Some cases are refused, each with its own test.
                if status == 3:
                    continue
                self.assertIn(status, (0, 4), said)
                if "no layers were collapsed" in said or not self.file(f"{name}.small.onnx").exists():
                    continue
                onnx.checker.check_model(str(self.file(f"{name}.small.onnx")))
                found = read_json(self.file(f"{name}.json"))["result"]
                self.figure(f"{name}: {found['original']['parameters']} -> {found['compressed']['parameters']}")
                for before, after in zip(*(values.values() for values in self.both(name))):
                    self.assertEqual((before.shape, before.dtype), (after.shape, after.dtype))

    def test_a_label_before_the_logits(self):
        report = self.check_head("first_output_label", "logits")
        self.assertEqual(report["result"]["original"]["metric_name"], "accuracy")
        before, after = self.both("first_output_label")
        self.assertGreaterEqual((before["label"] == after["label"]).mean(), 0.98)

    def test_half_weights_and_nodes_out_of_order(self):
        self.check_head("float16_weights", "logits")

    def test_weights_that_several_layers_share(self):
        report = self.check_head("shared_weights", "logits", (2_298, 442))
        self.assertEqual([layer["kind"] for layer in report["result"]["layers"]], ["Linear-ReLU-Linear (3 uses)"])
        after = onnx.load(str(self.file("shared_weights.small.onnx")))
        self.assertEqual(sorted(list(tensor.dims) for tensor in after.graph.initializer), [[10], [16], [16, 10], [16, 16]])

    def test_gated_units_and_regions(self):
        name = "gated_units"
        expected = self.expected[name]
        self.assert_runs(name)
        report = self.compressed(name, "--max-parameters", str(expected["parameters"][1]), "--finetune", "none", kinds="width")
        found = [report["result"][which]["parameters"] for which in ("original", "compressed")]
        self.assertEqual(found, expected["parameters"])
        before, after = (outputs["logits"] for outputs in self.both(name))
        self.assertLess(abs(before - after).max(), 1e-3)
        # One layer takes the place of the head.
        report = self.compressed(
            name, "--include", "f", "--max-parameters", "1", "--finetune", "none", kinds="affine,width", statuses=(4,))
        self.assertEqual([(layer["name"], layer["kind"]) for layer in report["result"]["layers"] if layer["collapsed"]],
                         [("f", "Linear-LayerNorm-ReLU-Linear")])
        status, said = self.program("run", self.file(f"{name}.small.onnx"), "--data", self.file(f"{name}.npz"),
                                    "-o", self.file(f"{name}.out.npz"), "--quiet")
        self.assertEqual(status, 0, said)
        after = next(iter(list(self.both(name))[1].values()))
        self.assertLess(abs(numpy.load(self.file(f"{name}.out.npz"))["logits"] - after).max(), 1e-4)

    def test_an_input_without_axes(self):
        self.check_head("scalar_input", "logits")

    def test_a_network_in_half_precision_behind_a_cast(self):
        report = self.compressed("half_inside")
        self.assertEqual([layer["kind"] for layer in report["result"]["layers"]], ["Linear-GELU-Linear"])
        sizes = [report["result"][which]["parameters"] for which in ("original", "compressed")]
        self.assertEqual(sizes[0] - sizes[1], 3_370 - 250)
        self.assert_same_answers("half_inside", "logits")

    def test_images_of_bytes(self):
        # Mean and deviation of the channels and the 255 of the bytes count as weights.
        self.check_head("uint8_image", "logits", (5_674 + 7, 490 + 7))

    def test_networks_in_other_precisions(self):
        for name, kind in (("half_network", onnx.TensorProto.FLOAT16), ("double_network", onnx.TensorProto.DOUBLE)):
            self.check_head(name, "logits", (4_978, 850))
            before, after = (onnx.load(str(self.file(f"{name}{ending}"))) for ending in (".onnx", ".small.onnx"))
            self.assertEqual({tensor.data_type for tensor in after.graph.initializer}, {kind})
            self.assertEqual([*before.graph.input, *before.graph.output], [*after.graph.input, *after.graph.output])

    def test_values_that_the_network_imputes(self):
        # The 24 means that stand in for missing values count as weights.
        self.check_head("missing_values", "logits", (BEFORE + 24, AFTER + 24))

    def test_labels_as_rows_of_ones_and_as_floats(self):
        report = self.check_head("one_hot_labels", "logits")
        self.assertEqual(report["result"]["original"]["metric_name"], "accuracy")
        self.assertEqual(report["result"]["original"]["metric"], self.expected["one_hot_labels"]["metric_of_original"])
        again = self.compressed("one_hot_labels", "--labels", "y_float")
        self.assertEqual(again["result"]["original"]["metric_name"], "accuracy")

    def test_an_old_opset_with_an_open_batch_of_minus_one(self):
        before = onnx.load(str(self.file("opset11_paddle.onnx")))
        output = before.graph.output[0].name
        self.check_head("opset11_paddle", output)
        after = onnx.load(str(self.file("opset11_paddle.small.onnx")))
        self.assertEqual(list(before.opset_import), list(after.opset_import))

    def test_a_bias_inside_of_a_fused_activation_and_one_inside_of_a_fused_norm(self):
        name = "ort_optimized_transformer"
        self.assert_runs(name)
        report = self.compressed(name)
        before, inner, after = self.expected[name]["block"]
        layer = report["result"]["layers"][0]
        self.assertEqual([layer["in"], layer["hidden"], layer["out"]], [before, inner, after])
        nodes = [node.op_type for node in onnx.load(str(self.file(f"{name}.small.onnx"))).graph.node]
        self.assertNotIn("BiasGelu", nodes)
        self.assertIn("SkipLayerNormalization", nodes)

    def test_a_regression_that_looks_like_classes(self):
        name = "regression_with_offsets"
        report = self.compressed(name, statuses=(4,))
        self.assertFalse(report["result"]["met_budget"])

    def test_a_bias_with_leading_axes(self):
        self.check_head("row_bias", "logits")

    def test_an_output_without_samples(self):
        files = self.assert_runs("scalar_output")
        self.assertIn("logit_scale", files)
        self.check_head("scalar_output", "logits")

    def test_every_output_counts(self):
        name = "second_head_ruined"
        self.compressed(name)
        before, after = self.both(name)
        error = ((before["value"] - after["value"]) ** 2).mean() ** 0.5
        self.figure(f"{name}: root mean square error {error:.4f}, deviation {before['value'].std():.4f}")
        self.assertLess(error, before["value"].std() / 3)

    def test_classes_of_pixels(self):
        name = "segmentation_nchw"
        report = self.compressed(name, statuses=(0,))
        self.assertEqual(report["result"]["original"]["metric"], self.expected[name]["pixel_accuracy_of_original"])
        self.assertEqual(report["result"]["disagreement"]["rate"], self.expected[name]["disagreement_per_pixel"])
        self.assert_same_answers(name, "mask", lambda values: values.argmax(1))

    def test_a_tail_of_labels_is_left_as_it_is(self):
        name = "sklearn_classifier_tail"
        report = self.compressed(name)
        self.assertTrue(any("not run" in note for note in report["data"]["notes"]), report["data"]["notes"])
        self.assert_same_answers(name, "label", lambda values: values)
        self.assertEqual(self.assert_runs(name), ["probabilities"])

    def test_a_tail_of_the_best_three(self):
        name = "topk_tail"
        self.compressed(name)
        self.assert_same_answers(name, "places", lambda values: values[:, 0])

    def test_keys_that_nobody_asks_for(self):
        report = self.check_head("string_key_beside_data", "logits")
        self.assertTrue(any("feature_names" in note for note in report["data"]["notes"]), report["data"]["notes"])

    def test_a_token_out_of_range(self):
        name = "token_out_of_range"
        for words in (("run",), ("compress", "--quiet")):
            status, said = self.program(
                words[0], self.file(f"{name}.onnx"), "--data", self.file(f"{name}.npz"), "-o", self.file("out"), *words[1:])
            self.assertEqual(status, 3)
            self.assertIn("the index 203 in sample 5: the model takes -200 to 199", said)

    def test_copies_count_once(self):
        name = "duplicated_samples"
        report = self.compressed(name)
        self.assertIsNone(report["result"]["disagreement"]["upper95"])
        self.assertIn("1980 of 2000 samples are copies of others and do not count", report["data"]["notes"])

    def test_a_recurrent_layer_in_front(self):
        layer = 4 * 16 * (12 + 16 + 2)
        head, collapsed = self.expected["lstm_in_front"]["parameters_of_the_head"]
        self.check_head("lstm_in_front", "logits", (layer + head, layer + collapsed))

    def test_samples_on_the_second_axis_as_time_first_models_have_them(self):
        name = "time_first"
        layer = 4 * 16 * (8 + 16 + 2)
        head, collapsed = self.expected[name]["parameters_of_the_head"]
        report = self.check_head(name, "logits", (layer + head, layer + collapsed))
        self.assertIn("key 'sequence' has its samples on axis 1, as the model does", report["data"]["notes"])
        before, after = (onnx.load(str(self.file(f"{name}{ending}"))).graph for ending in (".onnx", ".small.onnx"))
        self.assertEqual([*before.input, *before.output], [*after.input, *after.output])
        self.assertEqual([*before.node][:3], [*after.node][:3])
        self.assertEqual([node.op_type for node in after.node], ["LSTM", "Squeeze", "Squeeze", "Gemm"])
        states, same = (values["states"] for values in self.both(name))
        self.assertTrue((states == same).all())
        # The same samples, first on the first axis: the sizes tell them apart.
        theirs = numpy.load(self.file(f"{name}.out.npz"))
        data = numpy.load(self.file(f"{name}.npz"))
        numpy.savez(self.file("samples_first.npz"), sequence=data["sequence"].transpose(1, 0, 2))
        status, said = self.program(
            "run", self.file(f"{name}.onnx"), "--data", self.file("samples_first.npz"), "-o", self.file("first.npz"), "--quiet")
        self.assertEqual(status, 0, said)
        ours = numpy.load(self.file("first.npz"))
        for key in theirs.files:
            self.assertTrue((ours[key] == theirs[key]).all(), key)

    def test_dense_layers_between_reshapes(self):
        self.check_head("keras_reshapes", "logits", (BEFORE, AFTER + 10))

    def test_a_folded_norm_and_a_maximum_as_activation(self):
        name = "folded_batchnorm"
        report = self.check_head(name, "logits", (BEFORE + 4 * 96, AFTER))
        kinds = [layer["kind"] for layer in report["result"]["layers"]]
        self.assertEqual(kinds, ["Linear-Scale-Shift (exact)", "Scale-Shift-Linear (exact)", "Linear-ReLU-Linear"])

    def test_rare_activations(self):
        name = "rare_activations"
        self.assert_runs(name)
        for method in "ridge", "layercollapse":
            report = self.compressed(name, "--max-disagreement", "1", "--method", method, "--threshold", "2", "--steps", "3")
            kinds = [layer["kind"] for layer in report["result"]["layers"]]
            self.assertEqual(kinds, [f"Linear-{kind}-Linear" for kind in self.expected[name]["kinds"]])
            self.assertTrue(all(layer["collapsed"] for layer in report["result"]["layers"]))

    def test_a_hidden_value_that_is_an_output(self):
        name = "hidden_output"
        self.check_head(name, "logits", tuple(self.expected[name]["parameters"]))
        before, after = self.both(name)
        self.assertTrue((before["hidden"] == after["hidden"]).all())

    def test_merges_without_loss_and_without_data(self):
        name = "exact_merges"
        status, said = self.program(
            "compress", self.file(f"{name}.onnx"), "-o", self.file(f"{name}.small.onnx"), "--report", self.file(f"{name}.json"))
        self.assertEqual(status, 0, said)
        report = read_json(self.file(f"{name}.json"))["result"]
        kinds = [layer["kind"] for layer in report["layers"] if layer["collapsed"]]
        self.assertEqual(kinds, self.expected[name]["kinds"])
        self.assertEqual(report["compressed"]["parameters"], self.expected[name]["after"])
        self.assertLessEqual(report["compressed"]["macs"], report["original"]["macs"])
        onnx.checker.check_model(str(self.file(f"{name}.small.onnx")))
        before, after = self.both(name)
        error = abs(before["logits"] - after["logits"]).max() / abs(before["logits"]).max()
        self.figure(f"{name}: {error:.1e} of the largest output")
        self.assertLess(error, 1e-5)

    def test_an_output_is_checked_before_the_work(self):
        model, data, small = self.file("row_bias.onnx"), self.file("row_bias.npz"), self.file("checked.onnx")
        (self.folder / "there").mkdir()
        small.write_bytes(b"mine")
        for output, words in [
            (model, "is the file that is read"), (data, "is the file that is read"), (self.folder / "there", "is a folder"),
            (self.folder / "none" / "out.onnx", "there is no folder"), (small, "add --force"),
        ]:
            done = subprocess.run(
                [PROGRAM, "compress", model, "--data", data, "-o", output, "--quiet"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr)
        self.assertEqual(small.read_bytes(), b"mine")

    def test_a_name_that_no_block_has(self):
        status, said = self.program(
            "compress", self.file("row_bias.onnx"), "--data", self.file("row_bias.npz"), "-o", self.file("none.onnx"),
            "--include", "nothing.*", "--quiet")
        self.assertEqual(status, 2)
        self.assertIn("include matches no block: the model has", said)
