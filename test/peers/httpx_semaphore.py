#!/usr/bin/python3
"""A peer of weir in benchmarks: asyncio with httpx, as many requests in flight as a semaphore lets through.

Usage: httpx_semaphore.py URL TOTAL CONCURRENCY

Exit status: 0 where every response was a 200, 1 where one was not, 77 where httpx is not installed.
(Debian's own python3, since its package python3-httpx is for that one.)
"""
import asyncio
import resource
import sys

try:
    import httpx
except ImportError as error:
    sys.exit(print(f"httpx_semaphore: {error}: apt-get install python3-httpx", file=sys.stderr) or 77)


async def get_all(url, total, concurrency):
    """How many of `total` requests were answered with a 200, their bodies read."""
    succeeded = 0
    semaphore = asyncio.Semaphore(concurrency)

    async def get(client):
        nonlocal succeeded
        try:
            response = await client.get(url)  # its body, too
            succeeded += response.status_code == 200
        finally:
            semaphore.release()

    # One client for all: connections are kept, and there are never more of them than requests in flight.
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    timeout = httpx.Timeout(60)  # as weir's
    async with httpx.AsyncClient(limits=limits, timeout=timeout) as client, asyncio.TaskGroup() as group:
        # The semaphore is taken before the task is made: tasks for all of them at once, each to wait for it, would take
        # memory by `total`, and be a comparison with a mistake instead of with httpx.
        for _ in range(total):
            await semaphore.acquire()
            group.create_task(get(client))
    return succeeded


def main():
    if len(sys.argv) != 4:
        print("usage: httpx_semaphore.py URL TOTAL CONCURRENCY", file=sys.stderr)
        return 2
    url, total, concurrency = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    succeeded = asyncio.run(get_all(url, total, concurrency))
    if succeeded != total:
        print(f"httpx_semaphore: {succeeded} of {total} were answered with a 200", file=sys.stderr)
    return 0 if succeeded == total else 1


if __name__ == "__main__":
    sys.exit(main())
