"""What a run folder says of each start of its run."""

import shlex
import sys
from pathlib import Path

import pytest

from dilated_cifar.errors import UserError
from dilated_cifar.runs.environment import add_session
from dilated_cifar.runs.reading import read_sessions
from dilated_cifar.runs.record import SESSIONS


def test_each_start_is_added_and_a_damaged_list_begins_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert read_sessions(tmp_path) == []
    add_session(tmp_path, 0, 0, "cpu (1 threads, fp32)", 1, "train.py seed=1")
    add_session(tmp_path, 2, 5, "cpu (1 threads, 2 processes, fp32)", 2, None)
    first, second = read_sessions(tmp_path)
    assert (first.epoch, first.step, first.command) == (0, 0, "train.py seed=1")
    assert (second.epoch, second.step, second.processes) == (2, 5, 2)
    assert second.command == shlex.join(sys.argv)
    assert first.versions == second.versions
    assert first.versions.keys() >= {"python", "torch", "numpy"}

    (tmp_path / SESSIONS).write_bytes((tmp_path / SESSIONS).read_bytes()[:100])
    with pytest.raises(UserError, match=r"sessions\.json: damaged"):
        read_sessions(tmp_path)
    add_session(tmp_path, 3, 0, "cpu (1 threads, fp32)", 1, None)
    assert [session.epoch for session in read_sessions(tmp_path)] == [3]
    assert "sessions.json: damaged" in caplog.text
    assert "begun anew" in caplog.text
