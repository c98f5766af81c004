"""A small HTTP/1.1 server that notes every request exactly, for the tests of batches.

In a program: Server(answer) runs in a thread; `arrivals` holds what came, in order, each with the moments of its arrival
and of its answer.  On its own, `server.py [--log FILE]` prints its URL as the first line and ends by itself after a
minute; FILE gets a line of JSON for each request, before it is answered.

What the path says is what it does:

    /echo                       the request's body, under the request's content type
    /give?status=201&type=text/plain&body=...&b64=...&header=Name:value&delay=0.1&fail=2&close=1
                                just that; `fail`: 503 to the path's first so many requests; `close`: no answer
    anything else               200 and "ok"
"""
import base64
import heapq
import json
import select
import signal
import socket
import sys
import threading
import time
import urllib.parse

REASONS = {200: 'OK', 404: 'Not Found', 429: 'Too Many Requests', 503: 'Service Unavailable'}


class Arrival:
    """A request that was read to its end: counted at that moment, `at`."""
    __slots__ = ('at', 'run', 'number', 'method', 'target', 'headers', 'body', 'status', 'answered_at')

    def __init__(self, method, target, headers, body):
        self.at = time.monotonic()
        self.run = None  # whose it is; the program's own note
        self.number = 0
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.status = None       # what is to be answered; 0: the connection is closed without
        self.answered_at = None  # None: nobody waited for it any more

    def header(self, name):
        """The first field of that name, None where there is none."""
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return None


class Answer:
    """What a request is answered with, after `delay` seconds; status 0 closes the connection."""
    __slots__ = ('status', 'headers', 'body', 'delay')

    def __init__(self, status=200, body=b'"ok"', headers=(('content-type', 'application/json'),), delay=0.0):
        self.status = status
        self.body = body
        self.headers = headers
        self.delay = delay

    def encode(self):
        head = [f'HTTP/1.1 {self.status} {REASONS.get(self.status, "Some")}', f'content-length: {len(self.body)}']
        head += [f'{name}: {value}' for name, value in self.headers]
        return '\r\n'.join(head).encode('utf-8', 'surrogateescape') + b'\r\n\r\n' + self.body


class Connection:
    __slots__ = ('socket', 'input', 'output', 'open', 'pending')

    def __init__(self, client):
        self.socket = client
        self.input = b''
        self.output = b''
        self.open = True
        self.pending = None


