"""A server that misbehaves once, in the way that its argument names, and answers 200 from then on.

cut     reads the first request of each path and closes the connection without an answer
refuse  answers 429 with Retry-After: 1 to everything in the second after the first request

Writes its URL as the first line on stdout, then a line for each request: path, Idempotency-Key (or -), milliseconds
since the first one, body.  It ends with its stdin, or after a minute.
"""
import http.server
import os
import signal
import sys
import threading
import time

seen = set()
began = None
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def note(self):
        """Writes the line; returns whether the path is new, and the milliseconds."""
        global began
        body = self.rfile.read(int(self.headers.get('content-length', 0))).decode()
        with lock:
            now = time.monotonic()
            if began is None:
                began = now
            new = self.path not in seen
            seen.add(self.path)
            at_ms = int((now - began) * 1000)
            print(self.path, self.headers.get('Idempotency-Key', '-'), at_ms, body, flush=True)
        return new, at_ms

    def answer(self, status):
        self.send_response(status)
        if status == 429:
            self.send_header('retry-after', '1')
        self.send_header('content-length', '0')
        self.end_headers()

    def do_POST(self):
        new, at_ms = self.note()
        if sys.argv[1] == 'cut' and new:
            self.close_connection = True
            return
        self.answer(429 if sys.argv[1] == 'refuse' and at_ms < 1000 else 200)

    do_GET = do_POST

    def log_message(self, *_):
        pass


signal.alarm(60)
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print(f'http://127.0.0.1:{server.server_address[1]}', flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
