"""Shows that the checks of kill.py notice what is wrong: a stand-in for weir, with a flaw at choice, is held to them."""
import concurrent.futures
import http.client
import json
import os
import stat
import subprocess
import sys
import tempfile
import types
import urllib.parse

import kill
import results

# flaw -> the variant that has to notice it, and what it has to say
FLAWS = {
    '': ('get', None),
    'forgets': ('get', 'sent again though'),
    'writes twice': ('get', 'in the results twice'),
    'loses': ('get', 'results missing'),
    'bad checksum': ('get', 'is not valid'),
    'overwrites': ('get', 'is not there any more'),
    'lies': ('get', 'without an answer that says so'),
    'exit code': ('get', 'exit code 0, but'),
    'sends twice': ('post', 'must not be sent twice'),
    'draws keys anew': ('key', 'keys '),
}


def option(arguments, name):
    return arguments[arguments.index(name) + 1]


def stand_in(flaw, arguments):
    """One job after the other, with a results file that is a journal."""
    file, url = option(arguments, '-o'), urllib.parse.urlsplit(option(arguments, '-u'))
    with open(option(arguments, '-i'), encoding='utf-8') as lines:
        jobs = [(number, json.loads(line)) for number, line in enumerate(lines, 1) if line.strip()]
    raw = b''
    if os.path.exists(file):
        with open(file, 'rb') as old:
            raw = results.Journal(old.read()).whole()
        os.truncate(file, len(raw))
    if flaw == 'overwrites':
        raw = raw[:-1].replace(b'"', b"'", 4) + raw[-1:]
        with open(file, 'wb') as old:
            old.write(raw)
    past = results.Journal(raw)
    done = {result['custom_id'] for result in past.results}
    intents = {note['line'] for note in past.notes if note['event'] == 'intent'}
    out = open(file, 'ab', buffering=0)
    counts = {'succeeded': 0, 'failed': 0, 'unknown': 0}

    def write(value):
        line = results.sealed(json.dumps(value)[:-1].encode()) + b'\n'
        out.write(line.replace(b'"crc":"', b'"crc":"f', 1)[:-2] + b'\n' if flaw == 'bad checksum' else line)

    def end(job, number, outcome, status):
        counts[outcome] += 1
        result = {'custom_id': job['custom_id'], 'response': {'status_code': status} if status else None,
                  'error': None if outcome == 'succeeded' else {'code': 'x'}, 'weir': {'line': number, 'outcome': outcome}}
        for _ in range(2 if flaw == 'writes twice' else 1):
            write(result)

    for number, job in jobs:
        if job['custom_id'] in done and flaw not in ('forgets', 'sends twice'):
            continue
        if flaw == 'loses' and number % 17 == 0:
            continue
        once = 'method' in job and 'idempotency_key=Idempotency-Key' not in arguments
        if once and number in intents and flaw != 'sends twice':
            end(job, number, 'unknown', 0)
            continue
        if once:
            write({'journal': {'event': 'intent', 'line': number}})
        for _ in range(3):
            status = 0
            try:
                connection = http.client.HTTPConnection(url.hostname, url.port, timeout=5)
                key = f'"{os.getpid()}/{number}"' if flaw == 'draws keys anew' else f'"{number}"'
                connection.request(job.get('method', 'GET'), job['url'], headers={'Idempotency-Key': key})
                status = connection.getresponse().status
            except (OSError, http.client.HTTPException):
                pass
            if once or status not in (0, 503):
                break
        if job['custom_id'] in done:
            continue
        if flaw == 'lies' and status == 404:
            status, outcome = 404, 'succeeded'
        else:
            outcome = 'succeeded' if status == 200 else 'failed' if status == 404 else 'unknown'
        end(job, number, outcome, status)
    print(json.dumps({'total': len(jobs), **counts, 'cancelled': 0, 'skipped': len(done)}))
    failed = counts['failed'] + counts['unknown'] + sum(one['error'] is not None for one in past.results)
    return 1 if failed and flaw != 'exit code' else 0


def notices(flaw, home):
    """Whether kill.py notices the flaw; the moments of one seed may all be harmless."""
    return any(holds(flaw, home, seed) for seed in ((11, 12, 13) if flaw else (11,)))


def holds(flaw, home, seed):
    """Whether kill.py says to a stand-in with the flaw what it should."""
    variant, expected = FLAWS[flaw]
    work = os.path.join(home, f'{flaw}{seed}')
    os.mkdir(work)
    command = os.path.join(work, 'weir')
    with open(command, 'w', encoding='utf-8') as file:
        file.write(f'#!/bin/sh\nexec python3 {os.path.abspath(__file__)} stand-in "{flaw}" "$@"\n')
    os.chmod(command, stat.S_IRWXU)
    done = subprocess.run([sys.executable, kill.__file__, '--weir', command, '--variant', variant, '--kills', '4',
                           '--jobs', '160', '--seed', str(seed), '--only-kills'], capture_output=True, text=True,
                          timeout=60, check=False, env={**os.environ, 'TMPDIR': work})
    good = expected in done.stdout and 'not ok' in done.stdout if expected else done.returncode == 0
    if not good:
        print(f'flaw {flaw!r}: expected {expected!r}, got\n{done.stdout}{done.stderr}')
    return good


def windows_are_counted():
    """One arrival too many in a period is noticed, one that came exactly a period later is not."""
    good = True
    for gap, expected in ((0.0, False), (-0.001, True)):
        run = types.SimpleNamespace(number=0, how='end', ended_at=0, cut=False)
        times = [0.001 * index for index in range(kill.LIMIT)] + [kill.PERIOD + gap]
        arrivals = [types.SimpleNamespace(at=at, run=run) for at in times]
        batch = types.SimpleNamespace(variant={}, shape='window', runs=[run],
                                      server=types.SimpleNamespace(arrivals=arrivals))
        try:
            kill.Batch.check_windows(batch)
            noticed = False
        except kill.Trouble:
            noticed = True
        if noticed != expected:
            print(f'gap {gap}: noticed {noticed}')
            good = False
    return good


def main():
    if sys.argv[1:2] == ['stand-in']:
        sys.exit(stand_in(sys.argv[2], sys.argv[3:]))
    assert results.crc32c(bytes(32)) == 0x8a9136aa  # RFC 3720, B.4
    assert results.crc32c(b'\xff' * 32) == 0x62a8ab43
    assert results.unpack(results.sealed(b'{"a":1')) and not results.unpack(results.sealed(b'{"a":1').replace(b'1', b'2'))
    with tempfile.TemporaryDirectory() as work:
        with concurrent.futures.ThreadPoolExecutor(len(FLAWS)) as pool:
            good = list(pool.map(lambda flaw: notices(flaw, work), FLAWS)) + [windows_are_counted()]
    sys.exit(0 if all(good) else 1)


if __name__ == '__main__':
    main()