class Server:
    """Runs `answer(arrival)`, which returns an Answer, in its own thread from start to close."""

    def __init__(self, answer):
        self.answer = answer
        self.arrivals = []
        self.run = None           # copied into each arrival
        self.on_arrival = None    # called with the arrival once it is counted
        self.on_answer = None     # called with it once its answer is written
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(('127.0.0.1', 0))
        self.listener.listen(1024)
        self.listener.setblocking(False)
        self.url = f'http://127.0.0.1:{self.listener.getsockname()[1]}'
        self.epoll = select.epoll()
        self.epoll.register(self.listener.fileno(), select.EPOLLIN)
        self.connections = {}
        self.timers = []
        self.timer_count = 0
        self.settling = None
        self.ending = False
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def close(self):
        self.ending = True
        self.thread.join()

    def settle(self, seconds=10):
        """Once the client has ended: waits until all that it sent is read and its connections are closed."""
        done = threading.Event()
        self.settling = done
        if not done.wait(seconds):
            raise RuntimeError(f'the server did not settle: {len(self.connections)} connections')

    def serve(self):
        while not self.ending:
            wait = 0.005
            if self.timers:
                wait = min(wait, max(0.0, self.timers[0][0] - time.monotonic()))
            settling = self.settling
            events = self.epoll.poll(0 if settling else wait)
            for fd, _ in events:
                if fd == self.listener.fileno():
                    self.accept()
                else:
                    self.read(self.connections[fd])
            now = time.monotonic()
            while self.timers and self.timers[0][0] <= now:
                _, _, connection, arrival, data = heapq.heappop(self.timers)
                self.reply(connection, arrival, data)
            if settling and not events and not self.connections:
                self.settling = None
                settling.set()
        for connection in list(self.connections.values()):
            self.drop(connection)
        self.listener.close()
        self.epoll.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except BlockingIOError:
                return
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(client)
            self.connections[client.fileno()] = connection
            self.epoll.register(client.fileno(), select.EPOLLIN)

    def drop(self, connection):
        if connection.open:
            connection.open = False
            del self.connections[connection.socket.fileno()]
            self.epoll.unregister(connection.socket.fileno())
            connection.socket.close()

    def read(self, connection):
        if connection.output:
            self.flush(connection)
        try:
            data = connection.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b''
        if not data:
            self.drop(connection)
            return
        connection.input += data
        self.parse(connection)

    def parse(self, connection):
        end = connection.input.find(b'\r\n\r\n')
        if end < 0 or connection.pending:
            return
        lines = connection.input[:end].decode('latin-1').split('\r\n')
        method, target, _ = lines[0].split(' ', 2)
        headers = [tuple(part.strip(' \t') for part in line.split(':', 1)) for line in lines[1:]]
        size = next((int(value) for name, value in headers if name.lower() == 'content-length'), 0)
        if any(name.lower() == 'expect' for name, _ in headers) and len(connection.input) == end + 4 and size:
            connection.socket.send(b'HTTP/1.1 100 Continue\r\n\r\n')
        if len(connection.input) < end + 4 + size:
            return
        body = connection.input[end + 4:end + 4 + size]
        connection.input = connection.input[end + 4 + size:]
        arrival = Arrival(method, target, headers, body)
        arrival.run = self.run
        arrival.number = len(self.arrivals)
        answer = self.answer(arrival)
        arrival.status = answer.status
        connection.pending = arrival
        self.arrivals.append(arrival)
        if self.on_arrival:
            self.on_arrival(arrival)
        self.timer_count += 1
        data = answer.encode() if answer.status else b''
        heapq.heappush(self.timers, (arrival.at + answer.delay, self.timer_count, connection, arrival, data))

    def reply(self, connection, arrival, data):
        if not connection.open:
            return
        connection.pending = None
        arrival.answered_at = time.monotonic()
        if not data:
            self.drop(connection)
        else:
            connection.output += data
            self.flush(connection)
        if self.on_answer:
            self.on_answer(arrival)
        if connection.open and connection.input:
            self.parse(connection)

    def flush(self, connection):
        try:
            sent = connection.socket.send(connection.output)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.drop(connection)
            return
        connection.output = connection.output[sent:]
        wanted = select.EPOLLIN | (select.EPOLLOUT if connection.output else 0)
        self.epoll.modify(connection.socket.fileno(), wanted)


def by_path(seen):
    """The answers that the head of this file promises; `seen` counts the requests of each path."""
    def answer(arrival):
        seen[arrival.target] = seen.get(arrival.target, 0) + 1
        url = urllib.parse.urlsplit(arrival.target)
        if url.path == '/echo':
            return Answer(200, arrival.body, (('content-type', arrival.header('content-type') or 'text/plain'),))
        if url.path != '/give':
            return Answer(200, b'ok', (('content-type', 'text/plain'),))
        query = urllib.parse.parse_qs(url.query, keep_blank_values=True, errors='surrogateescape')

        def one(name, default):
            return query.get(name, [default])[0]
        body = base64.b64decode(one('b64', '')) or one('body', '').encode('utf-8', 'surrogateescape')
        headers = [tuple(text.split(':', 1)) for text in query.get('header', [])]
        if one('type', ''):
            headers.append(('content-type', one('type', '')))
        status = int(one('status', '200'))
        if seen[arrival.target] <= int(one('fail', '0')):
            status = 503
        if 'close' in query:
            status = 0
        return Answer(status, body, headers, float(one('delay', '0')))
    return answer


def main():
    log = open(sys.argv[2], 'a', encoding='utf-8') if sys.argv[1:2] == ['--log'] else None

    def note(arrival):
        log.write(json.dumps({'at': arrival.at, 'method': arrival.method, 'target': arrival.target, 'headers': arrival.headers,
                              'body': base64.b64encode(arrival.body).decode()}) + '\n')
        log.flush()
    signal.alarm(60)
    server = Server(by_path({}))
    server.on_arrival = note if log else None
    server.start()
    print(server.url, flush=True)
    signal.pause()


if __name__ == '__main__':
    main()
