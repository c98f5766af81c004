"""Lets the disk fail under a batch, resumes, and holds the end against what the server saw.

    disk.py [--drawn N] [--seed N] [--only TEXT] [--weir FILE] [--shim FILE]

A full file system is a small tmpfs where this user may mount one; otherwise, and for everything else, fail_io.so lets
the calls on the results file fail at a chosen byte or count.  The claims, of each scenario:

- exit code 5 and one message that names the file; no success is reported that is not in the file, whole;
- --resume, once the disk works again, completes it: each id once, exit code 0;
- only what had no line that was durable is sent again, and never more of it than the concurrency;
- after a failed write or sync nothing is written or synced any more.
"""
import argparse
import ctypes
import errno
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import results
import server as http

CONCURRENCY = 8


class Trouble(Exception):
    """A claim that does not hold."""


def claim(good, text):
    if not good:
        raise Trouble(text)


class Scene:
    """A directory, a server and a batch of GETs, or POSTs, for one scenario."""

    def __init__(self, options, jobs=200, method='GET', engine='threads'):
        self.options = options
        self.jobs = jobs
        self.method = method
        self.engine = engine
        self.work = tempfile.mkdtemp(prefix='weir-disk-')
        self.home = os.path.join(self.work, 'out')
        os.mkdir(self.home)
        self.file = os.path.join(self.home, 'results.jsonl')
        self.log = os.path.join(self.work, 'log')
        self.mounted = False
        self.bad = set()  # paths that fail
        self.server = http.Server(self.answer).start()
        self.input = os.path.join(self.work, 'jobs.jsonl')
        with open(self.input, 'w', encoding='utf-8') as file:
            for number in range(1, jobs + 1):
                job = {'custom_id': f'id{number}', 'url': f'/job/{number}'}
                if method != 'GET':
                    job.update(method=method, body={'n': number})
                file.write(json.dumps(job) + '\n')

    def answer(self, arrival):
        status = 404 if arrival.target in self.bad else 200
        return http.Answer(status, b'"' + b'x' * 100 + b'"', delay=0.001)

    def close(self):
        self.server.close()
        if self.mounted:
            subprocess.run(['umount', '-l', self.home], check=False)
        shutil.rmtree(self.work, ignore_errors=True)

    def weir(self, *more, fail=None, before=None, output=None, durability='crash', stdout=subprocess.PIPE):
        """Runs weir.  Returns its exit code; `self.summary`, `self.said` and `self.sent` (arrivals) are of this run."""
        environment = dict(os.environ)
        if fail is not None:
            environment.update(LD_PRELOAD=self.options.shim, FAIL_IO_FILE=self.file, FAIL_IO_LOG=self.log)
            environment.update({'FAIL_IO_' + key.upper(): str(value) for key, value in fail.items()})
        if os.path.exists(self.log):
            os.unlink(self.log)
        self.server.run = object()
        begin = len(self.server.arrivals)
        command = [self.options.weir, 'run', '--engine', self.engine, '-u', self.server.url + '/', '-i', self.input, '-o',
                   output or self.file, '-c', str(CONCURRENCY), '--json', '--set', f'output.durability={durability}', *more]
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE,
                              preexec_fn=before, timeout=60, check=False)
        self.server.settle()
        self.said = done.stderr.decode('utf-8', 'replace')
        self.sent = self.server.arrivals[begin:]
        text = (done.stdout or b'').decode('utf-8', 'replace').strip()
        try:
            self.summary = json.loads(text) if text else None
        except ValueError:
            self.summary = None
        return done.returncode

    def journal(self):
        if not os.path.exists(self.file):
            return results.Journal(b'')
        return results.read(self.file)

    def calls(self):
        """The shim's log, as (call, name, errno)."""
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding='utf-8') as file:
            return [(line.split(' ')[0], line.split(' ')[1], int(line.split(' ')[2])) for line in file]

    def check_failed(self, code):
        """The run has failed as it must."""
        claim(code == 5, f'exit code {code}, expected 5: {self.said}')
        claim(os.path.basename(self.file) in self.said, f'the message does not name the file: {self.said!r}')
        journal = self.journal()
        claim(not journal.bad, f'the file has lines that are not whole: {journal.bad}')
        if self.summary is not None:
            claim(self.summary['succeeded'] <= len(journal.results),
                  f"{self.summary['succeeded']} reported, {len(journal.results)} in the file")
        # no retry of what failed, and nothing after it
        calls = [call for call in self.calls() if call[1] == self.file]
        failed = [index for index, call in enumerate(calls) if call[2] != 0 and call[0] in ('write', 'sync')]
        if failed:
            after = [call for call in calls[failed[0] + 1:] if call[0] in ('write', 'sync')]
            claim(not after, f'after the failure it went on: {calls[failed[0]]}, then {after}')

    def check_resumed(self, code, first, lines):
        """`first`: the arrivals of the runs before; `lines`: what their file held at the end."""
        claim(code == 0, f'--resume: exit code {code}: {self.said}')
        journal = self.journal()
        claim(not journal.bad, f'after --resume lines {journal.bad} are not whole')
        ids = [result['custom_id'] for result in journal.results]
        claim(sorted(ids) == sorted(f'id{number}' for number in range(1, self.jobs + 1)),
              f'{len(ids)} results for {self.jobs} jobs, {len(set(ids))} of them different')
        had = {f"/job/{result['custom_id'][2:]}" for result in lines.results}
        again = [arrival.target for arrival in self.sent if any(one.target == arrival.target for one in first)]
        claim(not had & set(again), f'sent again though they were in the file: {sorted(had & set(again))[:5]}')
        claim(len(again) <= CONCURRENCY, f'{len(again)} were sent again, of {CONCURRENCY} that may have been in flight')

    def fail_and_resume(self, fail=None, before=None, durability='crash'):
        code = self.weir(fail=fail, before=before, durability=durability)
        self.check_failed(code)
        first, lines = list(self.server.arrivals), self.journal()
        if self.method == 'POST':
            intents = {note['line'] for note in lines.notes if note.get('event') == 'intent'}
            sent = {int(arrival.target.split('/')[-1]) for arrival in first}
            claim(sent <= intents, f'sent without an intent in the file: {sorted(sent - intents)[:5]}')
            code = self.weir('--resume', durability=durability)
            claim(code in (0, 1), f'--resume: exit code {code}: {self.said}')
            paths = [arrival.target for arrival in self.server.arrivals]
            claim(len(paths) == len(set(paths)), 'a POST was sent twice')
            ids = [result['custom_id'] for result in self.journal().results]
            claim(len(ids) == len(set(ids)) == self.jobs, f'{len(ids)} results, {len(set(ids))} different')
        else:
            self.check_resumed(self.weir('--resume', durability=durability), first, lines)


