"""The trials of a search: short folder names, and the file that says what each one tried."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from dilated_cifar.locks import held
from dilated_cifar.runs.atomic import write_text

TRIALS = "trials.csv"


def trial_folder(search: Path, values: Mapping[str, str]) -> Path:
    """The folder of a trial, such as `trial-07`, the same one whenever the same values are tried.

    Args:
        search: The folder of the search; its trials.csv gets a row for values that are new.
        values: What the trial tries, by key.
    """
    search.mkdir(parents=True, exist_ok=True)
    path = search / TRIALS
    with held(search / ".trials.lock", f"writes {path}"):  # several processes may begin a trial at once
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))) if path.is_file() else []
        for row in rows:
            if {key: value for key, value in row.items() if key != "trial" and value} == dict(values):
                return search / row["trial"]
        number = len(rows)
        while (search / f"trial-{number:02}").exists():
            number += 1
        rows.append({"trial": f"trial-{number:02}", **values})
        text = io.StringIO()
        writer = csv.DictWriter(text, dict.fromkeys(key for row in rows for key in row), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(path, text.getvalue())
    return search / f"trial-{number:02}"
