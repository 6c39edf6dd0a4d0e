"""A run that is killed between any two files it writes ends with the same bits, and leaves nothing behind."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_run_killed_before_any_file_is_in_its_place_ends_as_if_nothing_had_happened() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "chaos.py"), "--kinds", "aimed,swept", "--kills", "9"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("last", "previous", "best"):
        assert f"aimed: killed before os.rename {name}.pt" in done.stdout
    assert "swept: killed before" in done.stdout  # a sweep of two, in the middle
    for name in ("config.yaml", "sessions.json", "metrics.csv", "test_predictions.npz", "summary.json"):
        assert f"aimed: killed before os.rename {name}" in done.stdout
