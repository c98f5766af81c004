#!/usr/bin/python3
"""A peer of weir in benchmarks: asyncio with aiohttp, as many requests in flight as a semaphore lets through.

Usage: aiohttp_semaphore.py URL TOTAL CONCURRENCY

Exit status: 0 where every response was a 200, 1 where one was not, 77 where aiohttp is not installed.
(Debian's own python3, since its package python3-aiohttp is for that one.)
"""
import asyncio
import resource
import sys

try:
    import aiohttp
except ImportError as error:
    sys.exit(print(f"aiohttp_semaphore: {error}: apt-get install python3-aiohttp", file=sys.stderr) or 77)


async def get_all(url, total, concurrency):
    """How many of `total` requests were answered with a 200, their bodies read."""
    succeeded = 0
    semaphore = asyncio.Semaphore(concurrency)

    async def get(session):
        nonlocal succeeded
        try:
            async with session.get(url) as response:
                await response.read()
                succeeded += response.status == 200
        finally:
            semaphore.release()

    # One session for all: connections are kept, and there are never more of them than requests in flight.
    connector = aiohttp.TCPConnector(limit=concurrency)
    timeout = aiohttp.ClientTimeout(total=60)  # as weir's
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session, asyncio.TaskGroup() as group:
        # The semaphore is taken before the task is made: tasks for all of them at once, each to wait for it, would take
        # memory by `total`, and be a comparison with a mistake instead of with aiohttp.
        for _ in range(total):
            await semaphore.acquire()
            group.create_task(get(session))
    return succeeded


def main():
    if len(sys.argv) != 4:
        print("usage: aiohttp_semaphore.py URL TOTAL CONCURRENCY", file=sys.stderr)
        return 2
    url, total, concurrency = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    succeeded = asyncio.run(get_all(url, total, concurrency))
    if succeeded != total:
        print(f"aiohttp_semaphore: {succeeded} of {total} were answered with a 200", file=sys.stderr)
    return 0 if succeeded == total else 1


if __name__ == "__main__":
    sys.exit(main())
