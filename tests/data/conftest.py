"""A real HTTP server on loopback, whose every address misbehaves as a test wants it to."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Served:
    """What lies at one address, and how it is sent."""

    content: bytes
    status: int = 200
    cut_after: int | None = None
    """Close the connection after so many bytes of an answer."""
    cuts: int = 10**9
    """So many times; later answers are whole."""
    ranges: bool = True
    """Whether it knows the header Range."""
    length: bool = True
    """Whether it announces the length."""
    pause: float = 0.0
    """Seconds between two blocks of 4 kB."""
    held: threading.Event | None = None
    """Waited for before the last block."""
    headers: dict[str, str] = field(default_factory=dict)
    address: str = ""
    requests: list[str | None] = field(default_factory=list)
    """The Range of each request that came."""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range")
        self.requests.append(asked)
        content, status = self.content, self.status
        if asked and self.ranges:
            match = re.fullmatch(r"bytes=(\d+)-", asked)
            assert match
            content = content[int(match[1]) :]
            status = 206 if content else 416
        request.send_response(status)
        if status == 206:
            size = len(self.content)
            request.send_header("Content-Range", f"bytes {size - len(content)}-{size - 1}/{size}")
        if self.length:
            request.send_header("Content-Length", str(len(content)))
        for name, value in self.headers.items():
            request.send_header(name, value)
        request.end_headers()
        if self.cut_after is not None and len(self.requests) <= self.cuts:
            content = content[: self.cut_after]
        try:
            for block in range(0, len(content), 4096):
                if self.held and block + 4096 >= len(content):
                    self.held.wait(60)
                request.wfile.write(content[block : block + 4096])
                time.sleep(self.pause)
        except OSError:  # the client hung up
            pass


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Give a function that puts something at an address of its own."""
    paths: dict[str, Served] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths[self.path].answer(self)

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()

    def put(content: bytes, **how: object) -> Served:
        path = f"/{len(paths)}"
        paths[path] = Served(content, address=f"http://127.0.0.1:{http.server_port}{path}", **how)
        return paths[path]

    yield put
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def nobody() -> str:
    """Give an address where nobody listens."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    http.server_close()
    return f"http://127.0.0.1:{http.server_port}/"
