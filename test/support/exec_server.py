#!/usr/bin/env python3
"""A server for the tests of `weir exec`: /r redirects to /x, /cut ends every third connection without an answer.

Prints its URL; /count answers how many requests came.  Ends by itself after a minute.
"""
import http.server
import os
import socket
import threading

count = 0
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b"", location=None):
        self.send_response(status)
        if location is not None:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        global count
        if self.path == "/count":
            self.answer(200, b"%d" % count)
            return
        with lock:
            count += 1
            number = count
        if self.path.startswith("/r"):
            self.answer(302, location="/x")
        elif self.path.startswith("/cut") and number % 3 == 2:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            self.answer(200, b"ok")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


server = Server(("127.0.0.1", 0), Handler)
watchdog = threading.Timer(60, os._exit, [0])
watchdog.daemon = True
watchdog.start()
print("http://127.0.0.1:%d" % server.server_port, flush=True)
server.serve_forever()
