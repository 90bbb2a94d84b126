"""What a browser makes of the service: of reports full of hostile names, of pages of other origins, and of DNS rebinding.

    python Benchmarks/browser_view.py PROGRAM [--screenshots FOLDER]

Needs Chromium (`apt-get install -y --no-install-recommends chromium`) and the PyPI packages numpy and onnx. Everything
listens on loopback; the names under `.example` are mapped there, and Chromium's own guard of local networks is off, so that
the service's guards are what is tried. Prints a line for each check and a table of all; any FAULT makes the exit status 1.
"""

import argparse
import base64
import contextlib
import http.server
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import unicodedata
from collections import namedtuple
from pathlib import Path

import numpy
import onnx

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "Tests" / "EndToEnd"))

from kill_server import npz, tiny_data, tiny_model
from server import Server

FEATURES, HIDDEN = 8, 16
# Scripts and refreshes have so long, behind the page's load, to do what they are after.
SETTLING_SECONDS = 1
REBOUND = "rebind.example"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program", type=lambda path: Path(path).resolve())
    parser.add_argument("--screenshots", type=Path, metavar="FOLDER", help="where pictures of the reports are to be written")
    options = parser.parse_args()
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)
    checks = Checks()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="layercollapse-", ignore_cleanup_errors=True)))
        server = stack.enter_context(contextlib.closing(Server(folder / "data", options.program))).start()
        browser = stack.enter_context(contextlib.closing(Browser(folder / "profile")))
        site = stack.enter_context(contextlib.closing(Site()))
        control(checks, browser, site)
        views(checks, browser, options.program, folder, options.screenshots)
        job = reports(checks, browser, site, server, folder, options.screenshots)
        victim = Victim(server, job, endless_job(server, job["metadata"]))
        other_origins(checks, browser, site, victim)
        rebinding(checks, browser, victim)
        control_of_attack(checks, browser, victim)
    print("", *checks.table(), sep="\n")
    return 1 if checks.faults else 0


class Checks:
    """What was found, each as a line when it is known."""

    def __init__(self):
        self.rows, self.faults = [], 0

    def __call__(self, part, what, faults, note=""):
        """`faults`: texts that say what is wrong; none is ok."""
        faults = [shown(fault) for fault in faults]
        self.faults += bool(faults)
        detail = "; ".join(faults[:3]) + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")
        self.rows.append((part, what, "FAULT" if faults else "ok", detail or note))
        print(f"{self.rows[-1][2]:5}  {part}: {what}{' - ' * bool(detail or note)}{detail or note}", flush=True)

    def table(self):
        yield "| Where | What holds | | |"
        yield "|---|---|---|---|"
        for row in self.rows:
            yield "| " + " | ".join(re.sub(r"([\\`*_<>|])", r"\\\1", cell) for cell in row) + " |"


def shown(text, length=100):
    """The text on one line, without what would steer a terminal."""
    text = "".join(letter if letter.isprintable() else f"\\u{{{ord(letter):X}}}" for letter in text)
    return text if len(text) <= length else text[:length] + "..."


# The browser

Exchange = namedtuple("Exchange", "method url status failure")


