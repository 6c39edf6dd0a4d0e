"""Searches whose trials are kept in a data base, which survive a restart."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
STORAGE = "study.db"


def completed(folder: Path) -> dict[int, float]:
    """The value of every completed trial in the data base, by number; none before there is one."""
    query = "SELECT number, value FROM trials JOIN trial_values USING (trial_id) WHERE state = 'COMPLETE'"
    try:
        with closing(sqlite3.connect(f"{(folder / STORAGE).as_uri()}?mode=ro", uri=True)) as connection:
            return dict(connection.execute(query).fetchall())
    except sqlite3.OperationalError:  # no file or table yet
        return {}


def test_a_stopped_search_with_storage_goes_on_with_the_trials_it_had(
    require_engine: Callable[[str], None], tiny: list[str], tmp_path: Path
) -> None:
    require_engine("optuna_sweeper")
    # Without a seed of the sampler, the second command proposes trials of its own.
    search = [sys.executable, str(ROOT / "train.py"), "-m", *tiny, "epochs=1", "name=search"]
    search += ["hydra/sweeper=optuna", "hydra.sweeper.sampler.seed=null", "hydra.sweeper.n_jobs=1"]
    search += [f"hydra.sweeper.storage=sqlite:///{STORAGE}", "hydra.sweeper.study_name=rates"]
    search += ["model.dilations=choice([1,1,1],[1,2,5])", "optimizer.lr=tag(log,interval(0.001,0.1))"]

    with (
        (tmp_path / "stderr").open("w") as stderr,
        subprocess.Popen(
            [*search, "hydra.sweeper.n_trials=1000"],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
            # A suite in the background of a shell ignores Ctrl-C, and so would the search between two trials.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
        ) as process,
    ):
        deadline = time.monotonic() + 300
        while not completed(tmp_path) and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.1)
        assert process.poll() is None, (tmp_path / "stderr").read_text()
        os.killpg(process.pid, signal.SIGINT)
        process.wait(300)
    said = (tmp_path / "stderr").read_text()
    assert process.returncode == 128 + signal.SIGINT, said
    before = completed(tmp_path)
    assert before
    assert "Warning" not in said

    again = subprocess.run(
        [*search, "hydra.sweeper.n_trials=2"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    assert "Warning" not in again.stderr
    after = completed(tmp_path)
    assert before.items() <= after.items()
    assert len(after) == len(before) + 2
    results = yaml.safe_load((tmp_path / "outputs" / "search" / "optimization_results.yaml").read_text())
    assert results["best_value"] == max(after.values())
