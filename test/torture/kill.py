"""Kills weir (-9) at seeded moments in the middle of batches, resumes, and holds the end against what the server saw.

    kill.py [--kills N] [--seed N] [--part I/N] [--variant NAME] [--engine NAME] [--jobs N] [--weir FILE] [--shim FILE]
            [--keep]

The kills of a variant are spread over batches, which threads and async carry in turns, async with one loop or three;
`mixed` draws an engine for each run.  Each kill is followed by --resume.  Some come at a moment of the clock, most at
the server's n-th arrival or answer, so that they hit sends and writes; now and then a signal that drains or aborts takes
a kill's place.  Prints a line "ok - ..." or "not ok - ..." for each claim.  What it claims:

- each id is in the results exactly once, each line's checksum fits, and the outcome is what the server did;
- what was in the file before a kill is there after it, byte for byte, but for a torn tail;
- a request comes a second time only if the server failed it, or if it was in flight at a kill: not answered, or answered
  less than GRACE before.  Never more of those at one kill than the concurrency.  None after a stop that drained;
- no window of the period holds more than the limit, across kills, too;
- what must not be done twice is never sent twice;
- the exit code at the end says whether every job succeeded.
"""
import argparse
import json
import os
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

import results
import server as http

GRACE = 0.05  # between the server's answer and the line in the file, on a machine that is busy
CONCURRENCY = 20
LIMIT, PERIOD = 150, 0.2  # 750 a second
JOBS_EACH = 80            # jobs for each kill: about what a run does until it is killed

# method: of all jobs.  source: what the jobs come from.  power: only what was synced survives a kill.  torn: the file's
# end is damaged between runs.  heal: at the end the failed jobs are done again, and killed again.  mixed: what one engine
# left the other goes on with.
VARIANTS = {
    'get': {},
    'post': {'method': 'POST'},
    'key': {'method': 'POST', 'key': True},
    'power': {'power': True},
    'post-power': {'method': 'POST', 'power': True},
    'pipe': {'source': 'pipe'},
    'count': {'source': 'count'},
    'post-count': {'source': 'count', 'method': 'POST'},
    'torn': {'torn': True},
    'heal': {'heal': True},
    'none': {'durability': 'none'},
    'mixed': {'method': 'POST', 'power': True, 'mixed': True},
}
ENGINES = ['threads', 'async']
# Of each hundred kills.
SHARES = {'get': 24, 'post': 14, 'key': 8, 'power': 8, 'post-power': 6, 'pipe': 8, 'count': 4, 'post-count': 4,
          'torn': 8, 'heal': 8, 'none': 2, 'mixed': 6}


class Trouble(Exception):
    """A claim that does not hold."""


class Run:
    """One process of weir: what was to end it, and what did."""

    def __init__(self, number):
        self.number = number
        self.ended_at = None  # monotonic: when it was killed, or had ended
        self.how = 'end'      # 'kill', 'drain', 'abort', 'end', 'early'
        self.lost = set()     # paths whose line the test itself took out of the file
        self.cut = False


