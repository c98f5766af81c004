"""Damages a real journal in seeded ways, resumes, and compares with what a second, simple reader of it expects.

    damage.py [--count N] [--seed N] [--weir FILE]

The journal is of a run of GETs and POSTs that was killed.  What the reader in here expects of a damaged copy:

- its first line is no head: exit code 4, unless it is the torn beginning of one and nothing else (in a few KiB: more
  than TORN_HEAD bytes without a line are somebody's, and left alone);
- an invalid line before a valid one: exit code 4, and the message names the line;
- else what is invalid at the end is cut off, and the run goes on: it sends the jobs without a result, but for POSTs with
  an intent, which end as unknown.

With exit code 4 nothing is sent and the file stays as it was.
"""
import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import results
import server as http

JOBS = 36
TORN_HEAD = 4096


def expected(raw):
    """Exit code 4 and a line's number (0: any), or None and the numbers of the jobs that are to be sent."""
    lines = raw.split(b'\n')
    last = lines.pop()
    values = [results.unpack(line) for line in lines]
    valid = [value is not None for value in values]
    if not raw:
        return None, set(range(1, JOBS + 1))
    if not valid or not valid[0]:
        begins = b'{"journal":{"format":'
        if any(valid) or lines or len(raw) > TORN_HEAD or not (last.startswith(begins) or begins.startswith(last)):
            return 4, 0
        return None, set(range(1, JOBS + 1))
    if 'format' not in values[0].get('journal', {}):
        return 4, 0
    whole = valid.index(False) if False in valid else len(valid)
    if any(valid[whole:]):
        return 4, whole + 1
    done, intents = set(), set()
    for number, value in enumerate(values[:whole], 1):
        note = value.get('journal')
        if note is None:
            done.add(value['weir']['line'])
        elif 'format' in note and number > 1:
            return 4, number  # a second head
        elif note.get('event') == 'intent':
            intents.add(note['line'])
        elif note.get('event') == 'cancelled':
            intents.discard(note['line'])
    return None, set(range(1, JOBS + 1)) - done - intents


def mutate(raw, draw):
    """A damaged copy, and what was done to it."""
    lines = raw.splitlines(keepends=True)
    at = draw.randrange(len(raw))
    one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    kind = draw.randrange(11)
    if kind == 0:
        value = raw[at] ^ (1 << draw.randrange(8))
        return raw[:at] + bytes([value]) + raw[at + 1:], f'byte {at} is {value}'
    if kind == 1:
        return raw[:at], f'cut at {at}'
    if kind == 2:
        size = draw.randrange(1, 400)
        return raw[:at] + raw[at + size:], f'{size} bytes fewer at {at}'
    if kind == 3:
        text = draw.choice([b'\n', b'\0', b'\r', b'{}\n', b' ', b'\xff' * 20, bytes(512)])
        return raw[:at] + text + raw[at:], f'{text[:8]!r} at {at}'
    if kind == 4:
        return b''.join(lines[:one] + lines[one + 1:]), f'without line {one + 1}'
    if kind == 5:
        return b''.join(lines[:one] + [lines[one]] + lines[one:]), f'line {one + 1} twice'
    if kind == 6:
        lines[one], lines[other] = lines[other], lines[one]
        return b''.join(lines), f'lines {one + 1} and {other + 1} changed places'
    if kind == 7:
        text = draw.choice([bytes(4096), b'{"custom_id"', b'\n\n\n', b'x\n', lines[one][:-1], b'\0' * 7 + b'\n'])
        return raw + text, f'{text[:12]!r} at the end'
    if kind == 8:
        return raw[:at] + b'\n' + lines[one], f'cut at {at}, line {one + 1} after it'
    if kind == 9:
        return raw[:at] + bytes(len(raw) - at), f'zeros from {at} on'
    return lines[0][:draw.randrange(len(lines[0]) + 1)], 'a part of the head'


