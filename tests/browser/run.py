#!/usr/bin/env python3
"""The console's page in a real browser, and its receiver with OpenTelemetry's own sender.

Starts the console that was built (.build/debug/console, or --bin), sends it traces, and looks at the page as a person does: with eyes,
keyboard and a screen reader's tree. One trace holds hostile texts; they must be shown, and none may run. Another is an order's of the
whole shop, which is started for it.

Leaves a picture of a trace in .build/browser/trace.png; --picture FILE puts it elsewhere, such as docs/images/trace.png.
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(Path(__file__).resolve().parent))

import chromium  # noqa: E402
import senders  # noqa: E402
from opentelemetry.exporter.otlp.proto.http import Compression  # noqa: E402
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest  # noqa: E402
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest  # noqa: E402
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse  # noqa: E402

OPTIONS = argparse.Namespace(bin=ROOT / ".build/debug", picture=ROOT / ".build/browser/trace.png")


class Console:
    """The console itself, on free ports."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="hello-dd-console-")
        self.port, self.receiver = free_ports(2)
        environment = {
            "PATH": os.environ["PATH"], "HTTP_PORT": str(self.port), "CONSOLE_OTLP_PORT": str(self.receiver), "LOG_LEVEL": "warning",
        }  # fmt: skip
        self.log = open(Path(self.folder) / "log", "w+b")
        self.process = subprocess.Popen(
            [OPTIONS.bin / "console"], env=environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )
        end = time.monotonic() + 60
        while True:
            try:
                if self.get("/health/ready")[0] == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                self.log.seek(0)
                raise RuntimeError(f"the console did not start: {self.log.read().decode(errors='replace')}")
            time.sleep(0.02)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.receiver}"

    def get(self, path):
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def json(self, path):
        status, body = self.get(path)
        assert status == 200, (path, status, body)
        return json.loads(body)

    def post(self, path, body):
        request = urllib.request.Request(f"{self.endpoint}{path}", data=body, headers={"Content-Type": "application/x-protobuf"})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        return code


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Shop:
    """The whole shop with its console, on free ports, as `hello-dd up` starts it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="hello-dd-shop-")
        ports = [option for name in ("gateway", "inventory", "pricing", "console", "otlp") for option in (f"--{name}-port", "0")]
        self.command("up", "--detach", *ports)
        self.url = json.loads(self.command("status", "--json"))["console"]["url"]

    def command(self, *arguments):
        # What the machine's environment says of telemetry is not what this is about.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "DD_"))}
        done = subprocess.run(
            [OPTIONS.bin / "hello-dd", *arguments, "--data", f"{self.folder}/data"], env=environment, cwd=self.folder, capture_output=True, text=True, timeout=180
        )
        if done.returncode != 0:
            raise RuntimeError(f"hello-dd {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def stop(self):
        self.command("down")
        shutil.rmtree(self.folder, ignore_errors=True)


class ShopTests(unittest.TestCase):
    def test_an_order_of_the_shop_is_one_waterfall_and_its_picture_is_taken(self):
        shop = Shop()
        self.addCleanup(shop.stop)
        # The first order of a process warms it up; the picture is of the second.
        shop.command("order", "MOUSE-001")
        order = json.loads(shop.command("order", "LAPTOP-001", "--code", "WELCOME10", "--json"))["id"]
        end = time.monotonic() + 60
        while True:
            (trace, *_) = json.loads(shop.command("trace", "--order", order, "--json", "--wait", "60"))
            if trace["orphanCount"] == 0 and len(trace["services"]) == 3:
                break
            self.assertLess(time.monotonic(), end, "the trace is whole within a minute")
            time.sleep(0.5)
        with chromium.Browser() as browser:
            page = browser.page((1280, 980))
            page.colours("light")
            page.open(f"{shop.url}/#/traces/{trace['traceId']}")
            page.until(f"document.querySelectorAll('button.span').length === {trace['spanCount']}")
            self.assertIn(order, page.evaluate("document.querySelector('.facts').textContent"))
            self.assertEqual(page.complaints(), [])
            page.screenshot(OPTIONS.picture)
        self.assertLess(OPTIONS.picture.stat().st_size, 200_000, "a picture in the README loads quickly")


class WithConsole(unittest.TestCase):
    def setUp(self):
        self.console = Console()
        self.addCleanup(lambda: self.assertEqual(self.console.stop(), 0, "the console stops as asked"))


class ReceiverTests(WithConsole):
    def test_every_type_of_attribute_arrives_as_it_was_sent_packed_or_not(self):
        for compression in (Compression.NoCompression, Compression.Gzip):
            trace = senders.send_every_type(self.console.endpoint, compression)
            detail = self.console.json(f"/api/v1/traces/{trace}")
            (span,) = detail["spans"]
            self.assertEqual((span["name"], span["kind"], span["status"], span["statusMessage"]), ("every type", "producer", "error", "no"))
            self.assertEqual((span["offsetNanoseconds"], span["durationNanoseconds"]), (0, 2_500_000))
            self.assertEqual(detail["startTime"], "2026-11-24T13:00:00.001Z")
            self.assertEqual(
                {a["key"]: a["value"] for a in span["attributes"]},
                {"text": "t", "flag": True, "whole": str(-(2**62)), "part": 0.25, "texts": ["a", "b"], "numbers": [1, 2]},
            )
            self.assertEqual(span["events"], [{"name": "something", "offsetNanoseconds": 1_000_000, "attributes": [{"key": "n", "value": 1}]}])
            self.assertEqual(span["links"], [{"traceId": format(0x77, "032x"), "spanId": format(0x88, "016x")}])
            sender = {a["key"]: a["value"] for a in detail["resources"][0]["attributes"]}
            self.assertEqual((sender["service.name"], sender["service.version"]), ("kit", "0.1.0"))

    def test_an_order_is_one_tree_and_is_found_by_its_id(self):
        trace = senders.send_order(self.console.endpoint)
        detail = self.console.json(f"/api/v1/traces/{trace}")
        self.assertEqual((detail["orphanCount"], detail["errorCount"], detail["orderIds"]), (0, 0, [senders.ORDER]))
        self.assertEqual(sum(span["depth"] == 0 for span in detail["spans"]), 1)
        self.assertEqual(detail["services"], ["api-gateway", "inventory-service", "pricing-service"])
        found = self.console.json(f"/api/v1/traces?orderId={senders.ORDER}")
        self.assertEqual([item["traceId"] for item in found["items"]], [trace])

    def test_answers_are_messages_that_the_protocol_knows(self):
        request = ExportTraceServiceRequest()
        request.resource_spans.add().scope_spans.add().spans.add(name="no ids")
        status, body = self.console.post("/v1/traces", request.SerializeToString())
        answer = ExportTraceServiceResponse.FromString(body)
        self.assertEqual((status, answer.partial_success.rejected_spans), (200, 1))
        self.assertIn("without valid ids", answer.partial_success.error_message)
        status, body = self.console.post("/v1/traces", b"\x0a\xff")
        self.assertEqual((status, body[:2]), (400, b"\x08\x03"))

    def test_metrics_and_logs_are_counted(self):
        metrics = ExportMetricsServiceRequest()
        scope = metrics.resource_metrics.add().scope_metrics.add()
        for kind in ("gauge", "sum", "histogram", "exponential_histogram", "summary"):
            getattr(scope.metrics.add(name=kind), kind).data_points.add()
        logs = ExportLogsServiceRequest()
        logs.resource_logs.add().scope_logs.add().log_records.add().body.string_value = "a line"
        self.assertEqual(self.console.post("/v1/metrics", metrics.SerializeToString())[0], 200)
        self.assertEqual(self.console.post("/v1/logs", logs.SerializeToString())[0], 200)
        intake = self.console.json("/api/v1/intake")
        self.assertEqual((intake["metricDataPoints"], intake["logRecords"]), (5, 1))


class PageTests(WithConsole):
    @classmethod
    def setUpClass(cls):
        cls.browser = chromium.Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()

    def open(self, path="/", size=(1280, 800), scheme="light"):
        page = self.browser.page(size)
        page.colours(scheme)
        page.open(self.console.url + path)
        return page

    def assert_quiet(self, page):
        self.assertEqual(page.complaints(), [])
        self.assertEqual(page.dialogs(), [])
        foreign = [url for url in page.requests() if not url.startswith(self.console.url + "/")]
        self.assertEqual(foreign, [], "nothing is fetched from elsewhere")

    def test_an_empty_console_says_what_to_do(self):
        page = self.open()
        self.assertIn("Nothing has happened yet", page.until("document.querySelector('.empty')?.textContent"))
        # What comes is shown without a reload.
        senders.send_order(self.console.endpoint)
        self.assertIn("POST /api/v1/orders", page.until("document.querySelector('a.trace')?.textContent"))
        self.assertIn("1 trace", page.until("document.getElementById('intake').textContent"))
        self.assert_quiet(page)

    def test_a_trace_is_a_waterfall_with_its_order(self):
        trace = senders.send_order(self.console.endpoint)
        page = self.open(f"/#/traces/{trace}", size=(1280, 970))
        page.until("document.querySelectorAll('button.span').length > 20")
        detail = self.console.json(f"/api/v1/traces/{trace}")
        shown = page.evaluate("[...document.querySelectorAll('button.span .name')].map((e) => e.textContent)")
        self.assertEqual(shown, [span["name"] for span in detail["spans"]])
        self.assertIn(senders.ORDER, page.evaluate("document.querySelector('.facts').textContent"))
        # Each bar stands where its span does in time, to a pixel.
        bars = page.evaluate(
            "[...document.querySelectorAll('button.span .track')].map((t) => { const [a, b] = [t, t.firstChild].map((e) => e.getBoundingClientRect());"
            " return [(b.left - a.left) / a.width, b.width / a.width, a.width]; })"
        )
        total = max(span["offsetNanoseconds"] + span["durationNanoseconds"] for span in detail["spans"])
        for (left, length, width), span in zip(bars, detail["spans"], strict=True):
            self.assertAlmostEqual(left, span["offsetNanoseconds"] / total, delta=4 / width)
            self.assertAlmostEqual(length, max(3 / width, span["durationNanoseconds"] / total), delta=2 / width)
        self.assert_quiet(page)

    def test_hostile_texts_are_shown_as_texts_and_nothing_of_them_runs(self):
        trace = senders.send_hostile(self.console.endpoint)
        for size in ((1280, 800), (390, 800)):
            page = self.open("/", size=size)
            page.until("document.querySelectorAll('a.trace').length === 1")
            self.assertIn(senders.HOSTILE[0], page.evaluate("document.querySelector('a.trace').textContent"))
            self.assert_harmless(page, "list")
            page.open(f"{self.console.url}/#/traces/{trace}")
            spans = page.until(f"document.querySelectorAll('button.span').length === {len(senders.HOSTILE) + 1} && document.querySelectorAll('button.span').length")
            page.evaluate("document.querySelectorAll('button.span').forEach((b) => { b.click(); b.focus(); })")
            self.assertEqual(page.evaluate("document.querySelectorAll('.panel').length"), spans)
            names = page.evaluate("[...document.querySelectorAll('button.span .name')].map((e) => e.textContent)")
            # What can be seen is shown as it is; what cannot is written out.
            for text in senders.HOSTILE[:6] + senders.HOSTILE[7:8] + senders.HOSTILE[9:12]:
                self.assertIn(text, names)
            self.assertIn("\\u202egnp.exe\\u202c \\u2066isolated", names)
            self.assertIn("a␀b␛[2J\\u007f␍⏎Set-Cookie: x=1", names)
            self.assertIn("(no name)", names)
            panels = page.evaluate("document.querySelector('.spans').textContent")
            for text in senders.HOSTILE[:6]:
                self.assertGreaterEqual(panels.count(text), 4, "as an attribute, as a list, as an event, as a reason")
            self.assert_harmless(page, "trace")
            self.assert_quiet(page)

    def assert_harmless(self, page, where):
        self.assertEqual(page.evaluate("typeof window.hacked"), "undefined", where)
        self.assertEqual(page.evaluate("document.querySelectorAll('script').length"), 1, where)
        self.assertEqual(page.evaluate("document.querySelectorAll('img, svg, iframe, object, embed').length"), 1, f"{where}: the brand, and no other")
        self.assertEqual(
            page.evaluate("[...document.querySelectorAll('*')].flatMap((e) => [...e.attributes]).filter((a) => a.name.startsWith('on')).length"), 0, where
        )
        links = page.evaluate("[...document.querySelectorAll('[href]')].map((e) => e.getAttribute('href'))")
        self.assertEqual([link for link in links if not re.match(r"(#|/assets/)", link)], [], where)
        self.assertTrue(page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{where}: no text makes the page wider")

    def test_the_policy_would_stop_what_the_page_let_through(self):
        page = self.open()
        page.until("document.querySelector('.empty')")
        for planted in (
            "document.body.innerHTML = '<img src=x onerror=\"window.hacked=1\">'",
            "(() => { const s = document.createElement('script'); s.text = 'window.hacked=1'; document.body.append(s); })()",
            "document.body.setAttribute('onclick', 'window.hacked=1'); document.body.click()",
            "(() => { const s = document.createElement('script'); s.src = 'data:text/javascript,window.hacked=1'; document.body.append(s); })()",
            "setTimeout('window.hacked=1', 0)",
        ):
            try:
                page.evaluate(planted)
            except chromium.BrowserError as error:
                self.assertRegex(str(error), "Trusted|Content Security Policy|unsafe-eval")
        page.evaluate("new Promise((done) => setTimeout(done, 200))")
        self.assertEqual(page.evaluate("typeof window.hacked"), "undefined")
        self.assertNotEqual(page.complaints(), [], "the browser says what it stopped")

    def test_everything_can_be_done_with_the_keyboard(self):
        senders.send_order(self.console.endpoint)
        declined = senders.send_declined(self.console.endpoint)
        page = self.open()
        page.until("document.querySelectorAll('a.trace').length === 2")
        for _ in range(20):
            page.press("Tab")
            if page.evaluate("document.activeElement.matches('a.trace')"):
                break
        self.assertIn(declined, page.evaluate("document.activeElement.getAttribute('href')"), "the latest comes first")
        page.press("ArrowDown")
        page.press("ArrowUp")
        page.press("Enter")
        page.until("document.querySelector('button.span') !== null")
        self.assertEqual(page.evaluate("document.activeElement.tagName"), "H1")
        for _ in range(20):
            page.press("Tab")
            if page.evaluate("document.activeElement.matches('button.span')"):
                break
        page.press("End")
        page.press("ArrowUp")
        page.press("Enter")
        self.assertEqual(page.evaluate("document.activeElement.getAttribute('aria-expanded')"), "true")
        panel = page.evaluate("document.getElementById(document.activeElement.getAttribute('aria-controls')).textContent")
        self.assertIn("CardDeclined", page.evaluate("document.body.textContent") if "CardDeclined" not in panel else panel)
        page.press("Enter")
        self.assertEqual(page.evaluate("document.querySelectorAll('.panel').length"), 0)
        page.press("Escape")
        page.until("document.querySelectorAll('a.trace').length === 2")
        self.assert_quiet(page)

    def test_an_error_is_seen_without_colours_and_its_reason_stands_first(self):
        declined = senders.send_declined(self.console.endpoint)
        page = self.open(f"/#/traces/{declined}")
        page.until("document.querySelector('.failures')")
        self.assertIn("the card was declined", page.evaluate("document.querySelector('.failures').textContent"))
        failed = page.evaluate("[...document.querySelectorAll('button.span')].filter((b) => b.textContent.includes('✗')).map((b) => b.querySelector('.name').textContent)")
        self.assertEqual(failed, ["authorise payment"])
        page.evaluate("document.querySelector('.failures button').click()")
        self.assertEqual(page.evaluate("document.activeElement.querySelector('.name').textContent"), "authorise payment")
        self.assertEqual(page.evaluate("document.activeElement.getAttribute('aria-expanded')"), "true")

    def test_everything_has_a_name_for_those_who_do_not_see_it(self):
        declined = senders.send_declined(self.console.endpoint)
        for path in ("/", f"/#/traces/{declined}"):
            page = self.open(path)
            page.until("document.querySelector('a.trace, button.span')")
            tree = page.accessible()
            self.assertEqual([role for role, name in tree if role in ("button", "link", "combobox", "textbox", "searchbox", "spinbutton") and not name], [])
            self.assertEqual(sum(role == "main" for role, _ in tree), 1)
            page.open("about:blank")
        page = self.open(f"/#/traces/{declined}")
        page.until("document.querySelector('button.span')")
        self.assertTrue(any(role == "button" and "authorise payment" in name and "failed" in name for role, name in page.accessible()))

    def test_it_can_be_read_in_light_and_in_dark(self):
        declined = senders.send_declined(self.console.endpoint)
        backs = set()
        for scheme in ("light", "dark"):
            for path in ("/", f"/#/traces/{declined}"):
                page = self.open(path, scheme=scheme)
                page.until("document.querySelector('a.trace, button.span')")
                backs.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
                self.assertEqual(page.evaluate(WEAK_CONTRAST), [], f"{scheme} {path}")
        self.assertEqual(len(backs), 2)

    def test_filters_narrow_the_list_and_stand_in_the_address(self):
        senders.send_order(self.console.endpoint)
        declined = senders.send_declined(self.console.endpoint)
        page = self.open("/#/?status=error")
        page.until("document.querySelectorAll('a.trace').length === 1")
        self.assertIn(declined, page.evaluate("document.querySelector('a.trace').getAttribute('href')"))
        self.assertEqual(page.evaluate("document.getElementById('status').value"), "error")
        page.evaluate("(() => { const s = document.getElementById('status'); s.value = ''; s.dispatchEvent(new Event('change', {bubbles: true})); })()")
        page.until("document.querySelectorAll('a.trace').length === 2")
        self.assertEqual(page.evaluate("location.hash"), "#/")
        page.evaluate("location.hash = '#/?service=inventory-service&minDurationMs=80'")
        page.until("document.querySelectorAll('a.trace').length === 1")
        page.evaluate("location.hash = '#/?orderId=none'")
        self.assertIn("No trace is like that", page.until("document.querySelector('.empty')?.textContent"))

    def test_a_trace_grows_while_it_is_looked_at_and_keeps_still_while_a_span_is_read(self):
        s = senders.Sender(self.console.endpoint, 0xABC)
        root = s.span("api-gateway", "root", 0, 10)
        s.span("api-gateway", "first", 1, 2, root).end_later()
        page = self.open(f"/#/traces/{s.trace_id}")
        page.until("document.querySelectorAll('button.span').length === 1")
        self.assertIn("whose parent has not come", page.evaluate("document.body.textContent"))
        root.end_later()
        page.until("document.querySelectorAll('button.span').length === 2")
        page.evaluate("document.querySelector('button.span').click()")
        s.span("api-gateway", "second", 3, 4, root).end_later()
        s.close()
        page.evaluate("new Promise((done) => setTimeout(done, 3000))")
        self.assertEqual(page.evaluate("document.querySelectorAll('button.span').length"), 2)
        page.evaluate("document.querySelector('button.span').click()")
        page.until("document.querySelectorAll('button.span').length === 3")
        self.assert_quiet(page)

    def test_an_id_of_a_trace_is_found_where_an_orders_is_typed_and_the_way_back_is_the_filter(self):
        declined = senders.send_declined(self.console.endpoint)
        page = self.open("/#/?status=error")
        page.until("document.querySelectorAll('a.trace').length === 1")
        page.evaluate(f"(() => {{ const o = document.getElementById('orderId'); o.value = '{declined.upper()}'; o.form.requestSubmit(); }})()")
        page.until("document.querySelectorAll('button.span').length === 3")
        page.press("Escape")
        page.until("document.querySelectorAll('a.trace').length === 1")
        self.assertEqual(page.evaluate("location.hash"), "#/?status=error")

    def test_a_trace_that_has_gone_is_said_to_be_so(self):
        page = self.open(f"/#/traces/{'a' * 32}")
        self.assertIn("There is no such trace", page.until("document.querySelector('[role=alert]')?.textContent"))


# Texts whose contrast with what is behind them is below 4.5 to 1 (3 to 1 for large ones), by WCAG 2.2.
WEAK_CONTRAST = """
(() => {
  const numbers = (text) => { const m = text.match(/[\\d.]+/g).map(Number); return text.startsWith('color(srgb') ? [m[0]*255, m[1]*255, m[2]*255, m[3] ?? 1] : [m[0], m[1], m[2], m[3] ?? 1]; };
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = numbers(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
  const weak = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || element.closest('.unseen, .skip, noscript, script, option') || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    // A label beside a bar stands on the row, not on the bar that holds it.
    const [a, b] = [light(numbers(style.color)), light(behind(element.closest('.took') ? element.closest('.track') : element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const isLarge = parseFloat(style.fontSize) >= 24 || parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700;
    if (ratio < (isLarge ? 3 : 4.5)) weak.push(`${walker.currentNode.textContent.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return weak;
})()
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, default=OPTIONS.bin, help="the folder with the console's binary")
    parser.add_argument("--picture", type=Path, default=OPTIONS.picture, help="where the picture of a trace goes")
    parser.add_argument("tests", nargs="*", help="only these, such as PageTests.test_filters_narrow_the_list_and_stand_in_the_address")
    parser.parse_args(namespace=OPTIONS)
    OPTIONS.bin, OPTIONS.picture = OPTIONS.bin.resolve(), OPTIONS.picture.resolve()
    if not os.access(OPTIONS.bin / "console", os.X_OK):
        print(f"{OPTIONS.bin}/console is not there: swift build", file=sys.stderr)
        return 1
    unittest.main(argv=["run.py", *OPTIONS.tests], verbosity=2)


if __name__ == "__main__":
    sys.exit(main())
