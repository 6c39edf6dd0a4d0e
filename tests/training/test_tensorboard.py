"""What a real TensorBoard shows of a run that was stopped, killed and continued."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook

from dilated_cifar.config.run import Config
from dilated_cifar.errors import Interrupted
from dilated_cifar.runs.folder import opened
from dilated_cifar.training.loop import train
from dilated_cifar.training.tensorboard import tag_of

Get = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(
    make_config: Callable[..., Config], tiny: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run stopped in its second epoch, then cut after it had logged that epoch but not saved it."""
    config = make_config(*tiny, "augment=standard", "pictures=10")
    folder = tmp_path_factory.mktemp("board") / "run"
    last = folder / "checkpoints" / "last.pt"
    steps = 0

    def stop(_optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        nonlocal steps
        steps += 1
        if steps == 4:
            os.kill(os.getpid(), signal.SIGINT)
        if steps == 7:  # the third epoch's first step: the second is saved
            os.kill(os.getpid(), signal.SIGINT)

    handle = register_optimizer_step_post_hook(stop)
    try:
        with opened(folder, config), pytest.raises(Interrupted):
            train(config, folder)
        old = last.read_bytes()
        with opened(folder, config), pytest.raises(Interrupted):
            train(config, folder)
        last.write_bytes(old)  # as if the power had gone between the curves and the checkpoint
        with opened(folder, config):
            train(config, folder)
    finally:
        handle.remove()
    assert len(list(folder.glob("events.*"))) == 1
    return folder


@pytest.fixture(scope="module")
def get(folder: Path) -> Iterator[Get]:
    """Ask a TensorBoard that serves the run folder."""
    command = [str(Path(sys.executable).with_name("tensorboard")), "--logdir", str(folder), "--port", "0"]
    assert shutil.which(command[0])
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        address = None
        assert server.stdout is not None
        for line in server.stdout:
            if found := re.search(r"http://[^ ]+:\d+/", line):
                address = found[0]
                break
        assert address is not None
        threading.Thread(target=server.stdout.read, daemon=True).start()

        def ask(path: str, body: object = None, **query: str) -> Any:
            url = f"{address}data/{path}?{urllib.parse.urlencode(query)}"
            content = None if body is None else json.dumps(body).encode()
            question = urllib.request.Request(url, content, {"Content-Type": "application/json"})
            with urllib.request.urlopen(question, timeout=60) as answer:
                return json.load(answer)

        yield ask
        server.kill()


def test_every_curve_is_one_line_and_equals_metrics_csv(get: Get, folder: Path) -> None:
    with (folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    tags = get("plugin/scalars/tags")["."]
    names = [name for name in rows[0] if name != "epoch"]
    assert {"loss/train", "loss/validation", "gap/accuracy", "learning_rate", "norm/gradients"} <= set(names)
    for name in names:
        assert tag_of(name) in tags
        points = get("plugin/scalars/scalars", run=".", tag=tag_of(name))
        assert [step for _, step, _ in points] == [1, 2, 3], name
        values = [float(row[name]) for row in rows]
        assert [value for _, _, value in points] == pytest.approx(values, rel=1e-6), name


def test_the_run_is_one_run_with_its_final_figures(get: Get, folder: Path) -> None:
    assert get("runs") == ["."]
    summary = json.loads((folder / "summary.json").read_text())
    tags = get("plugin/scalars/tags")["."]
    assert {tag.partition("/")[0] for tag in tags} == {"accuracy", "loss", "training"}, "the first two open"
    request = {"experimentName": "", "allowedStatuses": ["STATUS_SUCCESS"], "colParams": [], "sliceSize": 9}
    groups = get("plugin/hparams/session_groups", body=request)["sessionGroups"]
    assert len(groups) == 1
    assert groups[0]["hparams"]["model.dilations"] == "[1,2,5]"
    assert groups[0]["hparams"]["optimizer.lr"] == 0.02
    assert groups[0]["hparams"]["result/test_accuracy"] == pytest.approx(summary["best"]["test"]["accuracy"])


def test_a_mark_is_the_same_split_in_every_run(get: Get) -> None:
    (category,) = get("plugin/custom_scalars/layout")["category"]
    tags = get("plugin/scalars/tags")["."]
    for chart, figure in zip(category["chart"], ("loss", "accuracy"), strict=True):
        assert chart["title"] == f"{figure}: ◼ train_subset, ◆ validation"
        series = [each["value"] for each in chart["margin"]["series"]]
        assert series == [f"{figure}/train_subset", f"{figure}/validation"], (
            "TensorBoard marks them in this order"
        )
        assert set(series) <= set(tags)


def test_pictures_text_and_graph_are_there(get: Get) -> None:
    assert {"augmented", "confusion", "mistakes"} <= set(get("plugin/images/tags")["."])
    assert any(tag.startswith("config") for tag in get("plugin/text/tags")["."])
    assert get("plugin/graphs/info")["."]["run_graph"] is True


def test_texts_of_a_configuration_are_shown_as_they_are(
    make_config: Callable[..., Config], tiny: list[str], tmp_path: Path
) -> None:
    config = replace(make_config(*tiny, "epochs=1"), output_dir="out\u202e\x1b[31m<script>")
    with opened(tmp_path / "run", config):
        train(config, tmp_path / "run")
    (events,) = (tmp_path / "run").glob("events.*")
    content = events.read_bytes()
    assert "out\ufffd".encode() in content
    assert not any(sign.encode() in content for sign in ("\u202e", "\x1b[31m"))
