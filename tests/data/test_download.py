import hashlib
import logging
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dilated_cifar.data.download import CUTS, DownloadError, Patience, download
from dilated_cifar.data.release import Archive

Serve = Callable[..., Any]

CONTENT = random.Random(1).randbytes(300_000)
ARCHIVE = Archive("small.tar.gz", hashlib.md5(CONTENT).hexdigest(), len(CONTENT), "small", [])
PATIENCE = Patience()
PAGE = b"<html>sign in</html>"


def get(folder: Path, *addresses: str, patience: Patience = PATIENCE) -> None:
    download(ARCHIVE, folder / ARCHIVE.name, addresses, progress=False, patience=patience)


def begin(folder: Path, content: bytes) -> None:
    """Leave what a run that was stopped leaves."""
    (folder / f"{ARCHIVE.name}.partial").write_bytes(content)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


COMPLETE = {ARCHIVE.name: CONTENT}


def test_the_file_comes_whole_and_leaves_nothing_else(serve: Serve, tmp_path: Path) -> None:
    served = serve(CONTENT)
    get(tmp_path, served.address)
    assert files(tmp_path) == COMPLETE
    assert served.requests == [None]


def test_a_partial_file_is_continued(serve: Serve, tmp_path: Path) -> None:
    begin(tmp_path, CONTENT[:100_000])
    served = serve(CONTENT)
    get(tmp_path, served.address)
    assert files(tmp_path) == COMPLETE
    assert served.requests == ["bytes=100000-"]


def test_a_complete_partial_file_is_only_verified(serve: Serve, tmp_path: Path) -> None:
    begin(tmp_path, CONTENT)
    served = serve(CONTENT)
    get(tmp_path, served.address)
    assert files(tmp_path) == COMPLETE
    assert served.requests == []


@pytest.mark.parametrize("length", [True, False], ids=["length announced", "length unknown"])
def test_a_cut_connection_is_continued_at_the_same_address(
    serve: Serve, tmp_path: Path, length: bool
) -> None:
    served = serve(CONTENT, cut_after=80_000, cuts=3, length=length)
    get(tmp_path, served.address)
    assert files(tmp_path) == COMPLETE
    assert served.requests == [None, "bytes=80000-", "bytes=160000-", "bytes=240000-"]


def test_a_download_cut_too_often_is_continued_from_the_next_address(serve: Serve, tmp_path: Path) -> None:
    first, second = serve(CONTENT, cut_after=10_000), serve(CONTENT)
    get(tmp_path, first.address, second.address)
    assert files(tmp_path) == COMPLETE
    assert len(first.requests) == CUTS
    assert second.requests == [f"bytes={CUTS * 10_000}-"]


def test_what_came_before_a_failure_is_kept_for_the_next_run(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="the connection was cut"):
        get(tmp_path, serve(CONTENT, cut_after=10_000).address)
    assert files(tmp_path) == {f"{ARCHIVE.name}.partial": CONTENT[: CUTS * 10_000]}
    get(tmp_path, serve(CONTENT).address)
    assert files(tmp_path) == COMPLETE


def test_a_server_without_ranges_sends_all_of_it_anew(serve: Serve, tmp_path: Path) -> None:
    begin(tmp_path, CONTENT[:100_000])
    served = serve(CONTENT, ranges=False)
    get(tmp_path, served.address)
    assert files(tmp_path) == COMPLETE
    assert served.requests == ["bytes=100000-"]


def test_a_server_that_calls_gzip_an_encoding_is_taken_at_its_bytes(serve: Serve, tmp_path: Path) -> None:
    get(tmp_path, serve(CONTENT, headers={"Content-Encoding": "gzip"}).address)
    assert files(tmp_path) == COMPLETE


@pytest.mark.parametrize(
    ("content", "how", "reason"),
    [
        (PAGE, {}, "it has another file, of 20 bytes, not 300,000"),
        (bytes(len(CONTENT)), {}, "it gave another file"),
        (PAGE * 50_000, {"length": False}, "it gave another file"),
        (PAGE, {"length": False}, "it has another file, which ends before byte 20"),
        (PAGE, {"status": 404}, "the server answered 404"),
        (PAGE, {"status": 503}, "the server answered 503"),
    ],
    ids=["another length", "same length", "endless", "short", "not found", "out of order"],
)
def test_a_wrong_answer_leads_to_the_next_address_and_says_why(
    serve: Serve,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    content: bytes,
    how: dict[str, Any],
    reason: str,
) -> None:
    wrong, right = serve(content, **how), serve(CONTENT)
    get(tmp_path, wrong.address, right.address)
    assert files(tmp_path) == COMPLETE
    assert f"{wrong.address}: {reason}" in caplog.text
    assert right.requests == [None]  # nothing of the wrong file was left to continue


def test_a_wrong_beginning_is_thrown_away_and_fetched_anew(serve: Serve, tmp_path: Path) -> None:
    begin(tmp_path, bytes(100_000))
    served = serve(CONTENT)
    get(tmp_path, served.address)
    assert files(tmp_path) == COMPLETE
    assert served.requests == ["bytes=100000-", None]


def test_a_wrong_file_is_refused_and_not_kept(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=f"the MD5 is not {ARCHIVE.md5}"):
        get(tmp_path, serve(bytes(len(CONTENT))).address)
    assert files(tmp_path) == {}


def test_a_slow_address_is_left_for_the_next_one_which_continues(serve: Serve, tmp_path: Path) -> None:
    slow, quick = serve(CONTENT, pause=0.05), serve(CONTENT)
    get(tmp_path, slow.address, quick.address, patience=Patience(seconds=0.2, rate=1e6))
    assert files(tmp_path) == COMPLETE
    assert slow.requests == [None]
    assert quick.requests[0] is not None


def test_a_slow_address_serves_when_the_others_fail(serve: Serve, tmp_path: Path) -> None:
    slow, wrong = serve(CONTENT, pause=0.01), serve(PAGE)
    get(tmp_path, slow.address, wrong.address, patience=Patience(seconds=0.1, rate=1e9))
    assert files(tmp_path) == COMPLETE
    assert len(slow.requests) == 2


def test_without_a_network_the_error_alone_speaks(
    tmp_path: Path, nobody: str, caplog: pytest.LogCaptureFixture
) -> None:
    expected = r"none of 2 addresses, the last http://no-such-host\.invalid/: no network, or no such host"
    with caplog.at_level(logging.INFO), pytest.raises(DownloadError, match=expected):
        get(tmp_path, nobody, "http://no-such-host.invalid/")
    assert caplog.records == []
    assert files(tmp_path) == {}


def test_the_bar_says_what_comes_from_where(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    download(ARCHIVE, tmp_path / "a", [serve(CONTENT).address], progress=True, patience=PATIENCE)
    shown = capsys.readouterr().err
    assert "small.tar.gz from 127.0.0.1: 100%" in shown
    assert "300k/300k" in shown
