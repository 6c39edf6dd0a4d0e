import hashlib
import io
import multiprocessing
import re
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dilated_cifar.data.archive import obtain
from dilated_cifar.data.release import Archive
from dilated_cifar.errors import UserError
from dilated_cifar.locks import acquired, lock_at

Serve = Callable[..., Any]

FILES = {"data_batch_1": bytes(range(256)) * 1000, "batches.meta": b"names"}


def pack(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=0) as tar:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def describe(content: bytes) -> Archive:
    return Archive("small.tar.gz", hashlib.md5(content).hexdigest(), len(content), "small", list(FILES))


ENTRIES = {f"small/{name}": content for name, content in FILES.items()}
CONTENT = pack(ENTRIES)
ARCHIVE = describe(CONTENT)
LOCK = ".small.tar.gz.lock"


def get(root: Path, *addresses: str, archive: Archive = ARCHIVE) -> None:
    obtain(archive, root, addresses, progress=False)


def assert_complete(root: Path) -> None:
    assert {path.name: path.read_bytes() for path in (root / "small").iterdir()} == FILES
    left = {path.name for path in root.iterdir()} - {LOCK}
    assert left == {"small", "small.tar.gz"}


def test_a_missing_folder_is_downloaded_and_unpacked(serve: Serve, tmp_path: Path) -> None:
    root = tmp_path / "not" / "yet"
    get(root, serve(CONTENT).address)
    assert_complete(root)


def test_nothing_is_asked_for_what_is_there(serve: Serve, tmp_path: Path) -> None:
    served = serve(CONTENT)
    get(tmp_path, served.address)
    get(tmp_path, served.address)
    assert len(served.requests) == 1


def test_an_archive_put_there_by_hand_is_unpacked_without_a_network(tmp_path: Path) -> None:
    (tmp_path / "small.tar.gz").write_bytes(CONTENT)
    get(tmp_path)
    assert_complete(tmp_path)


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "small.tar.gz").write_bytes(CONTENT)
    (tmp_path / "small").mkdir()
    get(tmp_path)
    assert_complete(tmp_path)


def test_a_folder_that_holds_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "small.tar.gz").write_bytes(CONTENT)
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "notes").write_text("mine")
    with pytest.raises(OSError, match="small"):
        get(tmp_path)
    assert [path.name for path in (tmp_path / "small").iterdir()] == ["notes"]


def test_without_a_network_one_line_names_the_three_ways_out(tmp_path: Path, nobody: str) -> None:
    with pytest.raises(UserError) as error:
        get(tmp_path, nobody)
    message = str(error.value)
    assert "\n" not in message
    assert nobody in message
    assert all(way in message for way in ("data.root=", "data.addresses=", "data=spacing"))


