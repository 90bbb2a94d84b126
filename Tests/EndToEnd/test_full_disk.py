"""A service whose disk is full: what frees room still works, a running job waits, and nothing that was stored is lost."""

import os
import subprocess
import time
import unittest

from kill_server import tiny_data, tiny_model
from program import Case
from server import ENDED, Server

MERGE = [("method", "merge"), ("threshold", 2)]
TRAINING = [("method", "ridge"), ("replacements", "affine"), ("finetune", "self_distill"), ("steps", 30_000),
            ("max_disagreement", 1)]


@unittest.skipUnless(os.geteuid() == 0, "a disk of its own wants the right to mount one")
class FullDisk(Case):
    def setUp(self):
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "none", self.disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.disk], check=True)
        self.server = Server(self.disk / "data").start()
        self.addCleanup(self.server.close)

    def fill(self):
        """Takes what room there is; returns the file that holds it."""
        path = self.disk / "filler"
        with path.open("wb", buffering=0) as filler:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        filler.write(bytes(size))
                except OSError:
                    pass
        return path

    def post(self, options):
        parts = [("model", "tiny.onnx", tiny_model()), ("data", "tiny.npz", tiny_data()), *options]
        return self.server.post("/v1/jobs", parts)

    def test_a_full_disk_keeps_nobody_from_making_room(self):
        finished = self.post(MERGE).json()["id"]
        self.assertEqual(self.server.wait(finished)["status"], "succeeded")
        model = self.server.request("GET", f"/v1/jobs/{finished}/model").body
        running = self.post(TRAINING).json()["id"]
        waiting = self.post(MERGE).json()["id"]
        self.server.wait(running, until=lambda job: job["phase"] == "finetuning" or job["status"] in ENDED)

        filler = self.fill()
        refused = self.post(MERGE)
        self.assertEqual((refused.status, refused.json()["code"]), (507, "disk_full"), refused.body)
        self.assertNotIn(str(self.disk), refused.body.decode())
        self.assertEqual(self.server.request("GET", f"/v1/jobs/{finished}/model").body, model)
        cancelled = self.server.request("POST", f"/v1/jobs/{waiting}/cancel")
        self.assertEqual(cancelled.status, 200, cancelled.body)
        self.assertEqual(cancelled.json()["status"], "cancelled")
        self.fill()
        deleted = self.server.request("DELETE", f"/v1/jobs/{finished}")
        self.assertEqual(deleted.status, 200, deleted.body)

        self.fill()
        time.sleep(3)
        job = self.server.request("GET", f"/v1/jobs/{running}").json()
        self.assertEqual(job["status"], "running", job["error"])
        filler.unlink()
        ended = self.server.wait(running)
        self.assertEqual((ended["status"], ended["attempt"]), ("succeeded", 1), ended["error"])
        self.assertEqual(self.server.request("GET", f"/v1/jobs/{running}/model").status, 200)
        self.assertEqual(self.server.request("GET", "/readyz").status, 200)
