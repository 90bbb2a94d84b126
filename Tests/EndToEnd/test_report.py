"""The report of a compression as a file that somebody keeps: well formed, needing nothing else, and deaf to hostile names."""

import html.parser
import re
import shlex
import shutil
import subprocess

import onnx

from program import DATA, MODELS, PROGRAM, Case, read_json, run

HOSTILE = "<img src=x onerror=alert(1)>"
# Bash reads this as an option of its own, HTML as a tag and Markdown as a link.
FILE = f"{HOSTILE} [a](http:b) 'c' \"d\" $(e) `f`.onnx"


class Reader(html.parser.HTMLParser):
    """Reads a page strictly: every element is closed in its turn."""

    VOID = {"meta"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts, self.faults = [], set(), [], [], []
        self.feed(text)
        self.close()
        self.faults += [f"{tag} is not closed" for tag in self.open]

    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attributes]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()} closes nothing")

    def handle_data(self, text):
        self.texts.append((self.open[-1] if self.open else "", text))


class HostileReport(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        model = onnx.load(MODELS["digits-mlp"])
        for node in model.graph.node:
            node.name = re.sub(r"/([^/]+)/(\w+)$", lambda found: f"/{found[1]}{HOSTILE}/{found[2]}", node.name)
        cls.model = cls.folder / FILE
        onnx.save(model, cls.model)
        reports = [cls.folder / f"report.{ending}" for ending in ("json", "html", "md")]
        cls.compress("--finetune", "none", "--replacements", "affine", "--replacements", "width", reports=reports)
        cls.report = read_json(reports[0])
        cls.page, cls.card = (path.read_text(encoding="utf-8") for path in reports[1:])
        cls.reader = Reader(cls.page)

    @classmethod
    def compress(cls, *options, reports):
        run(
            "compress", cls.model, "--data", DATA, "--max-disagreement", 0.3, "--calibration-samples", 500, "--exclude",
            f"{HOSTILE}*", *options, "-o", cls.folder / "small.onnx", "--quiet",
            *[word for path in reports for word in ("--report", path)],
        )

    def test_the_page_is_well_formed(self):
        self.assertEqual(self.reader.faults, [])
        self.assertLessEqual(
            self.reader.tags,
            set("b body circle dd div dl dt figcaption figure h1 h2 head html li line main meta p polyline pre rect section "
                "style svg table tbody td text th thead title tr ul".split()))

    def test_nothing_leaves_the_file(self):
        names = {name for _, name, _ in self.reader.attributes}
        self.assertEqual(names & {"src", "href", "srcset", "style", "action", "data", "xmlns"}, set())
        self.assertEqual([name for name in names if name.startswith("on") or ":" in name], [])
        for element, text in self.reader.texts:
            self.assertFalse(element == "style" and re.search(r"url\(|@import|http", text), text)
        policy = [value for tag, _, value in self.reader.attributes if tag == "meta" and "default-src" in value]
        self.assertEqual(len(policy), 1)
        self.assertIn("default-src 'none'", policy[0])

    def test_every_name_is_shown_as_text(self):
        cells = {text for element, text in self.reader.texts if element == "td"}
        layers = self.report["result"]["layers"]
        self.assertTrue(all(HOSTILE in layer["name"] for layer in layers))
        for layer in layers + self.report["result"]["not_collapsible"]:
            self.assertIn(layer["name"], cells)
        self.assertIn(f"{FILE}, compressed", {text for element, text in self.reader.texts if element == "h1"})
        self.assertEqual(re.findall(r"(?<!\\)(?:\\\\)*[<\[]", self.card), [])

    def test_the_front_is_told_in_all_three_forms(self):
        points = self.report["result"]["pareto"]
        chosen = [point for point in points if point["chosen"]]
        self.assertEqual(len(chosen), 1)
        self.assertEqual(len(chosen[0]["plan"]), chosen[0]["layers"])
        for point in points:
            self.assertLessEqual(point["disagreement"], point["disagreement_upper95"])
            self.assertIn(f"| {point['parameters']:,} |", self.card)
        circles = [value for tag, name, value in self.reader.attributes if tag == "circle" and name == "class"]
        self.assertEqual(circles.count("chosen"), 1)
        # A head that becomes one layer is more than its sites, whose damages are added up.
        predicted = [point for point in points if point["predicted_damage"] is not None]
        self.assertGreaterEqual(len(circles), len(points) + len(predicted))
        self.assertGreaterEqual(len(predicted), len(points) - 1)
        ratios = [point["predicted_damage"] / point["damage"] for point in predicted]
        worst = max(ratios, key=lambda ratio: max(ratio, 1 / ratio))
        self.assertAlmostEqual(self.report["result"]["prediction"]["worst_ratio"], worst)
        self.figure(f"{len(points)} points, predicted at {worst:.2f} of the measured damage at worst")

    def test_each_site_has_its_choice_and_what_others_do_alone(self):
        result = self.report["result"]
        plan = next(point["plan"] for point in result["pareto"] if point["chosen"])
        for layer in result["layers"]:
            self.assertEqual(layer["collapsed"] and not layer["kind"].endswith("(exact)"), layer["choice"] is not None)
            if layer["choice"]:
                self.assertEqual(plan[layer["name"]], layer["choice"]["words"])
                self.assertIn(layer["choice"], [
                    {name: value for name, value in choice.items() if name != "damage"} for choice in layer["alone"]])

    def test_the_course_of_the_training_is_kept(self):
        self.assertIsNone(self.report["training"])
        trained = self.folder / "trained.json"
        self.compress("--replacements", "affine", "--steps", 20, reports=[trained])
        training = read_json(trained)["training"]
        self.assertEqual(training["steps"], list(range(1, 21)))
        self.assertEqual(len(training["loss"]), 20)

    def test_the_command_compresses_again_to_the_same_bytes(self):
        command = self.report["commands"]["terminal"]
        self.assertTrue(all(f"{mark}" not in command for mark in "<>`"))
        again = self.folder / "again"
        again.mkdir()
        for path in (self.model, DATA):
            shutil.copy(path, again / path.name)
        program = f"layercollapse() {{ {shlex.quote(PROGRAM)} \"$@\" --quiet; }}; {command}"
        subprocess.run(["bash", "-c", program], cwd=again, env={"LC_ALL": "C.UTF-8"}, check=True, stdin=subprocess.DEVNULL)
        done = subprocess.run(["sha256sum", "small.onnx"], cwd=again, capture_output=True, text=True, check=True)
        self.assertEqual(f"sha256:{done.stdout.split()[0]}", self.report["result"]["digests"]["model"])
