"""Faults and hostile clients that a service has to stand: those of `Benchmarks/server_faults.py` that measure no time."""

import argparse
import sys

from program import HERE, PROGRAM, Case

sys.path.insert(0, str(HERE.parents[1] / "Benchmarks"))

import server_faults  # noqa: E402

NAMES = [
    "database-damage", "descriptors-985", "filename", "hoarding-forms", "kelvin", "labels", "modes", "range", "sighup",
    "wrong-host",
]
# Of the 21 numbers of descriptors that may be left, as many as a test has time for.
LEFT = [0, 1, 2, 3, 5, 8, 13, 20]


class Faults(Case):
    def test_the_service_stands(self):
        for name in NAMES:
            with self.subTest(name):
                figure, wrong = server_faults.FAULTS[name](PROGRAM, argparse.Namespace(seconds=1))
                self.figure(f"{name}: {figure}")
                self.assertEqual(wrong, [])

    def test_a_want_of_descriptors_is_told_and_passes(self):
        for is_warm in (False, True):
            for left in LEFT:
                with self.subTest(f"{'warm' if is_warm else 'cold'}, {left} left"):
                    self.assertEqual(server_faults.with_descriptors_left(PROGRAM, left, is_warm), "")
