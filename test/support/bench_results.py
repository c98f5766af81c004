#!/usr/bin/env python3
"""Prints results as `weir bench --json` does, made up: bench_results.py [--name TEXT] [--url TEXT] [--cells N]

Two cells with both engines, naive and three peers; in the second the target refuses what is over its limit, naive is
refused, a peer fails its rounds, and another is not installed.
"""

import argparse
import json
import math
import random


def figures(number, requests, rate, cpu, memory, base_ms, refused=0, failures=0, failed=False, quota=None, known=True):
    latency = [base_ms, base_ms * 1.2, base_ms * 1.9, base_ms * 3.1, base_ms * 4]
    names = ["p50", "p90", "p99", "p99_9", "max"]
    succeeded = requests - refused - failures
    return {"round": number, "failed": failed, "elapsed_s": succeeded / rate, "requests": requests,
            "succeeded": succeeded, "failures": failures, "refused": refused, "rate_per_s": rate,
            "cpu_user_s": cpu * requests * 0.4e-6, "cpu_system_s": cpu * requests * 0.6e-6, "cpu_us": cpu,
            "switches_voluntary": 1.1 * requests, "switches_involuntary": 0.02 * requests, "max_rss_bytes": memory,
            "latency_ms": dict(zip(names, latency), mean=base_ms * 1.1) if known else dict.fromkeys(names + ["mean"]),
            "quota": quota}


def subject(draw, name, kind, total, rate, cpu, memory, base_ms, limited=0, refused=0, failures=0, failed=False,
            skipped=None, quota=None):
    known = kind != "peer"
    rounds = []
    for number in range(0 if not skipped else 6, 6):
        vary = 1 + draw.uniform(-0.02, 0.02)
        rounds.append(figures(number, total, rate * vary, cpu / vary, memory * vary, base_ms / vary, refused, failures,
                              failed and number % 2 == 1, quota, known))
    counted = [each for each in rounds if each["round"] > 0]

    def over(pick):
        if not counted:
            return figures(0, 1, 1, 1, 1, 1)
        out = {}
        for key, value in counted[0].items():
            if key == "latency_ms":
                out[key] = {each: pick([r[key][each] for r in counted]) if known else None for each in value}
            elif key in ("round", "failed") or value is None:
                out[key] = value
            else:
                out[key] = pick([r[key] for r in counted])
        return out

    median = over(lambda values: sorted(values)[len(values) // 2])
    curve, series, pauses = [], [], []
    if known and not skipped:
        rest = 1.0
        while rest > 1 / total:
            curve.append({"share": 1 - rest, "ms": base_ms * (0.8 + 0.25 * math.log10(1 / rest) ** 2)})
            rest /= 1.3
        curve.append({"share": 1, "ms": base_ms * 4})
        elapsed = total / rate
        for i in range(50):
            paused = limited and 20 <= i < 30
            ended = 0 if paused else int(total / 50 * (1 + draw.uniform(-0.2, 0.2)))
            over_limit = min(ended, refused // 50) if refused else (ended // 2 if limited and i == 19 else 0)
            bad = ended // 12 if failures else 0
            series.append({"t_s": elapsed * (i + 1) / 50, "ended": ended, "in_flight": 0 if paused else limited or 100,
                           "p50_ms": base_ms * (1 + draw.uniform(0, 0.1)) if ended else None,
                           "p99_ms": base_ms * (1.8 + draw.uniform(0, 0.5)) if ended else None,
                           "statuses": [bad // 2, 0, ended - over_limit - bad, 0, over_limit, bad - bad // 2],
                           "refused": over_limit})
        if limited:
            pauses.append({"from_s": elapsed * 20 / 50, "to_s": elapsed * 30 / 50})
    return {"name": name, "kind": kind, "skipped": skipped, "errors": {"timeout": failures} if failures else {},
            "rounds": rounds, "median": median, "least": over(min), "most": over(max), "curve": curve,
            "series": series, "pauses": pauses}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", default="curl -Z")
    parser.add_argument("--url", default="http://127.0.0.1:8080/")
    parser.add_argument("--cells", type=int, default=2)
    arguments = parser.parse_args()
    draw = random.Random(1)
    mib = 1 << 20
    cells = [
        {"concurrency": 100, "target_latency_ms": 50, "total": 2000, "subjects": [
            subject(draw, "threads", "engine", 2000, 1950, 42.0, 21 * mib, 50.4),
            subject(draw, "async", "engine", 2000, 1950, 26.0, 12 * mib, 50.3),
            subject(draw, "naive", "naive", 2000, 1500, 90.0, 160 * mib, 61.0),
            subject(draw, arguments.name, "peer", 2000, 1900, 48.0, 18 * mib, 50),
            subject(draw, "hey", "peer", 2000, 1930, 61.0, 24 * mib, 50),
            subject(draw, "httpx", "peer", 2000, 620, 1450.0, 92 * mib, 50)]},
        {"concurrency": 100, "target_latency_ms": 0, "total": 2000, "subjects": [
            subject(draw, "threads", "engine", 2000, 480, 61.0, 21 * mib, 2.1, limited=40, quota=0.96),
            subject(draw, "async", "engine", 2000, 482, 39.0, 12 * mib, 1.9, limited=60, quota=0.97),
            subject(draw, "naive", "naive", 2000, 9100, 33.0, 160 * mib, 9.0, refused=1480, failures=40, quota=0.52),
            subject(draw, arguments.name, "peer", 2000, 8000, 48.0, 18 * mib, 50, failed=True),
            subject(draw, "hey", "peer", 2000, 1930, 61.0, 24 * mib, 50, skipped="not installed"),
            subject(draw, "httpx", "peer", 2000, 450, 1430.0, 92 * mib, 50)]},
    ]
    print(json.dumps({"weir_bench": 1, "version": "0.1.0", "started_at": "2026-01-02T03:04:05.678Z",
                      "machine": "2 x CPU, Linux 6.1, libcurl 7.88.1", "url": arguments.url, "built_in": True,
                      "limit": "500/s", "rates": "500/s", "intended": True,
                      "config": {"url": arguments.url, "concurrency": [100], "headers": {"Authorization": "***"},
                                 "empty": {}, "none": []},
                      "rounds": 5, "warmups": 1, "cells": cells[:arguments.cells]}))


if __name__ == "__main__":
    main()
