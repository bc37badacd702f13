"""Opens report.html of a real run in a headless browser and checks it. Run by Scripts/check-report.

Exit status: 0 if all checks hold, 1 if not.
"""

import argparse
import html.parser
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
PLAN = """
name: {name}
target: ws://127.0.0.1:{port}/fault/late/expire?by=12ms&after=20&min=6s&max=90s
machines: 2
processes: 2
instances: 100
schedule: {{kind: randomized, interval: 250ms}}
duration: 14s
ramp: {{rate: 25/s}}
thresholds: [connections.succeeded >= 99 %, response.p99 < 50ms, errors.rate < 1/s]
"""
CHARTS = [
    "response-over-time", "throughput", "connections", "distribution", "heat", "generator-over-time", "utilisation",
]  # fmt: skip


class Finding(Exception):
    """A check that failed."""


class Page(html.parser.HTMLParser):
    """The texts of elements with `data-figure`, and how many lines each chart has."""

    def __init__(self, text):
        super().__init__()
        self.figures, self.lines, self.canvases = {}, {}, {}
        self.section, self.figure, self.drawn = None, None, False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "html":
            self.drawn = attributes.get("data-drawn") == "true"
        if tag == "section":
            self.section = attributes.get("id")
        if "data-figure" in attributes:
            self.figure = attributes["data-figure"]
            self.figures[self.figure] = ""
        if tag == "path" and attributes.get("d"):
            self.lines[self.section] = self.lines.get(self.section, 0) + 1
        if tag == "canvas":
            self.canvases[self.section] = True

    def handle_endtag(self, _):
        self.figure = None

    def handle_data(self, text):
        if self.figure:
            self.figures[self.figure] += text


def browse(page, *options):
    """Runs the browser on the page. Returns its output and what its console said."""
    with tempfile.TemporaryDirectory(prefix="wsperf-browser-") as profile:
        done = subprocess.run(
            [
                "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                "--disable-background-networking", "--disable-dev-shm-usage", f"--user-data-dir={profile}", "--enable-logging=stderr", "--v=0",
                "--virtual-time-budget=5000", *options, f"file://{page}",
            ],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    console = [line for line in done.stderr.split("\n") if ":CONSOLE" in line]
    return done.stdout, console


def requests(page, profile_log):
    """The addresses that the browser asked for while it showed the page, without its own."""
    browse(page, "--dump-dom", f"--log-net-log={profile_log}")
    with open(profile_log, errors="replace") as file:
        text = file.read()
    asked = set(re.findall(r'"url":"((?:https?|wss?|ftp):[^"]*)"', text))
    # What a browser looks up for itself when it starts.
    return {url for url in asked if not re.match(r"https?://[a-z0-9.-]*(google|googleapis|gvt1|gstatic)\.com", url)}


def number(text):
    return float(re.sub(r"[^0-9.]", "", text))


def check(directory, binaries, images):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    target = subprocess.Popen(
        [os.path.join(binaries, "wsperf-controller"), "target", "--port", str(port)], stdout=subprocess.PIPE
    )
    try:
        target.stdout.readline()
        plan = os.path.join(directory, "plan.yaml")
        # A name that would break a page that does not escape it.
        name = "checkout" if images else "'checkout <b>&\"x\"'"
        pathlib.Path(plan).write_text(PLAN.format(port=port, name=name))
        run = os.path.join(directory, "run")
        done = subprocess.run(
            [os.path.join(binaries, "wsperf-controller"), "run", plan, "--local", "--quiet", "--output", run],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
    finally:
        target.terminate()
        target.wait()
    page = os.path.join(run, "report.html")
    if not os.path.exists(page):
        raise Finding(f"no report: {done.returncode} {done.stderr}")
    summary = json.loads(pathlib.Path(run, "summary.json").read_text())

    text, console = browse(page, "--dump-dom")
    if console:
        raise Finding(f"the console says: {console}")
    asked = requests(page, os.path.join(directory, "net.json"))
    if asked:
        raise Finding(f"the page asked for {asked}")
    found = Page(text)
    if not found.drawn:
        raise Finding("the script did not reach its end")
    for chart in CHARTS:
        if not (found.lines.get(chart) or found.canvases.get(chart)):
            raise Finding(f"the chart {chart} is empty")
    response = summary["rtt_ms"]["response"]
    for name, value, tolerance in [
        ("response.p50", response["p50"], 0.01), ("response.p99", response["p99"], 0.01),
        ("response.p999", response["p999"], 0.01), ("messages.sent", summary["messages"]["sent"], 0),
        ("messages.sent_rate", summary["messages"]["sent_rate_per_s"], 0.01),
        *((f"outcomes.{key}", count, 0) for key, count in summary["connections"]["outcomes"].items()),
    ]:  # fmt: skip
        shown = number(found.figures[name])
        if abs(shown - value) > tolerance * value:
            raise Finding(f"{name} is {value} in summary.json and {shown} on the page")
    print(f"{len(found.figures)} figures and {len(CHARTS)} charts; {os.path.getsize(page) // 1000} kB")

    if images:
        folder = REPOSITORY / "Docs" / "images"
        folder.mkdir(exist_ok=True)
        shot(page, folder / "report.png", 1200, 1500)
        # For people who look at them: the other ways in which the page is shown.
        shot(page, os.path.join(directory, "narrow.png"), 400, 6000)
        shot(page, os.path.join(directory, "dark.png"), 1200, 2900, "--force-dark-mode", "--blink-settings=preferredColorScheme=0")
        browse(page, f"--print-to-pdf={os.path.join(directory, 'print.pdf')}", "--no-pdf-header-footer")
        print(f"images in {folder} and {directory}")


def shot(page, path, width, height, *options):
    browse(page, f"--window-size={width},{height}", f"--screenshot={path}", *options)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", required=True, type=os.path.abspath)
    parser.add_argument("--images", action="store_true", help="make the images in Docs/images")
    options = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="wsperf-report-")
    try:
        check(directory, options.binaries, options.images)
        return 0
    except Finding as finding:
        print(finding)
        return 1
    finally:
        if not options.images:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