# -------------------------------------------------------------------------------------------------------- the scenarios

def full_file_system(scene):
    """A tmpfs with 48 KiB left; resumed on the same one, once something else on it is gone."""
    mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=96k', 'tmpfs', scene.home], check=False,
                             stderr=subprocess.DEVNULL).returncode == 0
    if not mounted:
        return 'no mount allowed here: # skip'
    scene.mounted = True
    ballast = os.path.join(scene.home, 'ballast')
    with open(ballast, 'wb') as file:
        file.write(bytes(48 * 1024))
    code = scene.weir()
    scene.check_failed(code)
    claim('No space left' in scene.said, f'the message does not say why: {scene.said}')
    claim(len(scene.journal().results) > 20, f'only {len(scene.journal().results)} results fitted into 48 KiB')
    first, lines = list(scene.server.arrivals), scene.journal()
    code = scene.weir('--resume')  # still full
    claim(code == 5, f'--resume on a full disk: exit code {code}: {scene.said}')
    claim(scene.journal().raw.startswith(lines.raw[:lines.raw.rfind(b'\n', 0, -1) + 1]), 'lines got lost')
    claim(len(scene.sent) <= CONCURRENCY, f'{len(scene.sent)} requests went out on a full disk')
    os.unlink(ballast)
    subprocess.run(['mount', '-o', 'remount,size=1m', scene.home], check=True)
    lines = scene.journal()
    claim(not lines.bad, f'lines not whole: {lines.bad}')
    code = scene.weir('--resume')
    claim(code == 0, f'--resume: exit code {code}: {scene.said}')
    journal = scene.journal()
    ids = [result['custom_id'] for result in journal.results]
    claim(len(ids) == len(set(ids)) == scene.jobs, f'{len(ids)} results, {len(set(ids))} different')
    had = {f"/job/{result['custom_id'][2:]}" for result in lines.results}
    again = {arrival.target for arrival in scene.sent}
    claim(not had & again, f'sent again though they were in the file: {sorted(had & again)[:5]}')
    claim(len(first) - len(had) <= 3 * CONCURRENCY, 'more was in flight than the concurrency')
    return None