def test_without_addresses_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.download=false.*data=spacing"):
        get(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


def test_a_damaged_archive_of_the_users_is_named_and_kept(serve: Serve, tmp_path: Path) -> None:
    path, served = tmp_path / "small.tar.gz", serve(CONTENT)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(UserError, match=re.escape(str(path))):
        get(tmp_path, served.address)
    assert path.read_bytes() == CONTENT[:-1]
    assert served.requests == []


@pytest.mark.parametrize("name", ["../outside", "small/../../outside"])
def test_an_entry_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    content = pack(ENTRIES | {name: b"out"})
    root = tmp_path / "root"
    root.mkdir()
    (root / "small.tar.gz").write_bytes(content)
    with pytest.raises(UserError, match=r"cannot be unpacked .*outside"):
        get(root, archive=describe(content))
    assert list(tmp_path.rglob("outside")) == []
    assert {path.name for path in root.iterdir()} <= {"small.tar.gz", LOCK}


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        (tarfile.SYMTYPE, "../../outside"),
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.LNKTYPE, "../../outside"),
        (tarfile.FIFOTYPE, ""),
        (tarfile.CHRTYPE, ""),
    ],
)
def test_links_out_of_the_folder_and_devices_are_refused(tmp_path: Path, kind: bytes, target: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        link = tarfile.TarInfo("small/data_batch_1")
        link.type, link.linkname = kind, target
        tar.addfile(link)
        meta = tarfile.TarInfo("small/batches.meta")
        tar.addfile(meta)
    content = buffer.getvalue()
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside").write_text("secret")
    (root / "small.tar.gz").write_bytes(content)
    with pytest.raises(UserError, match=r"cannot be unpacked .*(data_batch_1|outside)"):
        get(root, archive=describe(content))
    assert not (root / "small").exists()


def test_an_absolute_path_is_not_written_to(tmp_path: Path) -> None:
    target = tmp_path / "target"
    content = pack(ENTRIES | {str(target): b"out"})
    root = tmp_path / "root"
    root.mkdir()
    (root / "small.tar.gz").write_bytes(content)
    get(root, archive=describe(content))
    assert_complete(root)
    assert not target.exists()


def test_an_archive_without_a_file_is_refused(tmp_path: Path) -> None:
    content = pack({"small/data_batch_1": b"1"})
    (tmp_path / "small.tar.gz").write_bytes(content)
    with pytest.raises(UserError, match=r"holds no small/batches\.meta"):
        get(tmp_path, archive=describe(content))
    assert not (tmp_path / "small").exists()


def test_of_two_processes_one_downloads_and_both_find_it(serve: Serve, tmp_path: Path) -> None:
    served = serve(CONTENT, pause=0.02)  # long enough for both to be at it
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=obtain, args=(ARCHIVE, tmp_path, [served.address])) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert_complete(tmp_path)
    assert served.requests == [None]


OBTAIN = """
import logging, sys
from pathlib import Path
from dilated_cifar.data.archive import obtain
from dilated_cifar.data.release import Archive

logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
name, md5, size, folder, *files = sys.argv[3:]
obtain(Archive(name, md5, int(size), folder, files), Path(sys.argv[1]), [sys.argv[2]], progress=False)
"""


def obtaining(root: Path, address: str) -> "subprocess.Popen[str]":
    described = (ARCHIVE.name, ARCHIVE.md5, str(ARCHIVE.size), ARCHIVE.folder, *ARCHIVE.files)
    command = [sys.executable, "-c", OBTAIN, str(root), address, *described]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def asked(served: Any) -> bool:
    """Whether a process comes for what is served, within a minute."""
    deadline = time.monotonic() + 60
    while not served.requests and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(served.requests)


def test_where_the_first_process_fails_the_one_that_waited_downloads_alone(
    serve: Serve, tmp_path: Path
) -> None:
    root = tmp_path / "made" / "for it"
    wrong, right = (serve(each, held=threading.Event()) for each in (bytes(len(CONTENT)), CONTENT))
    with obtaining(root, wrong.address) as first:
        assert asked(wrong)
        with obtaining(root, right.address) as second:
            assert second.stdout is not None
            assert "waiting for another process" in second.stdout.readline()
            wrong.held.set()
            assert first.wait() != 0
            assert asked(right)
            assert not acquired(lock_at(root / LOCK))
            right.held.set()
            assert second.wait() == 0
    assert_complete(root)


def test_a_download_in_vain_leaves_no_folder(serve: Serve, tmp_path: Path) -> None:
    wrong = serve(b"", status=404)
    with pytest.raises(UserError, match="not downloaded"):
        obtain(ARCHIVE, tmp_path / "made" / "for it", [wrong.address], progress=False)
    assert list(tmp_path.iterdir()) == []


def test_two_processes_in_vain_leave_at_most_the_lock(serve: Serve, tmp_path: Path) -> None:
    wrong = serve(b"", status=404)
    with (
        obtaining(tmp_path / "made", wrong.address) as one,
        obtaining(tmp_path / "made", wrong.address) as other,
    ):
        for process in (one, other):
            _, errors = process.communicate()
            assert process.returncode != 0
            assert "UserError" in errors
    assert [path for path in tmp_path.rglob("*") if path.is_file()] in ([], [tmp_path / "made" / LOCK])