class Batch:
    def __init__(self, variant, engine, seed, jobs, kills, options, work):
        self.name = variant
        self.engine = engine
        self.variant = VARIANTS[variant]
        self.random = random.Random(f'{variant}/{seed}')
        self.delays = random.Random(seed)  # the server's own, so that the moments do not depend on its
        self.seed = seed
        self.jobs = jobs
        self.kills = kills
        self.options = options
        self.work = work
        self.method = self.variant.get('method', 'GET')
        self.once = self.method == 'POST' and not self.variant.get('key')
        self.file = os.path.join(work, 'results.jsonl')
        self.input = os.path.join(work, 'jobs.jsonl')
        self.synced = os.path.join(work, 'synced')
        self.healed = False
        self.rewriting = False  # the run that is on may write the file anew
        self.rewrites = 0
        self.seen = {}
        self.runs = []
        self.cache = {}
        self.before = b''
        self.shape = self.random.choice(['strict', 'window'])
        self.loops = self.random.choice([1, 3])
        self.server = http.Server(self.answer).start()
        self.figures = {'kills': 0, 'repeats': 0, 'in_flight': 0, 'signals': 0}
        if self.variant.get('source') != 'count':
            self.write_input()

    # ------------------------------------------------------------------------------------------------- the work itself

    def lot(self, path):
        return zlib.crc32(f'{self.seed}{path}'.encode()) % 1000

    def refusal(self, path):
        """What the server says to this path: 404 for ever, 503 or a reset at first; 200 to most."""
        lot = self.lot(path)
        if lot < (300 if self.variant.get('heal') else 20):
            return 200 if self.healed else 404
        if self.seen[path] > 1:
            return 200
        return 503 if lot < 50 else 0 if lot < 60 else 200

    def answer(self, arrival):
        self.seen[arrival.target] = self.seen.get(arrival.target, 0) + 1
        status = self.refusal(arrival.target)
        return http.Answer(status, delay=self.delays.choice([0.001, 0.004, 0.01, 0.02, 0.04]))

    def path(self, number):
        return f'/job/{number}'

    def id(self, number):
        return str(number) if self.variant.get('source') == 'count' else f'id {number} \u00e4"\\'

    def write_input(self):
        with open(self.input, 'w', encoding='utf-8') as file:
            for number in range(1, self.jobs + 1):
                job = {'custom_id': self.id(number), 'url': self.path(number)}
                if self.method != 'GET':
                    job.update(method=self.method, body={'n': number})
                file.write(json.dumps(job) + '\n' + ('\n' if number % 97 == 0 else ''))

    def command(self, *more):
        rate = {'requests': LIMIT, 'per': PERIOD, 'shape': self.shape}
        if self.shape == 'strict':
            rate['burst'] = 1
        engine = self.random.choice(ENGINES) if self.variant.get('mixed') else self.engine
        arguments = [self.options.weir, 'run', '--engine', engine, '--set', f'loops={self.loops}', '-o', self.file, '-c',
                     str(CONCURRENCY), '--set',
                     'rate=' + json.dumps([rate]), '--set', 'retry.backoff=20ms', '--set', 'retry.backoff_max=100ms',
                     '--set', 'retry.budget=5', '--json']
        source = self.variant.get('source', 'file')
        if source == 'count':
            arguments += ['-u', self.server.url + '/job/{i}', '-n', str(self.jobs), '-X', self.method]
            if self.method == 'POST':
                arguments += ['-d', '{i}']
        else:
            arguments += ['-u', self.server.url + '/', '-i', self.input if source == 'file' else '-']
        if self.variant.get('key'):
            arguments += ['--set', 'idempotency_key=Idempotency-Key']
        durability = 'power' if self.variant.get('power') else self.variant.get('durability')
        if durability:
            arguments += ['--set', 'output.durability=' + durability]
        return arguments + list(more)

    # ---------------------------------------------------------------------------------------------------- one run of it

    def start(self, mode):
        environment = dict(os.environ)
        if self.variant.get('power'):
            environment.update(LD_PRELOAD=self.options.shim, FAIL_IO_FILE=self.file, FAIL_IO_SYNCED=self.synced)
        run = Run(len(self.runs))
        self.runs.append(run)
        self.server.run = run
        with open(os.path.join(self.work, 'stdout'), 'wb') as out, open(os.path.join(self.work, 'stderr'), 'wb') as err:
            feeder = None
            if self.variant.get('source') == 'pipe':
                feeder = subprocess.Popen(['cat', self.input], stdout=subprocess.PIPE)
            process = subprocess.Popen(self.command(*mode), stdout=out, stderr=err, env=environment,
                                       stdin=feeder.stdout if feeder else subprocess.DEVNULL)
            if feeder:
                feeder.stdout.close()
        return run, process, feeder

    def plan(self, run, process, how):
        """Sees to it that `how` reaches the process at a moment; returns the seconds until then, None if the server's
        own figures decide."""
        signals = {'kill': [signal.SIGKILL], 'drain': [signal.SIGINT], 'abort': [signal.SIGINT, signal.SIGTERM]}[how]
        drawn = self.random.random()
        left = [self.random.randrange(1, min(JOBS_EACH, self.jobs // (self.kills + 1)))]

        def send():
            if run.how == 'end':
                run.how = how
                run.ended_at = time.monotonic()
                for number in signals:
                    process.send_signal(number)
                    if number == signal.SIGINT and how == 'abort':
                        time.sleep(0.003)  # two at once may count as one

        def count(arrival):
            if arrival.run is run:
                left[0] -= 1
                if left[0] == 0:
                    send()
        self.send = send
        if drawn < 0.15:
            return self.random.uniform(0, 0.02)
        if drawn < 0.4:
            return self.random.uniform(0.01, 0.15)
        if drawn < 0.7:
            self.server.on_arrival = count
        else:
            self.server.on_answer = count
        return None

    def carry(self, mode, how):
        """A run until it ends, or is ended by `how`.  Returns its exit code; negative where a signal ended it."""
        run, process, feeder = self.start(mode)
        wait = self.plan(run, process, how) if how else None
        limit = time.monotonic() + 60
        try:
            if wait is not None:
                try:
                    process.wait(wait)
                except subprocess.TimeoutExpired:
                    self.send()
            process.wait(max(1, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Trouble(f'run {run.number} did not end within a minute') from None
        finally:
            self.server.on_arrival = self.server.on_answer = None
            if feeder:
                feeder.wait()
            self.server.settle()
        if run.ended_at is None:
            run.ended_at = time.monotonic()
        self.look_after(run, process.returncode)
        return process.returncode

    def said(self):
        with open(os.path.join(self.work, 'stderr'), encoding='utf-8', errors='replace') as file:
            return file.read()

    def look_after(self, run, code):
        if run.how == 'kill' and code != -signal.SIGKILL:
            run.how = 'end'  # it was faster
        if run.how in ('drain', 'abort') and code in (0, 1):
            run.how = 'end'
        if run.how in ('drain', 'abort') and code in (-signal.SIGINT, -signal.SIGTERM) and not any(
                arrival.run is run for arrival in self.server.arrivals):
            run.how = 'early'  # it did not yet take signals, and had sent nothing
        expected = {'kill': (-signal.SIGKILL,), 'drain': (3,), 'abort': (3,), 'end': (0, 1),
                    'early': (-signal.SIGINT, -signal.SIGTERM)}[run.how]
        if code not in expected:
            raise Trouble(f'run {run.number} ({run.how}): exit code {code}, expected {expected}: {self.said()}')
        self.figures['kills'] += run.how == 'kill'
        self.figures['signals'] += run.how in ('drain', 'abort')
        raw = b''
        if os.path.exists(self.file):
            with open(self.file, 'rb') as file:
                raw = file.read()
        if run.how not in ('kill', 'early') and raw and not raw.endswith(b'\n'):
            raise Trouble(f'run {run.number} ({run.how}): the file ends in the middle of a line')
        if not self.rewriting and not raw.startswith(self.before):
            raise Trouble(f'run {run.number}: what was in the file before it is not there any more')
        if run.how == 'kill':
            raw = self.damage(run, raw)
        self.before = results.Journal(raw, self.cache).whole()

    def damage(self, run, raw):
        """What a power loss or a torn write does to the file; returns what it is then."""
        new = raw
        if self.variant.get('power'):
            size = 0
            if os.path.exists(self.synced):
                with open(self.synced, 'rb') as file:
                    size = struct.unpack('q', file.read())[0]
            new = raw[:size]
            if self.random.random() < 0.5:  # more of it may have arrived, and zeros instead of what has not
                new = raw[:self.random.randint(size, max(size, len(raw)))]
                new += bytes(self.random.randrange(0, 4096))
        elif self.variant.get('torn'):
            kind = self.random.randrange(3)
            if kind == 0 and raw:
                new = raw[:-self.random.randint(1, 60)]
                run.cut = True
                gone = results.Journal(raw, self.cache)
                kept = len(results.Journal(new, self.cache).results)
                run.lost = {f"/job/{result['weir']['line']}" for result in gone.results[kept:]}
            elif kind == 1:
                new = raw + b'{"custom_id":"id 1","response":{"status_code":200'[:self.random.randint(1, 50)]
            elif kind == 2:
                new = raw + bytes(self.random.randrange(1, 300)) + b'\n' * self.random.randrange(2)
        if new != raw:
            with open(self.file, 'r+b') as file:
                file.write(new)
                file.truncate(len(new))
        return new

    def once_more(self, mode, kills):
        """Runs of `mode`, then resumed ones, until the batch has ended; so many of them are killed."""
        while True:
            how = None
            if kills > 0:
                how = 'kill'
                drawn = self.random.random() + self.options.only_kills
                if drawn < 0.08:
                    how = 'drain'
                elif drawn < 0.14:
                    how = 'abort'
            code = self.carry(mode, how)
            self.rewriting = False
            if code in (0, 1):
                return code
            kills -= self.runs[-1].how == 'kill'
            if mode != ['--retry-failed'] or os.path.exists(self.file):
                mode = ['--resume']

    def carry_out(self):
        mode = [] if self.random.random() < 0.5 else ['--resume']
        kills = self.kills if not self.variant.get('heal') else (self.kills + 1) // 2
        # a run that was killed before it made its file leaves nothing that would have to be resumed
        code = self.once_more(mode, kills)
        self.check_all(code)
        if self.variant.get('heal'):
            self.healed = True
            while code != 0 and self.rewrites < 4:
                self.rewriting = True
                self.rewrites += 1
                code = self.once_more(['--retry-failed'], max(0, self.kills - self.figures['kills']))
            self.check_all(code)
            if code != 0:
                raise Trouble(f'after --retry-failed the exit code is {code}')

    # ------------------------------------------------------------------------------------------------------ the claims

    def check_all(self, code):
        journal = results.read(self.file, self.cache)
        if journal.bad:
            raise Trouble(f'line {journal.bad[0]} of the results is not valid: {journal.lines[journal.bad[0] - 1][:300]}')
        self.check_arrivals()
        self.check_windows()
        self.check_results(journal)
        failed = sum(result['weir']['outcome'] != 'succeeded' for result in journal.results)
        if code != (1 if failed else 0):
            raise Trouble(f'exit code {code}, but {failed} jobs did not succeed')
        with open(os.path.join(self.work, 'stdout'), encoding='utf-8') as file:
            summary = json.load(file)
        ended = sum(summary[key] for key in ('succeeded', 'failed', 'unknown', 'cancelled', 'skipped'))
        if summary['total'] != self.jobs or ended != self.jobs:
            raise Trouble(f'the summary does not add up to {self.jobs} jobs: {summary}')

    def check_results(self, journal):
        by_id = {}
        for result in journal.results:
            if result['custom_id'] in by_id:
                raise Trouble(f"{result['custom_id']!r} is in the results twice")
            by_id[result['custom_id']] = result
        expected = {self.id(number) for number in range(1, self.jobs + 1)}
        if set(by_id) != expected:
            raise Trouble(f'results missing: {sorted(expected - set(by_id))[:5]}, '
                          f'never asked for: {sorted(set(by_id) - expected)[:5]}')
        answers = {}
        for arrival in self.server.arrivals:
            answers.setdefault(arrival.target, []).append(arrival)
        for number in range(1, self.jobs + 1):
            self.check_result(by_id[self.id(number)], answers.get(self.path(number), []))

    def check_result(self, result, arrivals):
        outcome = result['weir']['outcome']
        status = result['response']['status_code'] if result['response'] else 0
        where = f"{result['custom_id']!r}: outcome {outcome}, status {status}, arrivals " \
                f'{[(one.run.number, one.status, one.run.how) for one in arrivals]}'
        if outcome == 'succeeded' and (status != 200 or not arrivals or arrivals[-1].status != 200):
            raise Trouble(f'succeeded without an answer that says so: {where}')
        if outcome == 'failed' and (status != 404 or not arrivals or arrivals[-1].status != 404):
            raise Trouble(f'failed without an answer that says so: {where}')
        if outcome not in ('succeeded', 'failed', 'unknown'):
            raise Trouble(f'an outcome that no job can have ended with: {where}')
        if outcome == 'unknown':
            if not self.once:
                raise Trouble(f'unknown, though it may be done again: {where}')
            # in doubt are what the server left in doubt, and what was in flight, or about to be, when its run ended
            doubt = not arrivals or arrivals[-1].status in (503, 0) or self.in_flight(arrivals[-1])
            if not doubt:
                raise Trouble(f'unknown, though it was answered in good time: {where}')
        if (outcome == 'succeeded') != (result['error'] is None):
            raise Trouble(f'outcome and error do not fit: {where}, {result["error"]}')

    def in_flight(self, arrival):
        """Whether it may have been on its way when its run was ended."""
        run = arrival.run
        if run.how not in ('kill', 'abort'):
            return False
        return arrival.answered_at is None or arrival.answered_at > run.ended_at - GRACE

    def check_arrivals(self):
        repeats = {}
        last = {}
        for arrival in self.server.arrivals:
            before = last.get(arrival.target)
            last[arrival.target] = arrival
            if before is None:
                continue
            where = f'{arrival.target} came in run {before.run.number} ({before.run.how}; answered ' \
                    f'{before.status} at {before.answered_at}, run ended at {before.run.ended_at}) ' \
                    f'and again in run {arrival.run.number}'
            if self.once:
                raise Trouble(f'must not be sent twice: {where}')
            if self.variant.get('key') and before.header('idempotency-key') != arrival.header('idempotency-key'):
                raise Trouble(f"{arrival.target}: keys {before.header('idempotency-key')} and "
                              f"{arrival.header('idempotency-key')}")
            if before.status in (503, 0) or (before.status == 404 and self.healed):
                continue
            if before.run is arrival.run:
                raise Trouble(f'sent twice by one run: {where}')
            if not self.in_flight(before) and not self.excused(before, arrival):
                raise Trouble(f'sent again though it was not in flight: {where}')
            repeats.setdefault(before.run, []).append(arrival.target)
        for run, paths in repeats.items():
            allowed = CONCURRENCY + len(run.lost)
            if len(paths) > allowed and not self.variant.get('durability') == 'none':
                raise Trouble(f'{len(paths)} requests were repeated after run {run.number}: {paths}')
            self.figures['repeats'] += len(paths)
        if self.variant.get('key'):
            keys = {}
            for arrival in self.server.arrivals:
                other = keys.setdefault(arrival.header('idempotency-key'), arrival.target)
                if other != arrival.target or not arrival.header('idempotency-key'):
                    raise Trouble(f"{other} and {arrival.target} share {arrival.header('idempotency-key')}")
        self.figures['in_flight'] = sum(
            one.run.how == 'kill' and (one.answered_at is None or one.answered_at > one.run.ended_at)
            for one in self.server.arrivals)

    def excused(self, before, arrival):
        """The test itself took the job's line out of the file; or nothing had to be durable."""
        lost = any(before.target in run.lost for run in self.runs[before.run.number:arrival.run.number])
        return lost or (self.variant.get('durability') == 'none' and before.run.how == 'kill')

    def check_windows(self):
        """A sliding log, counted at each arrival.  Where weir compares with a former run it has the wall clock alone,
        which may go a little faster or slower than this one."""
        if self.variant.get('durability') == 'none':
            return  # promises nothing across a kill
        times = [arrival.at for arrival in self.server.arrivals]
        runs = [arrival.run for arrival in self.server.arrivals]
        worst = 0
        for last, now in enumerate(times):
            first = last - LIMIT
            if first < 0:
                continue
            slack = 0.0 if runs[first] is runs[last] else PERIOD * 5e-4
            if now - times[first] < PERIOD - slack and not any(
                    run.cut for run in self.runs[runs[first].number:runs[last].number]):
                worst = max(worst, PERIOD - (now - times[first]))
                where = f'{LIMIT + 1} arrivals within {(now - times[first]) * 1e3:.3f} ms, from run ' \
                        f'{runs[first].number} ({runs[first].how}, its end {runs[first].ended_at - times[first]:.3f} s ' \
                        f'after the first of them) to run {runs[last].number}'
                raise Trouble(f'the window held more than the limit ({self.shape}): {where}')

    def close(self):
        self.server.close()


def carry_out(variant, engine, seed, jobs, kills, options):
    work = tempfile.mkdtemp(prefix='weir-torture-')
    batch = Batch(variant, engine, seed, jobs, kills, options, work)
    begin = time.monotonic()
    trouble = None
    try:
        batch.carry_out()
    except (Trouble, OSError, ValueError, KeyError, RuntimeError) as error:
        trouble = f'{type(error).__name__}: {error}'
    finally:
        batch.close()
    figures = batch.figures
    text = f"{variant}, {engine}, seed {seed}: {jobs} jobs, {figures['kills']} kills, {figures['signals']} stops: " \
           f"{len(batch.server.arrivals)} arrivals, {figures['repeats']} repeated of {figures['in_flight']} in flight, " \
           f"{batch.shape}, {time.monotonic() - begin:.1f} s"
    if trouble:
        print('    ' + trouble[:3000].replace('\n', '\n    '))
        print(f'    the files: {work}')
    print(f"{'not ok' if trouble else 'ok'} - {text}", flush=True)
    if not trouble and not options.keep:
        shutil.rmtree(work)
    return not trouble, figures['kills']


def spread(options):
    """Variants and kills, in batches of at most 25; those of this part, with their numbers."""
    names = [options.variant] if options.variant else list(SHARES)
    total = sum(SHARES[name] for name in names)
    plan = []
    done = 0
    for index, name in enumerate(names):
        kills = options.kills - done if index == len(names) - 1 else max(2, options.kills * SHARES[name] // total)
        done += kills
        # also of a variant that has one batch: every other begins with async, and with the next seed it is the other way
        turn = index + options.seed
        while kills > 0:
            engine = options.engine or ('mixed' if 'mixed' in VARIANTS[name] else ENGINES[turn % 2])
            plan.append((len(plan), name, engine, min(25, kills)))
            kills -= 25
            turn += 1
    part, parts = (int(text) for text in options.part.split('/'))
    shares = [[] for _ in range(parts)]
    for item in sorted(plan, key=lambda item: -item[-1]):
        min(shares, key=lambda share: sum(other[-1] for other in share)).append(item)
    return sorted(shares[part])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--kills', type=int, default=50)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--part', default='0/1', help='the I-th of N shares of the batches, from 0')
    parser.add_argument('--jobs', type=int, default=0)
    parser.add_argument('--variant', choices=sorted(VARIANTS))
    parser.add_argument('--engine', choices=ENGINES, help='all batches with this one')
    parser.add_argument('--weir', default=os.environ.get('WEIR', 'build/weir'))
    parser.add_argument('--shim', default=os.environ.get('FAIL_IO', '/nowhere'))
    parser.add_argument('--keep', action='store_true')
    parser.add_argument('--only-kills', action='store_true', help='no signal that drains or aborts')
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    good = True
    killed = 0
    plan = spread(options)
    wanted = sum(item[-1] for item in plan)
    for number, variant, engine, kills in plan:
        # a batch may be done before its last kill: then another one takes those that are left
        for again in range(5):
            jobs = options.jobs or max(2000 if variant == 'get' else 200, kills * JOBS_EACH)
            fine, count = carry_out(variant, engine, options.seed * 10000 + number * 10 + again, jobs, kills, options)
            good = good and fine
            killed += count
            kills -= count
            if kills <= 0 or not fine:
                break
    enough = killed >= wanted or not good
    print(f"{'ok' if enough else 'not ok'} - {killed} kills of {wanted}", flush=True)
    sys.exit(0 if good and enough else 1)


if __name__ == '__main__':
    main()