def limited_file_size(scene):
    """ulimit -f: a signal, SIGXFSZ, that must not end the process."""
    def before():
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
    scene.fail_and_resume(before=before)


def write_fails_at(after, number, method='GET', durability='crash', engine='threads'):
    def scenario(scene):
        scene.method = method
        scene.fail_and_resume({'call': 'write', 'after': after, 'errno': number}, durability=durability)
    scenario.method = method
    scenario.engine = engine
    return scenario


def write_fails_once(scene):
    """One failure, after which the disk would work again: there must be no second try."""
    scene.fail_and_resume({'call': 'write', 'after': 15000, 'errno': errno.EIO, 'times': 1})


def write_and_cut_fail(scene):
    """Not even the half line can be taken back; --resume cuts it off."""
    code = scene.weir(fail={'call': 'write,ftruncate', 'after': 15000, 'errno': errno.EIO})
    claim(code == 5, f'exit code {code}, expected 5: {scene.said}')
    first, lines = list(scene.server.arrivals), scene.journal()
    claim(len(lines.bad) <= 1, f'lines not whole: {lines.bad}')
    scene.check_resumed(scene.weir('--resume'), first, lines)


def sync_fails_after(count, times=1 << 30, method='GET', engine='threads'):
    def scenario(scene):
        code = scene.weir(fail={'call': 'sync', 'after': count, 'times': times}, durability='power')
        scene.check_failed(code)
        first, lines = list(scene.server.arrivals), scene.journal()
        claim(len(lines.results) <= count * CONCURRENCY, f'{len(lines.results)} lines after {count} syncs')
        if method == 'POST':
            code = scene.weir('--resume', durability='power')
            claim(code in (0, 1), f'--resume: exit code {code}: {scene.said}')
            paths = [arrival.target for arrival in scene.server.arrivals]
            claim(len(paths) == len(set(paths)), 'a POST was sent twice')
        else:
            scene.check_resumed(scene.weir('--resume', durability='power'), first, lines)
    scenario.method = method
    scenario.engine = engine
    return scenario


def with_async(scenario):
    """The same, carried by loops."""
    def changed(scene):
        return scenario(scene)
    changed.engine = 'async'
    return changed


def power_syncs(scene):
    """Every line is synced before it is reported, and the directory once the file is made; `crash` syncs nothing."""
    code = scene.weir(fail={}, durability='power')
    claim(code == 0, f'exit code {code}: {scene.said}')
    syncs = [call for call in scene.calls() if call[0] == 'sync']
    names = {call[1] for call in syncs}
    claim(scene.home in names, f'the directory was not synced: {names}')
    count = sum(call[1] == scene.file for call in syncs)
    claim(count >= scene.jobs / CONCURRENCY, f'{count} syncs for {scene.jobs} jobs')
    os.unlink(scene.file)
    scene.weir(fail={}, durability='crash')
    count = sum(call[0] == 'sync' and call[1] == scene.file for call in scene.calls())
    claim(count <= 2, f'durability crash: {count} syncs')


def short_writes(scene):
    code = scene.weir(fail={'short': 7, 'eintr': 5})
    claim(code == 0, f'exit code {code}: {scene.said}')
    journal = scene.journal()
    claim(not journal.bad and len(journal.results) == scene.jobs, f'{len(journal.results)} results, bad {journal.bad}')


def unwritten_at_close(scene):
    """Durability none promises nothing of what it reports, but that it failed must be told."""
    code = scene.weir(fail={'call': 'write', 'after': 2000, 'errno': errno.ENOSPC}, durability='none')
    claim(code == 5, f'exit code {code}, expected 5: {scene.said}')
    claim(os.path.basename(scene.file) in scene.said, f'the message does not name the file: {scene.said!r}')
    first, lines = list(scene.server.arrivals), scene.journal()
    claim(not lines.bad, f'lines not whole: {lines.bad}')
    claim(scene.weir('--resume') == 0 and len(first) >= len(lines.results), f'--resume: {scene.said}')
    ids = [result['custom_id'] for result in scene.journal().results]
    claim(len(ids) == len(set(ids)) == scene.jobs, f'{len(ids)} results, {len(set(ids))} different')


def close_fails(scene):
    code = scene.weir(fail={'call': 'close', 'errno': errno.EDQUOT})
    claim(code == 5, f'exit code {code}, expected 5: {scene.said}')


