"""The points of a job over HTTP: listed, stored as differences, downloaded whole and in part, run in ONNX Runtime."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import numpy
import onnx

from kill_server import npz
from program import MODELS, Case, data_of, dataset, infer_in_onnx_runtime, parameters, run
from server import Server

FEW = [("calibration_samples", 200), ("finetune", "none")]


class Points(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Server(cls.folder / "data").start()
        cls.addClassCleanup(cls.server.close)

    def finished(self, parts):
        answer = self.server.post("/v1/jobs", [*parts, *FEW])
        self.assertEqual(answer.status, 202, answer.body)
        job = self.server.wait(answer.json()["id"], seconds=300)
        self.assertEqual(job["status"], "succeeded", job["error"])
        listed = self.server.request("GET", f"/v1/fine_tuning/jobs/{job['id']}/checkpoints").json()["data"]
        self.assertEqual(listed, self.server.request("GET", f"/v1/jobs/{job['id']}/checkpoints").json()["data"])
        return job, listed

    def download(self, point):
        """The bytes of a point, held to what is listed of it."""
        answer = self.server.request("GET", point["fine_tuned_model_checkpoint"])
        self.assertEqual(answer.status, 200, answer.body[:500])
        self.assertEqual(len(answer.body), point["bytes"])
        self.assertEqual("sha256:" + hashlib.sha256(answer.body).hexdigest(), point["digest"])
        self.assertEqual(answer.headers["ETag"], f'"{point["digest"]}"')
        return answer.body

    def stored(self, job):
        folder = self.server.data_directory / "jobs" / job["id"] / "output" / "points"
        return sum(path.stat().st_size for path in folder.iterdir())

    def test_every_point_is_downloaded_and_runs(self):
        # A network with one head to replace has few points, and they have little in common.
        for name, least, share in [("digits-vgg", 6, 0.9), ("digits-vit", 8, 0.6), ("digits-mixer", 8, 0.6),
                                   ("code-gpt", 8, 0.6)]:
            with self.subTest(name=name):
                few = {key: value[:600] for key, value in dataset(data_of(name)).items()}
                job, points = self.finished(
                    [("model", f"{name}.onnx", MODELS[name].read_bytes()), ("data", "few.npz", npz(**few))])
                self.assertGreaterEqual(len(points), least)
                self.assertEqual([point["id"] for point in points], [f"ckpt_{n + 1}" for n in range(len(points))])
                self.assertEqual([point["chosen"] for point in points].count(True), 1)
                samples, original = few["x_test"][:100], infer_in_onnx_runtime(MODELS[name], few["x_test"][:100])
                total = 0
                for point in points:
                    path = self.folder / "point.onnx"
                    path.write_bytes(self.download(point))
                    total += point["bytes"]
                    onnx.checker.check_model(onnx.load(path), full_check=True)
                    self.assertEqual(parameters(path), point["parameters"])
                    outputs = infer_in_onnx_runtime(path, samples)
                    self.assertEqual(outputs.shape, original.shape)
                    self.assertTrue(numpy.isfinite(outputs).all())
                stored = self.stored(job)
                self.figure(f"{name}: {len(points)} points of {total} bytes stored in {stored} ({stored / total:.0%})")
                self.assertLess(stored, share * total)
                chosen = next(point for point in points if point["chosen"])
                self.assertEqual(chosen["parameters"], job["result"]["compressed"]["parameters"])
                self.assertEqual(chosen["latency_ms_p50"], job["result"]["compressed"]["latency_ms_p50"])

    def test_points_are_those_of_the_command_line(self):
        few = {key: value[:600] for key, value in dataset(data_of("digits-mlp")).items()}
        data, front = self.folder / "few.npz", self.folder / "front"
        data.write_bytes(npz(**few))
        _, points = self.finished(
            [("model", "mlp.onnx", MODELS["digits-mlp"].read_bytes()), ("data", "few.npz", data.read_bytes())])
        run("compress", MODELS["digits-mlp"], "--data", data, "-o", self.folder / "small.onnx", "--front", front,
            "--calibration-samples", 200, "--finetune", "none", "--quiet", statuses=(0, 4))
        files = json.loads((front / "front.json").read_text())["data"]
        self.assertEqual(len(files), len(points))
        for point, file in zip(points, files):
            self.assertEqual(self.download(point), (front / file["file"]).read_bytes())

    def test_another_budget_goes_on_from_the_search(self):
        few = {key: value[:600] for key, value in dataset(data_of("digits-vit")).items()}
        parts = [("model", "vit.onnx", MODELS["digits-vit"].read_bytes()), ("data", "few.npz", npz(**few))]
        first, _ = self.finished(parts)

        def repeated(job, **changes):
            answer = self.server.request(
                "POST", f"/v1/jobs/{job['id']}/duplicate", json.dumps(changes), {"Content-Type": "application/json"})
            self.assertEqual(answer.status, 202, answer.body)
            ended = self.server.wait(answer.json()["id"], seconds=300)
            self.assertEqual(ended["status"], "succeeded", ended["error"])
            events = self.server.events(ended["id"])
            self.assertEqual([event for event in events if event["type"] == "warning"], [])
            return ended, [event["message"] for event in events if "of an earlier search" in event["message"]]

        def found(job):
            result = job["result"]
            for point in result["pareto"]:
                point.pop("latency_ms_p50", None)
            return [result[name] for name in ("pareto", "layers", "disagreement", "outputs")] + [
                result["digests"]["model"]]

        again, used = repeated(first, max_disagreement=0.2)
        self.assertEqual(len(used), 1, used)
        jobs = self.server.data_directory / "jobs"
        seconds = [json.loads((jobs / job["id"] / "output" / "report.json").read_text())["seconds"] for job in (first, again)]
        self.figure(f"{seconds[0]:.2f} s, with another budget {seconds[1]:.2f} s: {used[0]}")
        # The same as without it: another seed searches anew.
        other, used = repeated(first, max_disagreement=0.2, seed=1)
        self.assertEqual(used, [])
        fresh, _ = self.finished([*parts, ("max_disagreement", 0.2)])
        self.assertEqual(found(again), found(fresh))
        self.assertNotEqual(found(other), found(fresh))
        # A job that went on may be gone on from, and the one that it went on from may be deleted.
        self.assertEqual(self.server.request("DELETE", f"/v1/jobs/{first['id']}").status, 200)
        third, used = repeated(again, max_disagreement=0.05)
        self.assertEqual(len(used), 1)
        self.assertLess(third["result"]["compressed"]["parameters"], third["result"]["original"]["parameters"])

    def test_parts_of_a_point_are_the_whole(self):
        few = {key: value[:600] for key, value in dataset(data_of("digits-vit")).items()}
        job, points = self.finished(
            [("model", "vit.onnx", MODELS["digits-vit"].read_bytes()), ("data", "few.npz", npz(**few))])
        for point in [points[0], points[len(points) // 2], points[-1]]:
            whole, address = self.download(point), point["fine_tuned_model_checkpoint"]
            step = len(whole) // 37
            ranges = [(start, min(start + step, len(whole)) - 1) for start in range(0, len(whole), step)]
            with ThreadPoolExecutor(4) as pool:
                parts = pool.map(lambda part: self.server.request(
                    "GET", address, headers={"Range": f"bytes={part[0]}-{part[1]}", "If-Range": f'"{point["digest"]}"'}
                ), ranges)
                parts = list(parts)
            self.assertEqual({part.status for part in parts}, {206})
            self.assertEqual(b"".join(part.body for part in parts), whole)
        # A server that is killed loses none of them, and a deleted upload either.
        self.server.kill()
        self.server.start()
        self.assertEqual(self.server.request("DELETE", f"/v1/files/{job['model']}").status, 200)
        for point in points:
            self.download(point)
        self.assertEqual(self.server.request("GET", f"/v1/jobs/{job['id']}/model?checkpoint=ckpt_99").status, 404)
        self.assertEqual(self.server.request("DELETE", f"/v1/jobs/{job['id']}").status, 200)
        self.assertFalse((self.server.data_directory / "jobs" / job["id"]).exists())

    def test_a_model_with_external_data_has_points_of_one_file(self):
        model = onnx.load(MODELS["digits-mlp"])
        beside = self.folder / "external.onnx"
        onnx.save_model(model, beside, save_as_external_data=True, location="external.onnx.data", size_threshold=64)
        few = {key: value[:600] for key, value in dataset(data_of("digits-mlp")).items()}
        job, points = self.finished([
            ("model", "external.onnx", beside.read_bytes()),
            ("model", "external.onnx.data", (self.folder / "external.onnx.data").read_bytes()),
            ("data", "few.npz", npz(**few))])
        total = 0
        for point in points:
            path = self.folder / "alone.onnx"
            path.write_bytes(self.download(point))
            total += point["bytes"]
            self.assertEqual(parameters(path), point["parameters"])
            self.assertTrue(numpy.isfinite(infer_in_onnx_runtime(path, few["x_test"][:100])).all())
        stored = self.stored(job)
        self.figure(f"{len(points)} points of {total} bytes stored in {stored} ({stored / total:.0%})")
        self.assertLess(stored, 0.8 * total)
