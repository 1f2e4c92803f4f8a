"""Serves a playground on this machine."""

import functools
import http.server
import types

# What Python's own table of types may lack or call otherwise.
_TYPES = types.MappingProxyType(
    {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }
)


class _Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = _TYPES

    def end_headers(self):
        # Isolated from other origins, the page may use several threads.
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        # Another playground may be served at the same address tomorrow.
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, *_):
        """Says nothing of each request."""


def server(folder, port=0):
    """Returns an HTTP server of a folder on loopback, which `serve_forever` starts.

    Args:
        folder: path of the folder.
        port: int from 0 to 65535. Port; 0 is any free one. Defaults to 0.
    """
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(_Handler, directory=str(folder)))
