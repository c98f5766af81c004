#!/usr/bin/env python3
"""`weir run --scope host:NAME -r 100/s` in one, two and eight processes at a time, against a server that allows just that.

Some of them have threads, others loops (`--engine async`).  No request may be refused, whatever comes and goes; all
together are as fast as one alone, each has its share, and the certificate of all is not less than what the server saw.
Usage: runs.py --prefix NAME [--seed N] [--long]; WEIR names the command.  Prints "ok - " and "not ok - " lines.
"""
import argparse
import collections
import ctypes
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from window_server import WindowServer  # noqa: E402

LIMIT = 100
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
WEIR = os.environ.get('WEIR', 'build/weir')
ENGINES = ['threads', 'async']
failures = 0


def say(good, text):
    global failures
    failures += not good
    print(('ok - ' if good else 'not ok - ') + text, flush=True)


def note(text):
    print('# ' + text, flush=True)


def fullest(moments, period=1.0):
    """The most that any window of the period held."""
    first = most = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= period:
            first += 1
        most = max(most, last - first + 1)
    return most


class Runs:
    """Processes of weir in one scope, against one server; all end with this one."""

    def __init__(self, server, scope, folder):
        self.server = server
        self.scope = scope
        self.folder = folder
        self.started = 0
        self.live = {}  # by name
        self.most = 0   # that any window has held so far

    def start(self, total, engine='threads'):
        self.started += 1
        name = f'p{self.started}'
        out = open(os.path.join(self.folder, name), 'wb')
        self.live[name] = subprocess.Popen(
            [WEIR, 'run', '--engine', engine, '--set', 'loops=2', '-u', f'{self.server.url}/{name}', '-n', str(total), '-c',
             '8', '-r', f'{LIMIT}/s', '--scope', f'host:{self.scope}', '--json', '--quiet'],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))  # it must not outlive us
        out.close()
        return name

    def output(self, name):
        with open(os.path.join(self.folder, name), 'rb') as file:
            return file.read().decode('utf-8', 'replace')

    def certificate(self, name):
        """The most that any window held, of all in the scope, as this one says at its end; 0 where it says nothing."""
        try:
            return max(limit.get('worst_window', 0) for limit in json.loads(self.output(name))['limits'])
        except (ValueError, KeyError):
            return 0

    def kill(self, name):
        process = self.live.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def finish(self, seconds):
        """Waits for all; what did not end well, as text."""
        trouble = []
        end = time.monotonic() + seconds
        for name, process in list(self.live.items()):
            try:
                code = process.wait(max(0.01, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.kill(name)
                trouble.append(f'{name} did not end in {seconds} s')
                continue
            del self.live[name]
            if code != 0:
                trouble.append(f'{name}: exit code {code}: {self.output(name)[:300]}')
        return trouble

    def close(self):
        for name in list(self.live):
            self.kill(name)


def judge(log, what):
    """No refusal, and no window too full, which the log tells whatever the server thought of it."""
    refused = sum(status != 200 for _, _, status in log)
    most = fullest([moment for moment, _, _ in log])
    say(refused == 0 and most <= LIMIT and log, f'{what}: {len(log)} requests, {refused} refused, at most {most} in a second')


def rate(log):
    return (len(log) - 1) / (log[-1][0] - log[0][0]) if len(log) > 1 else 0.0


def shares(log, names):
    """Of each, while all were at it: from the last one's first request to the first one's last."""
    first = {}
    last = {}
    for moment, name, _ in log:
        first.setdefault(name, moment)
        last[name] = moment
    if set(first) != set(names):
        return None, 0.0
    begin, end = max(first.values()), min(last.values())
    count = collections.Counter(name for moment, name, _ in log if begin <= moment <= end)
    return [count[name] for name in names], end - begin


def certified(runs, names, log, what):
    """The certificate is of all that was sent in the scope so far, by whomever."""
    runs.most = max(runs.most, fullest([moment for moment, _, _ in log]))
    told = max(runs.certificate(name) for name in names)
    say(runs.most <= told <= LIMIT, f'{what}: the certificate says {told}, the server saw {runs.most}')


def one_turn(runs, what, engines, total):
    """A process of each of the engines at a time, with `total` jobs.  Their log and their names."""
    names = [runs.start(total, engine) for engine in engines]
    count = len(names)
    trouble = runs.finish(20 + count * total / 50)
    log = runs.server.taken()
    say(not trouble and len(log) == count * total, f'{what}: every job was sent once and ended well {"; ".join(trouble)}')
    judge(log, what)
    certified(runs, names, log, what)
    return log, names


def together(runs, engines, total, alone):
    """The rate of such processes together.  A busy machine may cost some percent once, but not three times."""
    count = len(engines)
    what = f'{count} process{"es" if count > 1 else ""}, {engines.count("async")} async'
    for turn in range(3):
        log, names = one_turn(runs, what, engines, total)
        speed = rate(log)
        if count == 1 or speed >= 0.95 * alone:
            break
        note(f'turn {turn}: {speed:.1f}/s')
    if count == 1:
        say(speed >= 80, f'{what}: {speed:.1f}/s')
        return speed
    say(speed >= 0.95 * alone, f'{what}: {speed:.1f}/s together, {alone:.1f}/s alone ({100 * speed / max(alone, 1e-9):.1f} %)')
    each, seconds = shares(log, names)
    fair = sum(each) / count if each else 0
    say(each is not None and fair > 0 and min(each) >= 0.5 * fair and max(each) <= 1.75 * fair,
        f'{what}: the shares of {seconds:.2f} s in which all were at it: {each}')
    return speed


def killed(runs, seconds, draw, alone):
    """For some seconds six processes are kept at it, while random ones are killed and new ones started."""
    for engine in ENGINES * 3:
        runs.start(100000, engine)
    end = time.monotonic() + seconds
    kills = 0
    while time.monotonic() < end:
        time.sleep(draw.uniform(0, 0.25))
        victim = draw.choice(list(runs.live))
        runs.kill(victim)
        kills += 1
        runs.start(100000, draw.choice(ENGINES))
        early = [name for name, process in runs.live.items() if process.poll() is not None]
        for name in early:
            say(False, f'{name} ended by itself: {runs.output(name)[:300]}')
            del runs.live[name]
            runs.start(100000, draw.choice(ENGINES))
    last = time.monotonic()
    for name in list(runs.live):
        runs.kill(name)
    log = runs.server.taken()
    what = f'{kills} killed among six'
    judge(log, what)
    # What was taken and never sent is missing for a period after it was noticed.
    speed = rate([entry for entry in log if entry[0] <= last])
    say(speed >= 0.9 * alone, f'{what}: {speed:.1f}/s together, {alone:.1f}/s alone ({100 * speed / max(alone, 1e-9):.1f} %)')

    # Nothing is lost: a process that comes after them has the whole rate.  Its first second also waits for what they sent.
    name = runs.start(150, draw.choice(ENGINES))
    trouble = runs.finish(30)
    after = runs.server.taken()
    judge(log + after, f'{what}, and one that comes after them')
    certified(runs, [name], log + after, what)
    steady = rate(after[50:])
    say(not trouble and len(after) == 150 and steady >= 0.95 * alone,
        f'one that comes after them sends {len(after)} at {steady:.1f}/s {"; ".join(trouble)}')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--prefix', default='test')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--long', action='store_true')
    given = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, lambda *_: sys.exit('# the watchdog ended it'))
    signal.alarm(190)
    draw = random.Random(given.seed)
    server = WindowServer(LIMIT)
    times = 5 if given.long else 1
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(server, f'{given.prefix}.runs', folder)
        try:
            alone = together(runs, ['threads'], 150 * times, 0)
            together(runs, ['async'] * 2, 90 * times, alone)
            together(runs, ENGINES * 4, 30 * times, alone)
            if given.long:
                together(runs, ENGINES, 90 * times, alone)
                together(runs, ['async'] * 8, 30 * times, alone)
            killed(runs, 20 if given.long else 3, draw, alone)
            # Other limits, while the scope is in use with these.
            runs.start(100000, 'async')
            time.sleep(0.5)
            code = subprocess.run([WEIR, 'run', '-u', server.url, '-n', '1', '-r', '50/s', '--scope', f'host:{runs.scope}'],
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
            say(code.returncode == 2 and code.stderr, f'a run with other limits: exit code {code.returncode}, '
                f'{code.stderr.decode("utf-8", "replace")[:200]!r}')
        finally:
            runs.close()
            try:
                os.unlink(f'/dev/shm/weir.{runs.scope}')
            except FileNotFoundError:
                pass
    server.close()
    return failures > 0


if __name__ == '__main__':
    sys.exit(main())
