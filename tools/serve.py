"""Serve the built site over http, compressed, as a web host does.

    python tools/serve.py

The tests use the same server: what a reader's browser gets is what they measure.
"""

import argparse
import gzip
import mimetypes
import sys
import threading
from contextlib import contextmanager
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMPRESSED = ("text/", "application/json", "application/javascript", "image/svg+xml")
A_DAY = "public, max-age=86400"


@cache
def packed(path, changed):
    """Return the compressed content of a file; packed once for each time it changes."""
    return gzip.compress(Path(path).read_bytes(), mtime=0)


class Handler(SimpleHTTPRequestHandler):
    """Files of one folder; text is sent compressed, and connections are kept."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """Send a file, compressed where that pays and the browser can read it."""
        path = Path(self.translate_path(self.path))
        kind = mimetypes.guess_type(path.name)[0] or ""
        accepts = "gzip" in self.headers.get("Accept-Encoding", "")
        if not (accepts and kind.startswith(COMPRESSED) and path.is_file()):
            super().do_GET()
            return
        body = packed(path, path.stat().st_mtime_ns)
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self):
        """Let the browser keep what it has got."""
        self.send_header("Cache-Control", A_DAY)
        super().end_headers()

    def log_message(self, *words):
        """Say nothing about each request."""


class Server(ThreadingHTTPServer):
    """A server that does not mind when a browser hangs up."""

    def handle_error(self, request, client_address):
        """Report an error, unless the other side has gone."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(folder, port=0):
    """Serve a folder on this machine while the context lasts.

    Parameters
    ----------
    folder : pathlib.Path
        What is served.
    port : int
        Where; 0 takes a free port.

    Yields
    ------
    str
        The address of the folder, without a slash at its end.
    """
    server = Server(("127.0.0.1", port), partial(Handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main():
    """Serve the built site until interrupted."""
    parser = argparse.ArgumentParser(description="Serve the built site.")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html")
    options = parser.parse_args()
    with serving(options.site.resolve(), options.port) as address:
        print(f"The book is at {address}/ (stop with Ctrl+C)")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
