"""For the tests of `weir exec`: COUNT requests to URL by pycurl, in "threads" or by "multi"; prints the statuses."""
import collections
import sys
import threading

import pycurl

mode, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
statuses = collections.Counter()
lock = threading.Lock()
numbers = iter(range(count))


def handle():
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.WRITEFUNCTION, lambda data: None)
    curl.setopt(pycurl.NOSIGNAL, 1)
    return curl


def tally(curl):
    statuses[curl.getinfo(pycurl.RESPONSE_CODE)] += 1


def work():
    curl = handle()
    while True:
        with lock:
            if next(numbers, None) is None:
                return
        curl.perform()
        with lock:
            tally(curl)


def loop():
    multi = pycurl.CurlMulti()
    handles = [handle() for _ in range(count)]
    for curl in handles:
        multi.add_handle(curl)
    running = count
    while running:
        _, running = multi.perform()
        _, done, _ = multi.info_read()
        for curl in done:
            tally(curl)
        if running:
            multi.select(1.0)


if mode == "threads":
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
else:
    loop()
print(dict(statuses))
