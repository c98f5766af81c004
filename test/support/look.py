#!/usr/bin/env python3
"""Looks at a page in headless Chromium: look.py FILE.html [--plots N] [--pictures DIR]

Says what is wrong with it, a line each, and exits 1 if anything is: messages on the console, requests to a network,
missing or empty plots, names that are not unique, text without contrast, a page that is wider than a phone.  It looks
in light and in dark, on a wide window and on a phone's, and prints it.  Without Chromium it exits 77.
"""

import argparse
import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

WIDTHS = {"wide": 1280, "phone": 360}
TIMEOUT_S = 40

# What is wrong, as seen from within the page.
INSPECT = """(() => {
  const wrong = [];
  const root = document.documentElement;
  if (root.scrollWidth > WIDTH) // innerWidth grows with what is too wide on a phone
    wrong.push(`the page is ${root.scrollWidth} wide in a window of WIDTH`);
  const plots = [...document.querySelectorAll('svg.plot')];
  plots.forEach((plot, i) => {
    const box = plot.getBoundingClientRect();
    if (box.width < 150 || box.height < 40) wrong.push(`plot ${i} is ${box.width} x ${box.height}`);
    if (!plot.querySelector('path, polygon')) wrong.push(`plot ${i} is empty`);
    if (!plot.querySelector('text')) wrong.push(`plot ${i} has no text`);
    if (!(plot.querySelector('title') || {}).textContent) wrong.push(`plot ${i} has no title`);
    for (const name of plot.getAttribute('aria-labelledby').split(' '))
      if (!document.getElementById(name)) wrong.push(`plot ${i} is named by ${name}, which is not there`);
  });
  const seen = new Set();
  for (const each of document.querySelectorAll('[id]')) {
    if (seen.has(each.id)) wrong.push(`the id ${each.id} is there twice`);
    seen.add(each.id);
  }
  const parse = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = parse(getComputedStyle(document.body).backgroundColor);
  const contrast = (colour) => {
    const a = light(parse(colour).slice(0, 3)), b = light(ground.slice(0, 3));
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const check = (selector, property, least) => {
    for (const each of document.querySelectorAll(selector)) {
      const colour = getComputedStyle(each)[property];
      if (colour === 'none') continue;
      if (contrast(colour) < least) {
        wrong.push(`${selector}: ${property} ${colour} on ${ground}: contrast ${contrast(colour).toFixed(2)}`);
        return;
      }
    }
  };
  check('p, li, h1, h2, h3, td, th, dt, dd, summary, footer', 'color', 4.5);
  check('svg.plot text', 'fill', 4.5);
  check('svg.plot path[stroke^="var(--s"]', 'stroke', 2);
  const overlap = document.querySelector('script, iframe, img, link[rel=stylesheet], object, embed');
  if (overlap) wrong.push(`there is a ${overlap.tagName}`);
  return JSON.stringify({wrong, plots: plots.length, ground});
})()"""


class Browser:
    """Chromium at the other end of two pipes (DevTools protocol, a message up to each NUL)."""

    def __init__(self, program, folder):
        to_read, self.to = os.pipe()
        self.back, back_write = os.pipe()
        command = ["sh", "-c", 'exec "$0" "$@" 3<&%d 4>&%d' % (to_read, back_write), program, "--headless",
                   "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-extensions",
                   "--disable-background-networking", "--disable-component-update", "--disable-sync",
                   "--disable-dev-shm-usage", "--remote-debugging-pipe", "--user-data-dir=" + folder, "about:blank"]
        self.process = subprocess.Popen(command, pass_fds=(to_read, back_write), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(back_write)
        self.buffer, self.number, self.events, self.session = b"", 0, [], None

    def read(self):
        while b"\0" not in self.buffer:
            got = os.read(self.back, 1 << 16)
            if not got:
                raise RuntimeError("chromium ended")
            self.buffer += got
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError("%s: %s" % (method, answer["error"]))
                return answer["result"]
            self.events.append(answer)

    def wait(self, event):
        while not any(each.get("method") == event for each in self.events):
            self.events.append(self.read())

    def attach(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def end(self):
        try:
            self.session = None
            self.call("Browser.close")
            self.process.wait(10)
        except (RuntimeError, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()


def heard(events):
    """What the console said, and what was asked for from a network."""
    for each in events:
        method, what = each.get("method"), each.get("params", {})
        if method == "Log.entryAdded":
            yield "console: " + what["entry"]["text"]
        elif method == "Runtime.consoleAPICalled":
            yield "console: " + json.dumps(what["args"])
        elif method == "Runtime.exceptionThrown":
            yield "exception: " + what["exceptionDetails"]["text"]
        elif method == "Network.requestWillBeSent":
            url = what["request"]["url"]
            if not url.startswith(("file:", "data:", "about:")):
                yield "request: " + url


def look(browser, page, plots, pictures):
    wrong, grounds = [], {}
    for width_name, width in WIDTHS.items():
        for scheme in ("light", "dark"):
            browser.events.clear()
            browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1,
                         mobile=width_name == "phone")
            browser.call("Emulation.setEmulatedMedia", media="screen",
                         features=[{"name": "prefers-color-scheme", "value": scheme}])
            browser.call("Page.navigate", url="file://" + os.path.abspath(page))
            browser.wait("Page.loadEventFired")
            found = json.loads(browser.call("Runtime.evaluate", expression=INSPECT.replace("WIDTH", str(width)))["result"]["value"])
            where = "%s, %s: " % (width_name, scheme)
            wrong += [where + each for each in found["wrong"]]
            wrong += [where + each for each in heard(browser.events)]
            if plots is not None and found["plots"] != plots:
                wrong.append(where + "%d plots, not %d" % (found["plots"], plots))
            if found["plots"] == 0:
                wrong.append(where + "no plot")
            grounds[scheme] = found["ground"]
            if pictures:
                picture = browser.call("Page.captureScreenshot", captureBeyondViewport=True)
                with open(os.path.join(pictures, "%s-%s.png" % (width_name, scheme)), "wb") as out:
                    out.write(base64.b64decode(picture["data"]))
    if grounds["light"] == grounds["dark"]:
        wrong.append("light and dark are the same")
    pdf = base64.b64decode(browser.call("Page.printToPDF", printBackground=True)["data"])
    if not pdf.startswith(b"%PDF"):
        wrong.append("it cannot be printed")
    if pictures:
        with open(os.path.join(pictures, "print.pdf"), "wb") as out:
            out.write(pdf)
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("page")
    parser.add_argument("--plots", type=int)
    parser.add_argument("--pictures")
    arguments = parser.parse_args()
    program = shutil.which("chromium")
    if program is None:
        print("chromium is not installed")
        return 77
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = Browser(program, folder)
        try:
            browser.attach()
            wrong = look(browser, arguments.page, arguments.plots, arguments.pictures)
        finally:
            browser.end()
    print("\n".join(wrong) if wrong else "nothing is wrong with it")
    return 1 if wrong else 0


if __name__ == "__main__":
    signal.alarm(TIMEOUT_S)
    sys.exit(main())
