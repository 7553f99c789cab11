"""Measure the built page in Chromium: how fast it opens, how smoothly it draws, and how much memory it takes.

Usage: PYTHONPATH=. python tests/tools/page_measurements.py [MINUTES]

The record goes to ``page/measured/browser.json``. Chromium draws in software here, and other programs slow it down, so
the record says how busy the machine was.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from pathlib import Path

from playwright.sync_api import sync_playwright

from mpsearch.course.page import make_server

RECORD = Path(__file__).parents[2] / "page" / "measured" / "browser.json"
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--js-flags=--expose-gc"]
VISITS = 5
MOVING = """() => new Promise((found) => {
  const readout = document.getElementById("readout");
  const look = () => (readout.textContent ? found(performance.now() / 1000) : requestAnimationFrame(look));
  look();
})"""
FRAMES = """(seconds) => new Promise((found) => {
  let count = -1, start;
  const next = (now) => {
    start ??= now;
    count++;
    if (now - start < 1000 * seconds) requestAnimationFrame(next);
    else found((1000 * count) / (now - start));
  };
  requestAnimationFrame(next);
})"""


def load() -> float:
    """The mean number of programs that wanted a core during the last minute."""
    return round(os.getloadavg()[0], 1)


def opening(chromium, address: str) -> float:
    """Seconds from the navigation of a new profile, whose cache is empty, to the first words about a moving cheetah."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(address)
    seconds = page.evaluate(MOVING)
    context.close()
    return round(seconds, 2)


def megabytes(chromium) -> float:
    """The memory of the page's process with its worker (proportional set size), in MB.

    Chromium has other processes of this type, for the next page and for its extensions; they are smaller.
    """
    listed = chromium.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    ids = [entry["id"] for entry in listed if entry["type"] == "renderer"]
    return max(round(proportional(pid) / 1000, 1) for pid in ids)


def proportional(pid: int) -> int:
    """The proportional set size of a process, in kB."""
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("Pss:"))


def collected(chromium, page) -> float:
    """The memory after a collection of garbage, which Chromium does late where there is room."""
    for worker in page.workers:
        worker.evaluate("gc()")
    page.context.new_cdp_session(page).send("HeapProfiler.collectGarbage")  # also gives free memory back
    page.wait_for_timeout(1000)
    return megabytes(chromium)


def main(minutes: int = 5) -> None:
    server = make_server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=OPTIONS)
        record = {"chromium": chromium.version, "cores": os.cpu_count(), "load_before": load()}
        record["opening_s"] = [opening(chromium, address) for _ in range(VISITS)]
        page = chromium.new_page()
        page.goto(address)
        page.evaluate(MOVING)
        record["frames_per_second"] = [round(page.evaluate(FRAMES, 5), 1) for _ in range(3)]
        record["load_at_frames"] = load()
        needed = [collected(chromium, page)]
        record["megabytes_each_half_minute"] = [megabytes(chromium)]
        for _ in range(2 * minutes):
            page.wait_for_timeout(30_000)
            record["megabytes_each_half_minute"].append(megabytes(chromium))
        record["megabytes_without_garbage"] = [*needed, collected(chromium, page)]  # at the start and at the end
        record["load_after"] = load()
        chromium.close()
    server.shutdown()
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(RECORD.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