class Browser:
    """Headless Chromium, told what to do by DevTools messages over two pipes; it listens nowhere."""

    def __init__(self, profile):
        commands, self.commands = os.pipe()
        self.messages, messages = os.pipe()
        self.process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" 3<&{commands} 4>&{messages}', "sh", "chromium", "--headless", "--no-sandbox",
             "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
             "--host-resolver-rules=MAP *.example 127.0.0.1", "--remote-debugging-pipe", f"--user-data-dir={profile}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(commands, messages))
        os.close(commands)
        os.close(messages)
        self.numbers = itertools.count(1)
        self.answers, self.events = {}, []
        # By the address of a request, the page that is served in the network's place.
        self.documents = {}
        self.changed = threading.Condition()
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def call(self, method, session=None, **parameters):
        number = self.tell(method, session, **parameters)
        with self.changed:
            if not self.changed.wait_for(lambda: number in self.answers, timeout=90):
                raise AssertionError(f"Chromium did not answer {method} within 90 s")
            answer = self.answers.pop(number)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def tell(self, method, session=None, **parameters):
        """Sends a message without waiting for its answer."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        with self.changed:
            os.write(self.commands, json.dumps(message).encode() + b"\0")
        return number

    def _listen(self):
        with open(self.messages, "rb", buffering=0) as messages:
            rest = b""
            while chunk := messages.read(1 << 16):
                *whole, rest = (rest + chunk).split(b"\0")
                for message in map(json.loads, whole):
                    with self.changed:
                        if "id" in message:
                            self.answers[message["id"]] = message
                        else:
                            self.events.append(message)
                        self.changed.notify_all()
                    self._react(message)

    def _react(self, message):
        """Does what cannot wait until somebody looks at the events."""
        parameters, session = message.get("params"), message.get("sessionId")
        match message.get("method"):
            case "Target.attachedToTarget":
                self.observe(parameters["sessionId"])
            case "Page.javascriptDialogOpening":
                self.tell("Page.handleJavaScriptDialog", session, accept=True)
            case "Fetch.requestPaused":
                self.tell(
                    "Fetch.fulfillRequest", session, requestId=parameters["requestId"], responseCode=200,
                    responseHeaders=[{"name": "Content-Type", "value": "text/html; charset=utf-8"}],
                    body=base64.b64encode(self.documents[parameters["request"]["url"]].encode()).decode())

    def observe(self, session):
        """Has a page, or a frame with a process of its own, tell what it does before it does anything."""
        for domain in ["Page", "Network", "Runtime", "Debugger", "Log"]:
            self.tell(f"{domain}.enable", session)
        self.tell("Target.setAutoAttach", session, autoAttach=True, waitForDebuggerOnStart=True, flatten=True)
        self.tell("Runtime.runIfWaitingForDebugger", session)

    def close(self):
        with contextlib.suppress(OSError):
            self.tell("Browser.close")
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=20)
        self.listener.join(timeout=20)
        os.close(self.commands)


class Page:
    """One address, opened in a profile of its own, and everything that happened then. One page is open at a time."""

    def __init__(self, browser, url, document=None, look=None):
        """`document`: HTML that is served at the address without the network; `look`: width, colour scheme and medium."""
        self.browser, self.url = browser, url
        self.context = browser.call("Target.createBrowserContext")["browserContextId"]
        self.target = browser.call("Target.createTarget", url="about:blank", browserContextId=self.context)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        # Answered when the page has been told what to tell.
        browser.call("Runtime.evaluate", self.session, expression="0")
        if look:
            browser.call(
                "Emulation.setDeviceMetricsOverride", self.session, width=look.width, height=900, deviceScaleFactor=1,
                mobile=False)
            browser.call(
                "Emulation.setEmulatedMedia", self.session, media=look.medium,
                features=[{"name": "prefers-color-scheme", "value": look.scheme}])
        self.start = len(browser.events)
        if document is not None:
            browser.documents[url] = document
            browser.call("Fetch.enable", self.session, patterns=[{"urlPattern": url}])
        browser.call("Page.navigate", self.session, url=url)
        with browser.changed:
            browser.changed.wait_for(lambda: self.happened("Page.loadEventFired"), timeout=20)
        time.sleep(SETTLING_SECONDS)
        # What is evaluated later is not the page's own.
        self.scripts = self.happened("Debugger.scriptParsed")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)

    def happened(self, *methods):
        """The events of the names, of the page and its frames."""
        return [event["params"] for event in self.browser.events[self.start:] if event["method"] in methods]

    def evaluate(self, expression):
        """The value of an expression in the page; a promise is awaited."""
        answer = self.browser.call(
            "Runtime.evaluate", self.session, expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{self.url}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def exchanges(self):
        """Every request that the page or its frames made, with the status that came back."""
        with self.browser.changed:
            self.browser.changed.wait_for(lambda: all(one.status or one.failure for one in self._exchanges()), timeout=5)
        return self._exchanges()

    def _exchanges(self):
        status, failure = {}, {}
        for event in self.happened("Network.responseReceived"):
            status[event["requestId"]] = event["response"]["status"]
        for event in self.happened("Network.responseReceivedExtraInfo"):
            status[event["requestId"]] = event["statusCode"]
        for event in self.happened("Network.loadingFailed"):
            failure[event["requestId"]] = event.get("blockedReason") or event["errorText"]
        return [
            Exchange(event["request"]["method"], event["request"]["url"], status.get(event["requestId"]),
                     failure.get(event["requestId"]))
            for event in self.happened("Network.requestWillBeSent")]

    def doings(self):
        """What the page did although it is only to be read: scripts, dialogs, messages, titles."""
        for script in self.scripts:
            yield f"a script ran (line {script['startLine'] + 1})"
        for dialog in self.happened("Page.javascriptDialogOpening"):
            yield f"a dialog said {dialog['message']}"
        for message in self.happened("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
            yield f"a script spoke or failed: {message.get('type', 'exception')}"
        for message in self.happened("Log.entryAdded"):
            if "Content Security Policy" not in message["entry"]["text"] and "sandbox" not in message["entry"]["text"]:
                yield f"the console said {message['entry']['text']}"
        if self.evaluate("document.title") == "pwned":
            yield "a script set the title"

    def requests_elsewhere(self):
        """What was asked of anything but the page's own address, also what the browser refused to send."""
        for one in self.exchanges():
            if one.url != self.url and not one.url.startswith("data:"):
                yield f"{one.method} {one.url} ({one.failure or one.status})"

    def screenshot(self, path):
        size = self.browser.call("Page.getLayoutMetrics", self.session)["cssContentSize"]
        image = self.browser.call(
            "Page.captureScreenshot", self.session, captureBeyondViewport=True, clip=size | {"scale": 1})["data"]
        path.write_bytes(base64.b64decode(image))


