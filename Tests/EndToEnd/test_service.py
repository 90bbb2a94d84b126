"""The service as curl sees it: a job from upload to download, and what happens when its process is killed or cancelled."""

import base64
import hashlib
import os
import random
import signal
import time

import numpy

from kill_server import kill_again_and_again, npz, tiny_data, tiny_model
from program import DATA, MODELS, PROGRAM, Case, accuracy, dataset, infer_in_onnx_runtime, values_held
from server import Server, children, gone_within

FOREVER = [("method", "ridge"), ("replacements", "affine"), ("finetune", "self_distill"), ("steps", 10_000_000)]


class Service(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Server(cls.folder / "data").start()
        cls.addClassCleanup(cls.server.close)

    def post_tiny_job(self, options):
        answer = self.server.post(
            "/v1/jobs", [("model", "tiny.onnx", tiny_model()), ("data", "tiny.npz", tiny_data()), *options]
        )
        self.assertEqual(answer.status, 202, answer.body)
        return answer.json()["id"]

    def process_of_running_job(self, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = children(self.server.process.pid)
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError("no job's process appeared")

    def test_a_job_from_upload_to_download(self):
        answer = self.server.post(
            "/v1/jobs",
            [("model", "digits-vgg.onnx", MODELS["digits-vgg"].read_bytes()), ("data", "digits16.npz", DATA.read_bytes()),
             ("method", "ridge"), ("finetune", "self_distill"), ("max_metric_drop", "0.02")],
        )
        self.assertEqual(answer.status, 202, answer.body)
        job = answer.json()
        self.assertEqual(answer.headers["Location"], f"/v1/jobs/{job['id']}")
        early = self.server.request("GET", f"/v1/jobs/{job['id']}/model")
        self.assertEqual((early.status, early.json()["code"]), (409, "job_not_finished"))
        ended = self.server.wait(job["id"])
        self.assertEqual(ended["status"], "succeeded", ended["error"])

        model = self.server.request("GET", f"/v1/jobs/{job['id']}/model")
        digest = hashlib.sha256(model.body)
        self.assertEqual(ended["result"]["digests"]["model"], f"sha256:{digest.hexdigest()}")
        self.assertIn(f"sha-256=:{base64.b64encode(digest.digest()).decode()}:", model.headers["Repr-Digest"])
        part = self.server.request("GET", f"/v1/jobs/{job['id']}/model", headers={"Range": "bytes=100-199"})
        self.assertEqual((part.status, part.body), (206, model.body[100:200]))
        same = self.server.request(
            "GET", f"/v1/jobs/{job['id']}/model", headers={"If-None-Match": model.headers["ETag"]}
        )
        self.assertEqual((same.status, same.body), (304, b""))

        small, data = self.folder / "small.onnx", dataset()
        small.write_bytes(model.body)
        share = accuracy(infer_in_onnx_runtime(small, data["x_test"]), data["y_test"])
        self.figure(f"over HTTP: {values_held(small)} values, {share:.2%} of the test images right")
        self.assertEqual(values_held(small), 15_338)
        report = self.server.request("GET", f"/v1/jobs/{job['id']}/report.json")
        self.assertEqual(report.json()["result"], ended["result"])
        events = self.server.events(job["id"])
        self.assertEqual([event["type"] for event in events].count("done"), 1)
        self.assertEqual(events[-1]["type"], "done")

    def test_a_cancelled_job_frees_the_processor(self):
        job = self.post_tiny_job(FOREVER)
        processes = self.process_of_running_job()
        time.sleep(random.Random(7).uniform(0, 1))
        self.assertEqual(self.server.request("POST", f"/v1/jobs/{job}/cancel").status, 200)
        self.assertTrue(gone_within(2, processes), "the job's process was still there after 2 s")
        self.assertEqual(self.server.wait(job)["status"], "cancelled")
        self.assertEqual(self.server.request("POST", f"/v1/jobs/{job}/cancel").status, 409)

    def test_a_job_whose_process_is_killed_ends_as_failed(self):
        job = self.post_tiny_job(FOREVER)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for process, _ in children(self.server.process.pid):
                os.kill(process, signal.SIGKILL)
            ended = self.server.request("GET", f"/v1/jobs/{job}").json()
            if ended["status"] == "failed":
                break
            time.sleep(0.05)
        self.assertEqual(ended["status"], "failed")
        self.assertEqual(ended["error"]["code"], "worker_crashed")
        self.assertEqual(self.server.request("GET", "/livez").status, 200)

    def test_bad_input_is_refused_at_once_and_the_service_goes_on(self):
        model, data = tiny_model(), tiny_data()
        nan = self.folder / "nan.npz"
        broken = numpy.random.default_rng(1).standard_normal((100, 16)).astype(numpy.float32)
        broken[:, 3] = numpy.nan
        numpy.savez(nan, input=broken)
        cases = [
            ("a pickle", [("model", "net.pt", b"\x80\x02}q\x00.")], 415, "pickle_rejected"),
            ("half a model", [("model", "tiny.onnx", model[: len(model) // 2])], 422, "invalid_onnx"),
            ("text", [("model", "tiny.onnx", b"hello")], 422, "invalid_onnx"),
            ("NaN", [("model", "tiny.onnx", model), ("data", "nan.npz", nan.read_bytes())], 422, "nan_in_data"),
            ("an unknown option", [("model", "tiny.onnx", model), ("data", "d.npz", data), ("methd", "ridge")], 422, None),
        ]
        for name, parts, status, code in cases:
            with self.subTest(name):
                started = time.monotonic()
                answer = self.server.post("/v1/jobs", parts)
                if answer.status == 202:  # the file is judged by the job's process: the job ends with the same code
                    ended = self.server.wait(answer.json()["id"])
                    self.assertEqual((ended["status"], ended["error"]["code"]), ("failed", code))
                else:
                    self.assertEqual(answer.status, status, answer.body)
                    self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
                    if code:
                        self.assertEqual(answer.json()["code"], code)
                self.assertLess(time.monotonic() - started, 2)
                self.assertEqual(self.server.request("GET", "/readyz").status, 200)


class Limited(Case):
    def test_a_job_that_needs_more_memory_than_it_may_have_fails_and_the_service_goes_on(self):
        limit = 300 << 20
        server = Server(self.folder / "limited", environment={"LAYERCOLLAPSE_JOB_MEMORY_BYTES": str(limit)}).start()
        self.addCleanup(server.close)
        # The sums of x xT alone take 8 * 4096^2 bytes, twice.
        model = tiny_model(sizes=(4096, 4096, 8))
        data = npz(input=numpy.random.default_rng(0).standard_normal((400, 4096), numpy.float32))
        answer = server.post("/v1/jobs", [("model", "wide.onnx", model), ("data", "wide.npz", data)])
        self.assertEqual(answer.status, 202, answer.body)
        ended = server.wait(answer.json()["id"])
        self.assertEqual((ended["status"], ended["error"]["code"]), ("failed", "memory_limit"), ended["error"])
        self.figure(f"limit {limit >> 20} MiB, peak {ended['usage']['peak_memory_bytes'] >> 20} MiB: {ended['error']['message']}")
        self.assertLessEqual(ended["usage"]["peak_memory_bytes"], 2 * limit)
        self.assertTrue(gone_within(2, children(server.process.pid)))
        self.assertEqual(server.request("GET", "/readyz").status, 200)


class Killed(Case):
    def test_a_service_killed_at_random_moments_keeps_what_it_acknowledged(self):
        kills = int(os.environ.get("KILLS", "5"))
        complaints, figures = kill_again_and_again(PROGRAM, kills, seed=kills)
        self.figure(figures)
        self.assertEqual(complaints[:20], [])