class Bench:
    """The server, the input, and the journal to damage."""

    def __init__(self, options, work):
        self.options = options
        self.work = work
        self.delay = 0.03
        self.server = http.Server(lambda _: http.Answer(delay=self.delay)).start()
        self.input = os.path.join(work, 'jobs.jsonl')
        self.file = os.path.join(work, 'results.jsonl')
        with open(self.input, 'w', encoding='utf-8') as file:
            for number in range(1, JOBS + 1):
                job = {'custom_id': f'id{number}', 'url': f'/job/{number}'}
                if number % 2:
                    job.update(method='POST', body=number)
                file.write(json.dumps(job) + '\n')

    def begin(self):
        return subprocess.Popen([self.options.weir, 'run', '-u', self.server.url, '-i', self.input, '-o', self.file,
                                 '-c', '6', '--resume', '--json'], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def original(self):
        """The journal of a run that was resumed and killed, with about half of the jobs done."""
        for share in (JOBS // 5, JOBS // 3):
            begin = len(self.server.arrivals)
            process = self.begin()
            while len(self.server.arrivals) - begin < share and process.poll() is None:
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            self.server.settle()
        self.delay = 0.0
        with open(self.file, 'rb') as file:
            return file.read()

    def wrong(self, raw):
        """What is wrong with the way that weir goes on with these bytes; None if nothing is."""
        code, what = expected(raw)
        with open(self.file, 'wb') as file:
            file.write(raw)
        begin = len(self.server.arrivals)
        process = self.begin()
        try:
            _, said = process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return 'it did not end'
        self.server.settle()
        said = said.decode('utf-8', 'replace')
        sent = [int(arrival.target.split('/')[-1]) for arrival in self.server.arrivals[begin:]]
        with open(self.file, 'rb') as file:
            after = file.read()
        if code == 4:
            if process.returncode != 4:
                return f'exit code {process.returncode}, expected 4 (line {what}): {said}'
            if sent or after != raw:
                return f'exit code 4, but {len(sent)} requests were sent, the file {"as it was" if after == raw else "changed"}'
            if what and not re.search(rf'line {what}\b', said):
                return f'line {what} is not named: {said}'
            return None
        if process.returncode not in (0, 1):
            return f'exit code {process.returncode}: {said}'
        if sorted(sent) != sorted(what):
            return f'sent {sorted(sent)}, expected {sorted(what)}: {said}'
        journal = results.Journal(after)
        ids = {result['custom_id'] for result in journal.results}
        if journal.bad or len(ids) != JOBS:
            return f'in the end {len(ids)} results, bad lines {journal.bad}'
        kept = results.Journal(raw).whole()
        if not after.startswith(kept):
            return 'valid lines are not there any more'
        return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--count', type=int, default=150)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--weir', default=os.environ.get('WEIR', 'build/weir'))
    options = parser.parse_args()
    draw = random.Random(options.seed)
    work = tempfile.mkdtemp(prefix='weir-damage-')
    bench = Bench(options, work)
    raw = bench.original()
    wrong = 0
    stopped = 0
    for _ in range(options.count):
        damaged, what = mutate(raw, draw)
        stopped += expected(damaged)[0] == 4
        trouble = bench.wrong(damaged)
        if trouble:
            wrong += 1
            name = os.path.join(work, f'damaged.{wrong}')
            with open(name, 'wb') as file:
                file.write(damaged)
            print(f'    {what}: {trouble[:1500]}\n    the journal: {name}, its input {bench.input}')
            if wrong == 5:
                break
    bench.server.close()
    several = 0 < stopped < options.count
    print(f"{'not ok' if wrong or not several else 'ok'} - damage, seed {options.seed}: {options.count} journals, "
          f'{stopped} of them beyond repair', flush=True)
    if not wrong:
        shutil.rmtree(work)
    sys.exit(1 if wrong else 0)


if __name__ == '__main__':
    main()
