#!/usr/bin/env python3
"""A web server that OpenDaemon's scripts/run shows: says who answers."""

import http.server
import os


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"hello from {os.environ.get('OD_APP', 'web')}, " \
               f"pid {os.getpid()}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form, *args):
        print(self.address_string(), form % args, flush=True)


address = ("127.0.0.1", int(os.environ.get("PORT", "8080")))
print("listening on http://%s:%d" % address, flush=True)
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