def read_fails(scene):
    """The past cannot be read: nothing is sent, nothing is lost."""
    scene.bad = {'/job/7'}
    claim(scene.weir() == 1, f'the first run: {scene.said}')
    raw = scene.journal().raw
    for mode in ('--resume', '--retry-failed'):
        code = scene.weir(mode, fail={'call': 'read', 'errno': errno.EIO})
        claim(code == 5, f'{mode}: exit code {code}, expected 5: {scene.said}')
        claim(not scene.sent, f'{mode}: {len(scene.sent)} requests were sent')
        claim(scene.journal().raw == raw, f'{mode}: the file was changed')
        claim(os.listdir(scene.home) == [os.path.basename(scene.file)], f'left behind: {os.listdir(scene.home)}')


def rewriting_fails(call, after=0):
    """--retry-failed rewrites the file; whatever fails there, the old one stays as it was."""
    def scenario(scene):
        scene.bad = {f'/job/{number}' for number in range(1, 50)}
        claim(scene.weir() == 1, f'the first run: {scene.said}')
        raw = scene.journal().raw
        code = scene.weir('--retry-failed', fail={'call': call, 'after': after, 'beside': 1, 'errno': errno.ENOSPC},
                          durability='power')
        claim(code == 5, f'exit code {code}, expected 5: {scene.said}')
        claim(not scene.sent, f'{len(scene.sent)} requests were sent')
        claim(scene.journal().raw == raw, 'the file was changed')
        claim(os.listdir(scene.home) == [os.path.basename(scene.file)], f'left behind: {os.listdir(scene.home)}')
        scene.bad = set()
        code = scene.weir('--retry-failed')
        claim(code == 0, f'--retry-failed: exit code {code}: {scene.said}')
        claim(len(scene.sent) == 49, f'{len(scene.sent)} sent, 49 had failed')
    return scenario


def rewriting_syncs(scene):
    """The rewritten file is synced before it takes the old one's place, the directory after."""
    scene.bad = {'/job/7'}
    claim(scene.weir() == 1, f'the first run: {scene.said}')
    scene.bad = set()
    code = scene.weir('--retry-failed', fail={'beside': 1}, durability='power')
    claim(code == 0, f'exit code {code}: {scene.said}')
    calls = scene.calls()
    renamed = [index for index, call in enumerate(calls) if call[0] == 'rename']
    claim(len(renamed) == 1, f'{len(renamed)} renames: {calls[:10]}')
    before, after = calls[:renamed[0]], calls[renamed[0] + 1:]
    claim(any(call[0] == 'sync' and call[1].startswith(scene.file) for call in before), f'not synced before: {before}')
    claim(any(call[0] == 'sync' and call[1] == scene.home for call in after), f'directory not synced: {after[:5]}')


def full_stream(scene):
    code = scene.weir(output='/dev/full')
    claim(code == 5, f'-o /dev/full: exit code {code}: {scene.said}')
    claim(len(scene.sent) <= 2 * CONCURRENCY, f'{len(scene.sent)} requests went out')
    with open('/dev/full', 'wb') as full:
        command = [scene.options.weir, 'run', '-u', scene.server.url + '/', '-i', scene.input, '-o', '-', '-c', '8']
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
    claim(done.returncode == 5, f'-o - to /dev/full: exit code {done.returncode}: {done.stderr}')


def reader_gone(scene):
    """-o - into a pipe whose reader ends after some lines."""
    command = [scene.options.weir, 'run', '-u', scene.server.url + '/', '-i', scene.input, '-o', '-', '-c', '8']
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines = [writer.stdout.readline() for _ in range(3)]
    writer.stdout.close()
    said = writer.stderr.read()
    code = writer.wait(60)
    scene.server.settle()
    claim(all(results.unpack(line[:-1]) for line in lines), f'not results: {lines}')
    claim(code == 5, f'exit code {code}, expected 5: {said}')


def no_directory(scene):
    for output in (scene.work + '/none/results.jsonl', scene.home):
        code = scene.weir(output=output)
        claim(code == 5, f'-o {output}: exit code {code}, expected 5: {scene.said}')
        claim(not scene.sent, f'{len(scene.sent)} requests were sent')