class Site:
    """A web server of somebody else: it serves the pages that it is given, and remembers what else was asked of it."""

    def __init__(self):
        self.pages, self.asked = {}, []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page = site.pages.get(self.path)
                if page is None:
                    site.asked.append(f"{self.command} {self.path}")
                body = (page or "").encode()
                self.send_response(404 if page is None else 200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take_asked(self):
        """The requests for no page of the site since the last call, without those that browsers make by themselves."""
        asked, self.asked = self.asked, []
        return [request for request in asked if "favicon" not in request]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def control(checks, browser, site):
    """A page that does everything that a report must not: a check that cannot see it proves nothing."""
    site.pages["/control"] = f"<!DOCTYPE html><title>control</title><img src=x onerror='{payload(site, 'control')}'>"
    with Page(browser, f"http://127.0.0.1:{site.port}/control") as page:
        seen = {
            "script": list(page.doings()), "dialog": page.happened("Page.javascriptDialogOpening"),
            "request": list(page.requests_elsewhere()), "title": page.evaluate("document.title") == "pwned",
            "request at the canary": "GET /control-canary" in site.take_asked()}
    checks("control", "a page with scripts is seen through", [f"no {what} seen" for what in seen if not seen[what]])


# V. How a report looks

Look = namedtuple("Look", "width scheme medium", defaults=["screen"])
LOOKS = [Look(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")] + [Look(800, "dark", "print")]


def views(checks, browser, program, folder, screenshots):
    """Looks at the report of a front on a desk and on a phone, by day and by night, and as it is printed."""
    root, report = Path(__file__).resolve().parents[1], folder / "report.html"
    subprocess.run(
        [program, "compress", root / "Tests" / "EndToEnd" / "fixtures" / "digits-mlp.onnx", "--data",
         root / "Examples" / "digits" / "digits16.npz", "--max-disagreement", "0.1", "--finetune", "none", "--replacements",
         "affine", "--replacements", "width", "-o", folder / "small.onnx", "--report", report, "--quiet"],
        check=True, stdout=subprocess.DEVNULL)
    for look in LOOKS:
        view(checks, browser, report.as_uri(), look, screenshots)


def view(checks, browser, url, look, screenshots):
    part = f"V {look.width} {look.scheme} {look.medium}"
    with Page(browser, url, look=look) as page:
        checks(part, "no script runs, and the console is silent", list(page.doings()))
        checks(part, "no request but for the page", list(page.requests_elsewhere()))
        wide = page.evaluate("document.documentElement.scrollWidth")
        checks(part, "the page itself does not scroll sideways", [f"{wide} pixels"] if wide > look.width else [])
        small = page.evaluate("""Array.from(document.querySelectorAll('svg text'), text =>
            parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().d || 99).reduce((a, b) => Math.min(a, b), 99)""")
        checks(part, "letters of drawings have nine pixels", [f"{small:.1f}"] if small < 9 else [], f"{small:.1f}")
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        is_dark = sum(map(int, re.findall(r"\d+", paper)[:3])) < 3 * 128
        wanted = look.scheme == "dark" and look.medium == "screen"
        checks(part, "the colours are those that are asked for", [paper] if is_dark != wanted else [])
        if screenshots:
            page.screenshot(screenshots / f"report-{look.width}-{look.scheme}-{look.medium}.png")


# A. Reports

def payload(site, name):
    """JavaScript without slash, backslash, blank, comma, apostrophe or bracket, which names of modules cannot have."""
    address = f"http:%2f%2f127.0.0.1:{site.port}%2f{name}-canary"
    return f'document.title="pwned";fetch(unescape("{address}"));alert("{name}")'


class HostileNames:
    """Names that are markup to whoever writes them into a page as they are."""

    # Swift joins these with the letter behind them into one Character, which hides a `<` from comparisons.
    PREPENDS = ["\u0600", "\U000110BD"]

    def __init__(self, site):
        def markup(name, text):
            return text.replace("CODE", payload(site, name)).replace("SITE", f"http://127.0.0.1:{site.port}/{name}-canary")

        arabic, kaithi = self.PREPENDS
        # Module paths as the TorchScript exporter writes them into the names of nodes: no slash.
        self.in_node_names = [
            markup("image", "<img src=x onerror='CODE'>"),
            markup("hidden-image", f"{arabic}<img src=x onerror='CODE'>"),
            markup("escaped", f"\\<img src=x onerror='CODE'> \\\\{kaithi}<svg onload='CODE'>"),
            f"{arabic}[link](javascript:alert(1)) {kaithi}[{kaithi}]({kaithi}<javascript:alert(2)>)",
            "right\u202eleft \u2066isolated \"quoted\" 'so' &lt;b&gt; &amp; | ` * _ \u2028new\n\n<div>line\x07",
        ]
        # And as the dynamo exporter writes them into the metadata: no blank, comma, apostrophe or bracket.
        self.in_metadata = [
            markup("script", "</title></td></table><script>CODE</script>"),
            markup("hidden-script", f"{arabic}</title>{arabic}<script>CODE//{arabic}</script>"),
            markup("refresh", f'{kaithi}<meta/http-equiv="refresh"/content="0;url=SITE">'),
            markup("style", f'{arabic}<link/rel="stylesheet"/href="SITE">{arabic}<iframe/src="SITE">'),
        ]
        self.refused = markup("refused", f"{arabic}<details open ontoggle='CODE'>")
        self.initializer = markup("weight", f"{arabic}<img src=x onerror='CODE'>.weight")
        self.input = markup("input", f"{arabic}<img src=x onerror='CODE'>")
        self.output = markup("output", f"{arabic}<svg onload='CODE'>")
        self.glob = markup("glob", f"{arabic}<img src=x onerror='CODE'>*")
        self.label = markup("label", f"{arabic}<img src=x onerror='CODE'>")
        # Slash and backslash cut the names of files.
        self.file = markup("file", f"\u202e\"{arabic}<img src=x onerror='CODE'>&lt;&amp;\u2028.onnx")

    def tamed(self):
        """Without the characters that a service may refuse for themselves: controls, and marks of direction."""
        for name, value in vars(self).items():
            values = [value] if isinstance(value, str) else value
            values = ["".join(letter for letter in text if letter in self.PREPENDS or not unseen(letter)) for text in values]
            setattr(self, name, values[0] if isinstance(value, str) else values)
        return self

    @property
    def layers(self):
        return [*self.in_node_names, *self.in_metadata, self.refused]


def unseen(letter):
    return unicodedata.category(letter)[0] == "C" or letter in "\u2028\u2029"


def read_aloud(text):
    """What is left of a text for whoever reads it: no controls or codes for them, no blanks."""
    text = re.sub(r"\\u\{[0-9A-Fa-f]+\}", "", text)
    return "".join(letter for letter in text if not unseen(letter) and not letter.isspace())


def hostile_model(names):
    """A residual block of Linear-ReLU-Linear for each name, as exporters spell them, and one that is no candidate."""
    generator = numpy.random.default_rng(0)
    nodes, tensors = [], []

    def linear(path, wire, inputs, outputs, scopes=None):
        number = len(tensors)
        weight, bias, result = f"{names.initializer}.{number}", f"{names.initializer}.{number}.bias", f"wire{number}"
        values = generator.standard_normal((outputs, inputs)) / (8 * inputs**0.5)
        tensors.append(onnx.numpy_helper.from_array(values.astype(numpy.float32), weight))
        tensors.append(onnx.numpy_helper.from_array(numpy.zeros(outputs, numpy.float32), bias))
        name = f"node{number}" if scopes else f"/{path}/Gemm"
        nodes.append(onnx.helper.make_node("Gemm", [wire, weight, bias], [result], name, transB=1))
        if scopes:
            nodes[-1].metadata_props.add(key="pkg.torch.onnx.name_scopes", value=f"['', '{path}', 'linear']")
        return result

    def then(operator, inputs, result):
        nodes.append(onnx.helper.make_node(operator, inputs, [result], f"{operator} of {result}"))
        return result

    wire = names.input
    blocks = [(name, False) for name in names.in_node_names] + [(name, True) for name in names.in_metadata]
    for index, (name, scopes) in enumerate(blocks):
        hidden = then("Relu", [linear(name, wire, FEATURES, HIDDEN, scopes)], f"hidden{index}")
        wire = then("Add", [wire, linear(f"second{index}", hidden, HIDDEN, FEATURES)], f"block{index}")
    # Somebody else reads what stands between the layers.
    hidden = linear(names.refused, wire, FEATURES, FEATURES)
    last = linear("last", then("Relu", [hidden], "activated"), FEATURES, FEATURES)
    then("Add", [hidden, last], names.output)
    ends = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", FEATURES])
        for name in (names.input, names.output)]
    graph = onnx.helper.make_graph(nodes, "hostile", ends[:1], ends[1:], tensors)
    opsets = [onnx.helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()


def hostile_data():
    return npz(x=numpy.random.default_rng(1).standard_normal((1000, FEATURES)).astype(numpy.float32))


def hostile_job(server, names, method):
    """Posts the network, and follows the job; the second value says why there is none."""
    options = {
        "method": method, "finetune": "none", "include": ["*", names.glob], "inputs": {names.input: "x"},
        "outputs": [names.output], "metadata": {names.label[:64]: names.label[:512], "token": os.urandom(8).hex()}}
    options |= {"max_disagreement": 1} if method == "ridge" else {"threshold": 2}
    file_name = names.file.replace('"', '\\"')
    answer = server.post("/v1/jobs", [
        ("model", file_name, hostile_model(names)), ("data", "data.npz", hostile_data()), ("config", json.dumps(options))])
    if answer.status == 422:
        return None, f"422: {answer.json()['detail']}"
    if answer.status != 202:
        raise AssertionError(f"the job was answered with {answer.status}: {answer.body[:500]!r}")
    job = server.wait(answer.json()["id"])
    return (job, None) if job["status"] == "succeeded" else (None, f"the job ended as {job['status']}: {job['error']}")


def reports(checks, browser, site, server, folder, screenshots):
    """Looks at the reports of jobs of hostile names; returns one of the jobs."""
    for method in ["ridge", "merge"]:
        names = HostileNames(site)
        job, reason = hostile_job(server, names, method)
        if job is None:
            print(f"note: not all names are taken ({shown(reason)}); these are without controls", flush=True)
            names = names.tamed()
            job, reason = hostile_job(server, names, method)
        checks(f"A {method}", "there is a report", [reason] if reason else [])
        if job is None:
            raise SystemExit("there is no report to look at")
        address = f"/v1/jobs/{job['id']}/report"
        answer = server.request("GET", f"{address}.html")
        checks(f"A {method}", "the page comes with a policy against scripts", weaknesses(answer.headers))
        saved = folder / f"{method}.html"
        saved.write_bytes(answer.body)
        picture = screenshots / f"hostile-{method}.png" if screenshots else None
        served = f"http://127.0.0.1:{server.port}{address}.html"
        report_page(checks, f"A {method}, served", browser, site, served, names, picture)
        report_page(checks, f"A {method}, saved", browser, site, saved.as_uri(), names)
        text = server.request("GET", f"{address}.md").body.decode()
        checks(f"A {method}", "report.md has no unescaped < or [", list(raw_markup(text)))
    return job


def report_page(checks, part, browser, site, url, names, picture=None):
    site.take_asked()
    with Page(browser, url) as page:
        checks(part, "no script runs", list(page.doings()))
        left = list(page.requests_elsewhere()) + [f"the canary got {request}" for request in site.take_asked()]
        checks(part, "no request but for the page", left)
        text = page.evaluate("document.documentElement.innerText")
        rows = page.evaluate("Array.from(document.querySelectorAll('tr > :first-child'), cell => cell.innerText)")
        read = {read_aloud(row) for row in rows}
        missing = [f"no {name}" for name in names.layers if read_aloud(name) not in read]
        checks(part, "every layer has its row and its name", missing)
        turning = sorted(set(text + page.evaluate("document.title")) & set("\u202a\u202b\u202c\u202d\u202e"))
        checks(part, "nothing turns the reading direction", [f"U+{ord(letter):04X} in the text" for letter in turning])
        if picture:
            page.screenshot(picture)


def weaknesses(headers):
    """What the policy of a page of the service lacks."""
    policy = headers.get("Content-Security-Policy") or ""
    directives = {name: value for name, _, value in (part.strip().partition(" ") for part in policy.split(";"))}
    if directives.get("default-src") != "'none'":
        yield f"no default-src 'none' in Content-Security-Policy: {policy or 'none'}"
    if "sandbox" not in directives or "allow-scripts" in directives["sandbox"]:
        yield "no sandbox without scripts in Content-Security-Policy"
    if any("unsafe-inline" in value for name, value in directives.items() if name.startswith("script-src")):
        yield "inline scripts are allowed"
    if headers.get("X-Content-Type-Options") != "nosniff":
        yield "no X-Content-Type-Options: nosniff"


def raw_markup(text):
    """Every `<` or `[` that a renderer of Markdown would take for one: after an even number of backslashes."""
    for found in re.finditer(r"(\\*)[<\[]", text):
        if len(found[1]) % 2 == 0:
            yield f"... {text[max(0, found.start() - 20):found.end() + 20]} ..."


# B and C. Pages that attack

class Victim:
    """The service, two of its jobs, and what must stay as it is."""

    def __init__(self, server, job, running):
        self.server, self.job, self.running = server, job, running
        self.token = job["metadata"]["token"]

    def state(self):
        """Every job with what was asked of it, every file."""
        jobs = self.server.request("GET", "/v1/jobs?limit=100").json()["data"]
        files = self.server.request("GET", "/v1/files").json()["data"]
        return {job["id"]: (job["status"], job["cancel_requested"]) for job in jobs} | {file["id"]: () for file in files}

    def changes(self, before):
        after = self.state()
        for name in before | after:
            if before.get(name) != after.get(name):
                yield f"{name}: {before.get(name, 'nothing')} became {after.get(name, 'nothing')}"

    def attack(self, base):
        """A page that tries everything against the service at the address; `results` becomes what it got."""
        order = {
            "base": base, "job": self.job["id"], "running": self.running["id"], "file": self.job["model"],
            "model": base64.b64encode(tiny_model()).decode()}
        return ATTACK.replace("ORDER", json.dumps(order))


# What each attempt read is kept, "" when it read nothing; its name is in the query.
ATTACK = """<!DOCTYPE html><meta charset="utf-8"><title>attack</title><body><script>
const {base, job, running, file, model} = ORDER;
const bytes = Uint8Array.from(atob(model), letter => letter.charCodeAt(0));
const order = JSON.stringify({model: file, method: "merge", threshold: 2});
const found = {};

const within = promise => Promise.race([promise, new Promise(done => setTimeout(done, 5000))]);
const at = (name, path) => `${base}${path}?attempt=${name}`;

function form() {
  const form = new FormData();
  form.append("model", new File([bytes], "attack.onnx"));
  form.append("method", "merge");
  return form;
}

function upload() {
  const form = new FormData();
  form.append("purpose", "model");
  form.append("file", new File([bytes], "attack.onnx"));
  return form;
}

async function ask(name, path, options) {
  found[name] = "";
  try {
    const answer = await fetch(at(name, path), options);
    const text = await answer.text();
    if (answer.status || text) found[name] = `${answer.status} ${text}`;
  } catch { }
}

function embed(name, tag, attribute, path) {
  return new Promise(done => {
    const element = document.createElement(tag);
    element.onload = element.onerror = () => { found[name] = content(element); done(); };
    element.rel = "stylesheet";
    element[attribute] = at(name, path);
    document.body.append(element);
  });
}

function content(element) {
  if (element.naturalWidth) return "an image";
  try { return element.contentDocument?.documentElement.textContent ?? ""; } catch { return ""; }
}

function submit(name, path, encoding, fields) {
  return new Promise(done => {
    const frame = document.createElement("iframe");
    frame.name = name;
    document.body.append(frame);
    const form = document.createElement("form");
    Object.assign(form, {method: "post", action: at(name, path), enctype: encoding, target: name});
    for (const [field, value] of Object.entries(fields)) {
      const input = document.createElement("input");
      input.name = field;
      if (value instanceof File) {
        const files = new DataTransfer();
        files.items.add(value);
        input.type = "file";
        input.files = files.files;
      } else {
        input.value = value;
      }
      form.append(input);
    }
    document.body.append(form);
    frame.onload = () => { found[name] = content(frame); done(); };
    form.submit();
  });
}

function listen(name, path) {
  return new Promise(done => {
    const source = new EventSource(at(name, path));
    source.onopen = () => { found[name] = "a stream"; source.close(); done(); };
    source.onerror = () => { found[name] = ""; source.close(); done(); };
  });
}

async function attack() {
  for (const mode of ["cors", "no-cors"]) {
    for (const [name, path] of Object.entries({
      index: "/", jobs: "/v1/jobs", job: `/v1/jobs/${job}`, report: `/v1/jobs/${job}/report.html`,
      model: `/v1/jobs/${job}/model`, files: "/v1/files"
    })) await within(ask(`get-${name}-${mode}`, path, {mode}));
  }
  await within(embed("iframe", "iframe", "src", `/v1/jobs/${job}/report.html`));
  await within(embed("script", "script", "src", "/v1/jobs"));
  await within(embed("img", "img", "src", "/v1/jobs"));
  await within(embed("link", "link", "href", "/v1/jobs"));
  await within(embed("object", "object", "data", `/v1/jobs/${job}`));
  await within(listen("events", `/v1/jobs/${running}/watch`));

  await within(submit("post-form-multipart", "/v1/jobs", "multipart/form-data",
    {model: new File([bytes], "attack.onnx"), method: "merge"}));
  await within(submit("post-form-text", "/v1/jobs", "text/plain", {[order.slice(0, -1) + ',"metadata":{"form":"']: '"}}'}));
  await within(submit("post-form-urlencoded", "/v1/jobs", "application/x-www-form-urlencoded", {model: file}));
  await within(submit("post-form-duplicate", `/v1/jobs/${job}/duplicate`, "text/plain", {}));
  const post = (name, path, body) => within(ask(`post-${name}`, path, {method: "POST", mode: "no-cors", body}));
  await post("multipart", "/v1/jobs", form());
  await post("text", "/v1/jobs", order);
  await post("bytes", "/v1/jobs", new Blob([order]));
  await post("upload", "/v1/files", upload());
  await post("plan", "/v1/plan", form());
  await post("duplicate", `/v1/jobs/${job}/duplicate`);
  await post("openai", `/v1/fine_tuning/jobs/${running}/cancel`);
  await post("cancel", `/v1/jobs/${running}/cancel`);
  navigator.sendBeacon(at("post-beacon", "/v1/jobs"), form());
  const change = (name, method, path, body, headers) => within(ask(name, path, {method, body, headers}));
  await change("json", "POST", "/v1/jobs", order, {"Content-Type": "application/json"});
  await change("put-job", "PUT", "/v1/jobs/attack", form());
  await change("put-file", "PUT", "/v1/files/attack", upload());
  await change("delete-file", "DELETE", `/v1/files/${file}`);
  await change("delete-job", "DELETE", `/v1/jobs/${job}`);
  return found;
}
const results = new Promise(done => { onload = () => setTimeout(() => done(attack())); });
</script>"""
# A browser sends these without asking the service first; the others only when it allows them.
POSTS = {"post-" + name for name in re.findall(r'(?:"post-|await post\(")([a-z-]+)"', ATTACK)}


def endless_job(server, metadata):
    """A job that runs until it is stopped."""
    config = {"method": "ridge", "steps": 10**8, "threads": 1, "max_disagreement": 1, "metadata": metadata}
    parts = [("model", "tiny.onnx", tiny_model()), ("data", "tiny.npz", tiny_data()), ("config", json.dumps(config))]
    answer = server.post("/v1/jobs", parts)
    assert answer.status == 202, answer.body
    return server.wait(answer.json()["id"], until=lambda job: job["status"] not in ("validating_files", "queued"))


def attempts(exchanges):
    """Name of an attempt -> what the service was asked for it."""
    named = {}
    for one in exchanges:
        if name := re.search(r"\?attempt=([a-z-]+)", one.url):
            named.setdefault(name[1], []).append(one)
    return named


def not_answered(status, exchanges):
    for one in exchanges:
        if one.status != status:
            yield f"{one.method} {one.url.partition('=')[2] or one.url}: {one.status or one.failure}"


def other_origins(checks, browser, site, victim):
    """Has pages that the service did not write try whatever a page can try."""
    for host in ["127.0.0.1", "localhost", "evil.example"]:
        part, before = f"B http://{host}", victim.state()
        site.pages["/attack"] = victim.attack(f"http://127.0.0.1:{victim.server.port}")
        with Page(browser, f"http://{host}:{site.port}/attack") as page:
            found, asked = page.evaluate("results"), attempts(page.exchanges())
        read = [f"{name} read {text}" for name, text in found.items() if text]
        checks(part, "the page read nothing", read, f"{len(found)} attempts")
        posts = [one for name in POSTS for one in asked.get(name, [])]
        faults = [f"{name} was not sent" for name in POSTS - asked.keys()] + list(not_answered(403, posts))
        checks(part, "every POST was answered 403", faults, f"{len(posts)} requests")
        checks(part, "nothing was created, cancelled or deleted", list(victim.changes(before)))
    older_browsers(checks, site, victim)


def older_browsers(checks, site, victim):
    """Sends what a browser sends that does not say whether the site is the same: the page's origin alone."""
    before, faults = victim.state(), []
    path, port = f"/v1/jobs/{victim.job['id']}/duplicate", victim.server.port
    for origin in ["http://evil.example", "null", f"http://127.0.0.1:{site.port}"]:
        status = victim.server.request("POST", path, headers={"Origin": origin}).status
        faults += [f"{origin}: {status}"] if status != 403 else []
    checks("B by Origin alone", "every POST was answered 403", faults)
    checks("B by Origin alone", "nothing was created, cancelled or deleted", list(victim.changes(before)))


def rebinding(checks, browser, victim):
    """Has a page try the same whose own name has come to mean the service's address."""
    port, before = victim.server.port, victim.state()
    kept = [fault for host in ("127.0.0.1", "localhost") for fault in opened(browser, f"http://{host}:{port}/v1/jobs", 200)]
    checks("C", "the names of this machine are answered", kept)
    for host in [REBOUND, f"127.0.0.1.{REBOUND}", f"localhost.{REBOUND}"]:
        urls = [f"http://{host}:{port}{path}" for path in ("/", "/v1/jobs", f"/v1/jobs/{victim.job['id']}/report.html")]
        faults = [fault for url in urls for fault in opened(browser, url, 421, victim.token)]
        checks(f"C http://{host}", "opened by itself, answered 421", faults)
    part = f"C http://{REBOUND}"
    found, asked = attacked_from_inside(browser, victim, REBOUND)
    requests = [one for exchanges in asked.values() for one in exchanges]
    faults = [f"{name} was not sent" for name in (found.keys() | POSTS) - asked.keys()] + list(not_answered(421, requests))
    checks(part, "every request was answered 421", faults, f"{len(requests)} requests")
    read = [f"{name} read {text}" for name, text in found.items() if victim.token in text or text.startswith("20")]
    checks(part, "the page read nothing of a job", read, f"{len(found)} attempts")
    checks(part, "nothing was created, cancelled or deleted", list(victim.changes(before)))


def attacked_from_inside(browser, victim, host):
    """Runs the attack in a page at the service's own port, under a name of it: what it read, what was asked."""
    with Page(browser, f"http://{host}:{victim.server.port}/evil.html", victim.attack("")) as page:
        return page.evaluate("results"), attempts(page.exchanges())


def control_of_attack(checks, browser, victim):
    """The same page at the service's own address, where it may: an attack that fails there too proves nothing elsewhere."""
    before = victim.state()
    if not before.keys() >= {victim.job["id"], victim.running["id"]}:
        return print("note: the attack has worked already; it needs no control", flush=True)
    found, _ = attacked_from_inside(browser, victim, "127.0.0.1")
    read, changed = sum(victim.token in text for text in found.values()), len(list(victim.changes(before)))
    figures = f"{read} attempts read a job, {changed} things changed"
    checks("control", "the attack works at the service's own address", [] if read and changed else [figures], figures)


def opened(browser, url, status, secret=None):
    """What is wrong with the answer to an address that somebody typed or was led to."""
    with Page(browser, url) as page:
        answers = [one for one in page.exchanges() if one.url == url]
        text = page.evaluate("document.documentElement.textContent")
    if not answers:
        yield f"{url} was not asked for"
    yield from (f"{one.url}: {one.status or one.failure}" for one in answers if one.status != status)
    if secret and secret in text:
        yield f"{url} shows a job"


if __name__ == "__main__":
    sys.exit(main())
