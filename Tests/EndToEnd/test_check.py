"""`check` as a gate for CI, against what numpy makes of ONNX Runtime's outputs, at the terminal and over HTTP."""

import json
import xml.etree.ElementTree

import numpy
import onnx
import onnxruntime
from onnx import numpy_helper

from program import DATA, FIXTURES, MODELS, Case, dataset, infer_in_onnx_runtime, read_json, run
from server import Server

OLD = MODELS["digits-mlp"]


def changed(path, change):
    model = onnx.load(str(OLD))
    change(model.graph)
    onnx.save(model, str(path))
    return path


def rewrite(graph, change):
    """Changes the first matrix of the network."""
    tensor = next(tensor for tensor in graph.initializer if len(tensor.dims) == 2)
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)).copy(), tensor.name))


class Checked(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.nudged = changed(cls.folder / "nudged.onnx", lambda graph: rewrite(graph, lambda w: w + 0.02 * numpy.sign(w)))
        cls.broken = changed(cls.folder / "broken.onnx", lambda graph: rewrite(graph, lambda w: w[::-1]))

    def check(self, new, *more, old=OLD, status=0):
        report = self.folder / "check.json"
        done = run("check", old, new, "--data", DATA, "--report", report, "--quiet", *more, statuses=(status,))
        return done, read_json(report) if status in (0, 5) else None

    def test_a_file_may_take_its_own_place(self):
        done, report = self.check(OLD)
        self.assertTrue(report["holds"])
        self.assertEqual(report["result"]["disagreement"]["rate"], 0)
        self.assertEqual(len(done.stdout.splitlines()), 1)
        self.assertIn("holds", done.stdout)

    def test_the_measures_are_those_of_numpy_on_onnx_runtime(self):
        _, report = self.check(self.nudged, "--max-disagreement", 1, "--max-metric-drop", 1, "--max-class-drop", 1)
        data = dataset()
        x, y = data["x_test"], data["y_test"]
        before, after = (infer_in_onnx_runtime(path, x) for path in (OLD, self.nudged))
        rate = (before.argmax(1) != after.argmax(1)).mean()
        self.assertGreater(rate, 0)
        found = report["result"]
        self.assertEqual(found["samples"], len(x))
        self.assertAlmostEqual(found["disagreement"]["rate"], rate, places=9)

        def log_softmax(logits):
            logits = logits.astype(numpy.float64) - logits.max(1, keepdims=True)
            return logits - numpy.log(numpy.exp(logits).sum(1, keepdims=True))

        left, right = log_softmax(before), log_softmax(after)
        self.assertAlmostEqual(found["divergence"], (numpy.exp(left) * (left - right)).sum(1).mean(), places=5)
        drop = (before.argmax(1) == y).mean() - (after.argmax(1) == y).mean()
        self.assertAlmostEqual(found["metric_drop"], drop, places=9)
        recalls = [[(logits.argmax(1)[y == label] == label).mean() for label in range(10)] for logits in (before, after)]
        for label, entry in enumerate(found["classes"]):
            self.assertAlmostEqual(entry["recall_old"], recalls[0][label], places=9)
            self.assertAlmostEqual(entry["recall_new"], recalls[1][label], places=9)

    def test_a_broken_file_does_not_hold_and_every_report_says_why(self):
        reports = [self.folder / f"broken.{kind}" for kind in ("xml", "md", "html")]
        done, report = self.check(
            self.broken, "--max-disagreement", 0.02, "--max-divergence", 100, *[w for path in reports for w in ("--report", path)],
            status=5)
        self.assertFalse(report["holds"])
        self.assertIn("does not hold: disagreement is", done.stdout)
        suite = xml.etree.ElementTree.parse(reports[0]).getroot().find("testsuite")
        self.assertEqual((suite.get("tests"), suite.get("failures")), ("2", "1"))
        failed = [case for case in suite.iter("testcase") if case.find("failure") is not None]
        self.assertEqual(len(failed), 1)
        self.assertTrue(failed[0].get("name").startswith("max_disagreement"))
        self.assertIn("over the limit 2.00 %", failed[0].find("failure").get("message"))
        for path in reports[1:]:
            self.assertIn("does not hold", path.read_text())

    def test_the_report_can_be_printed_as_json(self):
        done = run("check", OLD, OLD, "--data", DATA, "--json")
        self.assertTrue(json.loads(done.stdout)["holds"])

    def test_another_interface_is_refused_with_what_differs(self):
        def shorter(graph):
            for tensor in graph.initializer:
                if tensor.dims[0] == 10:
                    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor)[:9].copy(), tensor.name))
            graph.output[0].type.tensor_type.ClearField("shape")

        def renamed(graph):
            for node in graph.node:
                node.output[:] = ["other" if name == "logits" else name for name in node.output]
            graph.output[0].name = "other"

        def softmaxed(graph):
            for node in graph.node:
                node.output[:] = ["inner" if name == "logits" else name for name in node.output]
            graph.node.append(onnx.helper.make_node("Softmax", ["inner"], ["logits"], axis=-1))

        for name, change, words in [
            ("shorter", shorter, "[N, 10] in digits-mlp.onnx and float32 [N, 9] in shorter.onnx"),
            ("renamed", renamed, "the output 'logits' of digits-mlp.onnx is named 'other' in renamed.onnx"),
            ("softmaxed", softmaxed, "the output 'logits' ends in a softmax in softmaxed.onnx and not in digits-mlp.onnx"),
        ]:
            with self.subTest(name):
                done, _ = self.check(changed(self.folder / f"{name}.onnx", change), status=3)
                self.assertIn(words, done.stderr)
        # The other way round the last operator does not tell, and the numbers do.
        done, _ = self.check(OLD, old=self.folder / "softmaxed.onnx", status=3)
        self.assertIn("holds probabilities in softmaxed.onnx", done.stderr)

    def test_what_cannot_be_run_is_named(self):
        def unknown(graph):
            for node in graph.node:
                if node.op_type == "Relu":
                    node.op_type, node.domain, node.name = "Sparkle", "com.example", "/sparkle"
                    break

        done, _ = self.check(changed(self.folder / "unknown.onnx", unknown), status=3)
        self.assertIn("'/sparkle' (com.example.Sparkle", done.stderr)
        half = self.folder / "half.onnx"
        half.write_bytes(OLD.read_bytes()[:1000])
        self.assertIn("half.onnx", self.check(half, status=3)[0].stderr)
        self.check(OLD, "--max-disagreement", "two", status=2)
        self.check(OLD, "--report", self.folder / "report.txt", status=2)

    def test_hostile_names_stay_text(self):
        hostile = "\"/><script>alert(1)</script>&'\u202e"
        path = self.folder / "<b>&'.onnx"

        def rename(graph):
            for node in graph.node:
                node.output[:] = [hostile if name == "logits" else name for name in node.output]
            graph.output[0].name = hostile

        changed(path, rename)
        worse = self.folder / "worse.onnx"
        model = onnx.load(str(path))
        rewrite(model.graph, lambda w: w[::-1])
        onnx.save(model, str(worse))
        reports = [self.folder / f"hostile.{kind}" for kind in ("xml", "html", "md")]
        self.check(worse, *[word for report in reports for word in ("--report", report)], old=path, status=5)
        root = xml.etree.ElementTree.parse(reports[0]).getroot()
        self.assertEqual({element.tag for element in root.iter()}, {"testsuites", "testsuite", "testcase", "failure"})
        self.assertIn("<b>&'.onnx", root.find("testsuite").get("name"))
        for report in reports[1:]:
            text = report.read_text()
            self.assertNotIn("<script", text)
            self.assertNotIn("\u202e", text)

    def test_a_file_of_the_quantizer_is_measured_as_onnx_runtime_runs_it(self):
        from onnxruntime.quantization import QuantType, quantize_dynamic

        small = self.folder / "int8.onnx"
        # Weights of 7 bits, whose products do not saturate without VNNI.
        quantize_dynamic(str(OLD), str(small), weight_type=QuantType.QInt8, reduce_range=True)
        _, report = self.check(small, "--max-disagreement", 1)
        x = dataset()["x_test"]
        before = infer_in_onnx_runtime(OLD, x).argmax(1)
        # One by one, since the ranges are those of a run.
        session = onnxruntime.InferenceSession(str(small), providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        after = numpy.array([session.run(None, {name: row[None]})[0][0].argmax() for row in x])
        rate = (before != after).mean()
        self.figure(f"int8 by ONNX Runtime: {rate:.2%} of the answers change, here {report['result']['disagreement']['rate']:.2%}")
        self.assertAlmostEqual(report["result"]["disagreement"]["rate"], rate, delta=2 / len(x))
        for words, status in [(("inspect", small), 0), (("compress", small, "-o", self.folder / "c.onnx"), 3)]:
            run(*words, statuses=(status,))

    def test_a_check_over_http_reports_as_at_the_terminal(self):
        server = Server(self.folder / "data").start()
        self.addCleanup(server.close)
        parts = [("old", "m.onnx", OLD.read_bytes()), ("new", "m.onnx", self.broken.read_bytes()), ("data", "d.npz", DATA.read_bytes())]
        answer = server.post("/v1/checks", [*parts, ("max_disagreement", "0.02")])
        self.assertEqual(answer.status, 202, answer.body)
        ended = server.wait(answer.json()["id"])
        self.assertEqual((ended["kind"], ended["status"]), ("check", "succeeded"), ended["error"])
        self.assertFalse(ended["result"]["holds"])
        _, report = self.check(self.broken, "--max-disagreement", 0.02, status=5)
        for member in ("limits", "disagreement", "outputs", "classes"):
            self.assertEqual(ended["result"][member], report["result"][member], member)
        for kind in ("json", "xml", "html", "md"):
            found = server.request("GET", f"/v1/jobs/{ended['id']}/report.{kind}")
            self.assertEqual(found.status, 200, kind)
        self.assertEqual(server.request("GET", f"/v1/jobs/{ended['id']}/report.json").json()["result"], ended["result"])
        refused = server.post("/v1/checks", [parts[0], ("new", "v.onnx", (FIXTURES / "bert.onnx").read_bytes()), parts[2]])
        failed = server.wait(refused.json()["id"])
        self.assertEqual((failed["status"], failed["error"]["code"]), ("failed", "shape_mismatch"), failed["error"])