SCENARIOS = [
    ('a full file system', full_file_system),
    ('a limit on the size of files', limited_file_size),
    ('the very first write fails', write_fails_at(0, errno.ENOSPC)),
    ('the head is torn', write_fails_at(40, errno.ENOSPC)),
    ('a write fails within a line', write_fails_at(15001, errno.EIO)),
    ('a write fails: quota', write_fails_at(9999, errno.EDQUOT)),
    ('a POST: the note before the send fails', write_fails_at(6000, errno.ENOSPC, 'POST')),
    ('a POST: a write fails, durability power', write_fails_at(12345, errno.EIO, 'POST', 'power')),
    ('a write fails, durability power', write_fails_at(12345, errno.EIO, 'GET', 'power')),
    ('a write fails once', write_fails_once),
    ('a write fails, and so does cutting it off', write_and_cut_fail),
    ('the first sync fails', sync_fails_after(0)),
    ('the fifth sync fails', sync_fails_after(4)),
    ('one sync fails, the next would not', sync_fails_after(7, times=1)),
    ('a POST: a sync fails', sync_fails_after(6, times=1, method='POST')),
    ('async: a write fails', write_fails_at(15001, errno.EIO, engine='async')),
    ('async, power: the first sync fails', sync_fails_after(0, engine='async')),
    ('async, power: one sync fails, the next would not', sync_fails_after(7, times=1, engine='async')),
    ('async, power: a write fails', write_fails_at(12345, errno.EIO, 'GET', 'power', 'async')),
    ('async, power: a POST: a write fails', write_fails_at(12345, errno.ENOSPC, 'POST', 'power', 'async')),
    ('async, power: a POST: a sync fails', sync_fails_after(6, times=1, method='POST', engine='async')),
    ('async: durability power syncs each line and the directory', with_async(power_syncs)),
    ('async: short and interrupted writes', with_async(short_writes)),
    ('async: what is left at the end cannot be written', with_async(unwritten_at_close)),
    ('async: closing fails', with_async(close_fails)),
    ('durability power syncs each line and the directory', power_syncs),
    ('short and interrupted writes', short_writes),
    ('durability none: what is left at the end cannot be written', unwritten_at_close),
    ('closing fails', close_fails),
    ('the past cannot be read', read_fails),
    ('--retry-failed: a write fails', rewriting_fails('write', 5000)),
    ('--retry-failed: a sync fails', rewriting_fails('sync')),
    ('--retry-failed: the rename fails', rewriting_fails('rename')),
    ('--retry-failed: synced before and after the rename', rewriting_syncs),
    ('a stream that is full', full_stream),
    ('a reader that goes away', reader_gone),
    ('no such directory, and a directory', no_directory),
]


def drawn(options):
    """Scenarios at moments that nobody chose: `--drawn` of them."""
    draw = random.Random(options.seed)
    scenarios = []
    for _ in range(options.drawn):
        method = draw.choice(['GET', 'POST'])
        engine = draw.choice(['threads', 'async'])
        if draw.random() < 0.3:
            count = draw.randrange(25)
            times = draw.choice([1, 1 << 30])
            scenarios.append((f'{engine}, {method}: sync {count + 1} fails, {times} times',
                              sync_fails_after(count, times, method, engine)))
        else:
            at = draw.randrange(60000)
            durability = draw.choice(['crash', 'power'])
            scenarios.append((f'{engine}, {method}: a write fails at byte {at}, durability {durability}',
                              write_fails_at(at, draw.choice([errno.EIO, errno.ENOSPC]), method, durability, engine)))
    return scenarios


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--drawn', type=int, default=6, help='writes and syncs that fail at a drawn byte or count')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--only', default='')
    parser.add_argument('--weir', default=os.environ.get('WEIR', 'build/weir'))
    parser.add_argument('--shim', default=os.environ.get('FAIL_IO', '/nowhere'))
    options = parser.parse_args()
    good = True
    ctypes.CDLL(options.shim)  # or every scenario would pass for want of a failure
    for name, scenario in SCENARIOS + drawn(options):
        if options.only not in name:
            continue
        begin = time.monotonic()
        scene = Scene(options, method=getattr(scenario, 'method', 'GET'), engine=getattr(scenario, 'engine', 'threads'))
        try:
            note = scenario(scene)
            print(f"ok - disk: {name}, {time.monotonic() - begin:.1f} s{' ' + note if note else ''}", flush=True)
        except (Trouble, OSError, ValueError, RuntimeError, subprocess.SubprocessError) as error:
            good = False
            text = f'{type(error).__name__}: {error}'
            print('    ' + text[:3000].replace('\n', '\n    ') + f'\nnot ok - disk: {name}', flush=True)
        finally:
            scene.close()
    sys.exit(0 if good else 1)


if __name__ == '__main__':
    main()
