"""The downloader against a real HTTP server on loopback, with a small archive of the same shape."""

import hashlib
import io
import logging
import multiprocessing
import random
import re
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dilated_cifar.data.archive import obtain
from dilated_cifar.data.download import CUTS, Archive, Patience
from dilated_cifar.errors import UserError

FILES = {"data_batch_1": random.Random(1).randbytes(300_000), "batches.meta": b"names"}


def pack(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def describe(content: bytes) -> Archive:
    return Archive("small.tar.gz", hashlib.md5(content).hexdigest(), len(content), "small", list(FILES))


CONTENT = pack({f"small/{name}": content for name, content in FILES.items()})
ARCHIVE = describe(CONTENT)


@dataclass
class Served:
    """What one path of the server does."""

    content: bytes = CONTENT
    status: int = 200
    cut_after: int | None = None
    """Close the connection after so many bytes of an answer."""
    cuts: int = 10**9
    ranges: bool = True
    pause: float = 0.0
    """Seconds between two blocks of 4 kB."""
    length: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[str | None] = field(default_factory=list)
    """The Range of each request that came."""


class Server:
    def __init__(self) -> None:
        self.paths: dict[str, Served] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def serve(self, name: str, served: Served) -> str:
        self.paths[f"/{name}"] = served
        return f"http://127.0.0.1:{self.http.server_port}/{name}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        served = self.paths[request.path]
        asked = request.headers.get("Range")
        served.requests.append(asked)
        content, status = served.content, served.status
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and served.ranges else 0
        if start:
            status = 206 if start < len(content) else 416
            content = content[start:]
        request.send_response(status)
        if status == 206:
            last = len(served.content) - 1
            request.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
        if served.length:
            request.send_header("Content-Length", str(len(content)))
        for name, value in served.headers.items():
            request.send_header(name, value)
        request.end_headers()
        if served.cut_after is not None and len(served.requests) <= served.cuts:
            content = content[: served.cut_after]
        try:
            for block in range(0, len(content), 4096):
                request.wfile.write(content[block : block + 4096])
                time.sleep(served.pause)
        except OSError:  # the client hung up
            pass

    def close(self) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def get(root: Path, *addresses: str, archive: Archive = ARCHIVE, patience: Patience | None = None) -> None:
    obtain(archive, root, addresses, progress=False, patience=patience)


def assert_complete(root: Path) -> None:
    assert {path.name: path.read_bytes() for path in (root / "small").iterdir()} == FILES
    left = {path.name for path in root.iterdir()} - {".small.tar.gz.lock"}
    assert left == {"small", "small.tar.gz"}


def test_a_missing_folder_is_downloaded_and_unpacked(server: Server, tmp_path: Path) -> None:
    root = tmp_path / "not" / "yet"
    get(root, server.serve("a", Served()))
    assert_complete(root)


def test_nothing_is_asked_for_what_is_there(server: Server, tmp_path: Path) -> None:
    served = Served()
    address = server.serve("a", served)
    get(tmp_path, address)
    get(tmp_path, address)
    assert len(served.requests) == 1


def test_an_archive_put_there_by_hand_is_unpacked_without_a_network(tmp_path: Path) -> None:
    (tmp_path / "small.tar.gz").write_bytes(CONTENT)
    get(tmp_path)
    assert_complete(tmp_path)


def test_a_folder_that_is_there_and_empty_is_filled(tmp_path: Path) -> None:
    (tmp_path / "small.tar.gz").write_bytes(CONTENT)
    (tmp_path / "small").mkdir()
    get(tmp_path)
    assert_complete(tmp_path)


def test_a_partial_file_is_continued(server: Server, tmp_path: Path) -> None:
    (tmp_path / "small.tar.gz.partial").write_bytes(CONTENT[:100_000])
    served = Served()
    get(tmp_path, server.serve("a", served))
    assert_complete(tmp_path)
    assert served.requests == ["bytes=100000-"]


def test_a_complete_partial_file_is_only_verified(server: Server, tmp_path: Path) -> None:
    (tmp_path / "small.tar.gz.partial").write_bytes(CONTENT)
    served = Served()
    get(tmp_path, server.serve("a", served))
    assert_complete(tmp_path)
    assert served.requests == []


@pytest.mark.parametrize("length", [True, False], ids=["length announced", "length unknown"])
def test_a_cut_connection_is_continued_at_the_same_address(
    server: Server, tmp_path: Path, length: bool
) -> None:
    served = Served(cut_after=80_000, cuts=3, length=length)
    get(tmp_path, server.serve("a", served))
    assert_complete(tmp_path)
    assert served.requests == [None, "bytes=80000-", "bytes=160000-", "bytes=240000-"]


def test_a_cut_download_is_continued_from_the_next_address(server: Server, tmp_path: Path) -> None:
    first, second = Served(cut_after=10_000), Served()
    get(tmp_path, server.serve("a", first), server.serve("b", second))
    assert_complete(tmp_path)
    assert len(first.requests) == CUTS
    assert second.requests == [f"bytes={CUTS * 10_000}-"]


def test_a_cut_download_is_continued_by_the_next_run(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the connection was cut"):
        get(tmp_path, server.serve("a", Served(cut_after=10_000)))
    served = Served()
    get(tmp_path, server.serve("b", served))
    assert_complete(tmp_path)
    assert served.requests == [f"bytes={CUTS * 10_000}-"]


def test_a_server_without_ranges_sends_all_of_it_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / "small.tar.gz.partial").write_bytes(CONTENT[:100_000])
    served = Served(ranges=False)
    get(tmp_path, server.serve("a", served))
    assert_complete(tmp_path)
    assert served.requests == ["bytes=100000-"]


def test_a_server_that_calls_gzip_an_encoding_is_taken_at_its_bytes(server: Server, tmp_path: Path) -> None:
    get(tmp_path, server.serve("a", Served(headers={"Content-Encoding": "gzip"})))
    assert_complete(tmp_path)


WRONG = {
    "another length": Served(content=b"<html>sign in</html>"),
    "same length": Served(content=bytes(len(CONTENT))),
    "no length": Served(content=b"<html>sign in</html>" * 50_000, length=False),
    "not found": Served(status=404),
    "out of order": Served(status=503),
    "cut": Served(cut_after=0),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_answer_leads_to_the_next_address(server: Server, tmp_path: Path, kind: str) -> None:
    wrong = replace(WRONG[kind], requests=[])
    get(tmp_path, server.serve("a", wrong), server.serve("b", Served()))
    assert_complete(tmp_path)


def test_a_wrong_beginning_is_thrown_away_and_fetched_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / "small.tar.gz.partial").write_bytes(bytes(100_000))
    served = Served()
    get(tmp_path, server.serve("a", served))
    assert_complete(tmp_path)
    assert served.requests == ["bytes=100000-", None]


def test_a_wrong_file_alone_is_refused_and_not_kept(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"the MD5 is not {ARCHIVE.md5}"):
        get(tmp_path, server.serve("a", Served(content=bytes(len(CONTENT)))))
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


def test_a_slow_address_is_left_for_the_next_one_which_continues(server: Server, tmp_path: Path) -> None:
    slow, quick = Served(pause=0.05), Served()
    patience = Patience(seconds=0.2, rate=1_000_000)
    get(tmp_path, server.serve("a", slow), server.serve("b", quick), patience=patience)
    assert_complete(tmp_path)
    assert len(slow.requests) == 1
    assert quick.requests[0] is not None


def test_a_slow_address_serves_when_the_others_fail(server: Server, tmp_path: Path) -> None:
    slow = Served(pause=0.01)
    patience = Patience(seconds=0.1, rate=1e9)
    get(tmp_path, server.serve("a", slow), server.serve("b", Served(status=404)), patience=patience)
    assert_complete(tmp_path)


def test_without_a_network_one_line_names_the_three_ways_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    unused = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    address = f"http://127.0.0.1:{unused.server_port}/a"
    unused.server_close()
    with caplog.at_level(logging.INFO), pytest.raises(UserError) as error:
        get(tmp_path, address, "http://no-such-host.invalid/a")
    message = str(error.value)
    assert "\n" not in message
    assert "none of 2 addresses" in message
    assert all(way in message for way in ("data.root=", "data.addresses=", "data=spacing"))
    assert caplog.records == []


def test_without_addresses_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.download=false.*data=spacing"):
        get(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


def test_a_damaged_archive_of_the_users_is_named_and_kept(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "small.tar.gz"
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match=re.escape(str(path))):
        get(tmp_path, server.serve("a", Served()))
    assert path.read_bytes() == CONTENT[:-1]


@pytest.mark.parametrize("name", ["../outside", "small/../../outside", "/tmp/outside-of-the-folder"])
def test_an_entry_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    content = pack({f"small/{key}": value for key, value in FILES.items()} | {name: b"out"})
    root = tmp_path / "root"
    root.mkdir()
    (root / "small.tar.gz").write_bytes(content)
    if name.startswith("/"):
        get(root, archive=describe(content))  # unpacked below the folder, and left behind with it
        assert_complete(root)
        assert not Path(name).exists()
    else:
        with pytest.raises(UserError, match="cannot be unpacked"):
            get(root, archive=describe(content))
        assert not (root / "small").exists()
    assert not (tmp_path / "outside").exists()


def test_an_archive_without_a_file_is_refused(tmp_path: Path) -> None:
    content = pack({"small/data_batch_1": b"1"})
    (tmp_path / "small.tar.gz").write_bytes(content)
    with pytest.raises(UserError, match=r"holds no small/batches\.meta"):
        get(tmp_path, archive=describe(content))
    assert not (tmp_path / "small").exists()


def test_of_two_processes_one_downloads_and_both_find_it(server: Server, tmp_path: Path) -> None:
    served = Served(pause=0.02)  # long enough for both to be at it
    address = server.serve("a", served)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=obtain, args=(ARCHIVE, tmp_path, [address])) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert_complete(tmp_path)
    assert served.requests == [None]
