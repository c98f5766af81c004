#!/usr/bin/env python3
"""serve_crowd.py PORT N: opens N connections, sends one GET on each, then reads all answers; fails unless each is a 200
and all came within 20 seconds."""
import resource
import selectors
import socket
import sys
import time

port, count = int(sys.argv[1]), int(sys.argv[2])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
waiting = selectors.DefaultSelector()
for _ in range(count):
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    waiting.register(connection, selectors.EVENT_READ)
start, answered = time.monotonic(), 0
while waiting.get_map() and time.monotonic() - start < 20:
    for key, _ in waiting.select(1):
        answered += key.fileobj.recv(4096).startswith(b"HTTP/1.1 200 ")
        waiting.unregister(key.fileobj)
        key.fileobj.close()
print(f"{answered} of {count} answered after {time.monotonic() - start:.2f} s")
sys.exit(answered != count)
