"""A server that allows LIMIT requests in any window of a second (a sliding log), and notes each exactly.

Each connection has a thread.  A request is counted at the moment its head was read, under one lock, so the log is in
order; what finds the window full is answered 429 and not counted.  The path says whose a request is: /NAME.
"""
import collections
import socket
import threading
import time

ANSWER = b'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-type: text/plain\r\n\r\nok'
REFUSAL = b'HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\nretry-after: 1\r\n\r\n'


class WindowServer:
    def __init__(self, limit, period=1.0):
        self.limit = limit
        self.period = period
        self.lock = threading.Lock()
        self.log = []                         # (moment, name, status), in order
        self.window = collections.deque()     # moments of what was allowed
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(('127.0.0.1', 0))
        self.listener.listen(512)
        self.url = f'http://127.0.0.1:{self.listener.getsockname()[1]}'
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def count(self, name):
        """True where the request is allowed."""
        with self.lock:
            now = time.monotonic()
            while self.window and now - self.window[0] >= self.period:
                self.window.popleft()
            allowed = len(self.window) < self.limit
            if allowed:
                self.window.append(now)
            self.log.append((now, name, 200 if allowed else 429))
            return allowed

    def serve(self, client):
        data = b''
        try:
            with client:
                while True:
                    while b'\r\n\r\n' not in data:
                        more = client.recv(65536)
                        if not more:
                            return
                        data += more
                    head, data = data.split(b'\r\n\r\n', 1)
                    name = head.split(b' ', 2)[1].decode('latin-1').strip('/')
                    client.sendall(ANSWER if self.count(name) else REFUSAL)
        except OSError:
            return

    def close(self):
        self.listener.close()

    def taken(self):
        """The log so far; the next begins empty, but the window stays."""
        with self.lock:
            log, self.log = self.log, []
            return log
