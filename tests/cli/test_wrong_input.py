"""Every wrong argument gets one line on stderr and exit status 2, and nothing is written."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dilated_cifar.cli import evaluate, train

ROOT = Path(__file__).resolve().parents[2]
Refuse = Callable[..., str]


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Refuse:
    """Run train with arguments that it refuses; returns its one line."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, command: Callable[[list[str]], int] = train.main, status: int = 2) -> str:
        before = sorted(tmp_path.rglob("*"))
        assert command(list(arguments)) == status
        assert sorted(tmp_path.rglob("*")) == before
        captured = capfd.readouterr()
        lines = captured.err.splitlines()
        assert len(lines) == 1, captured.err
        assert lines[0].startswith("error: ")
        return lines[0]

    return run


LAUGHS = "\n".join([
    "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]",
    *(f"a{depth}: &a{depth} [{', '.join([f'*a{depth - 1}'] * 9)}]" for depth in range(1, 30)),
])  # fmt: skip
"""A few hundred bytes of YAML that stand for 9**30 values."""


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("hydra: {run: {dir: elsewhere}}", "holds hydra; expected only keys of a run"),
        ("hydra: {callbacks: {a: {_target_: os.system}}}", "holds hydra; expected only keys of a run"),
        ("defaults: [/schema/run, {model: plain}]", "holds defaults; expected only keys of a run"),
        (LAUGHS, "has values that refer to others; expected each to be written out"),
        ("name: ${oc.env:HOME}", "the configuration holds ${oc.env:HOME}; expected plain data"),
        ("name: !!python/object/apply:os.system [touch owned]", "missing or damaged"),
        ("epochs: " + "[" * 11 + "]" * 11, "the configuration is too large"),
        ("epochs: [" + "1," * 1001 + "]", "the configuration is too large"),
        ("a: " + "x" * 2**16, "larger than a configuration"),
        ("name: ../../x", "missing in the configuration"),
    ],
)
def test_a_configuration_from_elsewhere_is_plain_data(
    refused: Refuse, tmp_path: Path, content: str, told: str
) -> None:
    (tmp_path / "saved.yaml").write_text(content)
    assert told in refused("config=saved.yaml")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["model=dilated_152"], "model=dilated_152: expected dilated_125"),
        (["experiment=dmeo"], "experiment=dmeo: expected demo?"),
        (["modle=plain"], "modle: no such key; expected model?"),
        (["lr=0.1"], "lr: no such key; expected optimizer.lr"),
        (["model.dilatons=[1,1,1]"], "model.dilatons: no such key; expected model.dilations or"),
        (["optimizer.lr=abc"], "optimizer.lr=abc: expected a number"),
        (["epochs=1.5"], "epochs=1.5: expected a whole number"),
        (["model.norm=maybe"], "model.norm=maybe: expected true or false"),
        (["model.dilations=3"], "model.dilations: expected a list; write 'model.dilations=[1,2,5]'"),
        (["augment.crop=24"], "augment.crop: expected a list; write 'augment.crop=[24]'"),
        (["model.dilations=[1,2"], "unclosed bracket in model.dilations=[1,2"),
        (["model.dilations=[1,2]"], "model.dilations=[1,2]: expected 3 rates, one for each layer of"),
        (["model.dilations=[1,0,2]"], "model.dilations=[1,0,2]: expected rates from 1"),
        (["model.channels=[]", "model.dilations=[]"], "model.channels=[]: expected one number a layer"),
        (["model.kernel_size=4"], "model.kernel_size=4: expected an odd number"),
        (["model.padding=full"], "model.padding=full: expected one of valid, same"),
        (["model.dilations=[9,9,9]"], "layer 2 meets a 14x14 map with a kernel that spans 19x19 pixels"),
        (["model.pool=true", "model.dilations=[1,5,5]"], "layer 3 meets a 2x2 map"),
        (
            ["model=resnet", "model.strides=[1,2]", "model.blocks=[2,2,2]"],
            "model.strides=[1,2]: expected 3 strides",
        ),
        (["model=resnet", "model.output_stride=3"], "model.output_stride=3: expected a product of the first"),
        (["model=resnet", "model.layout=G"], "model.layout=G: expected one of S, F, four"),
        (
            ["model=resnet", "model.layout=S", "model.strides=[1,1,1]"],
            "model.strides=[1,1,1]: expected [1,2",
        ),
        (
            ["model=resnet", "model.strides=[1,8,8]"],
            "model.strides=[1,8,8]: expected strides",
        ),
        (["seed=18446744073709551616"], "seed=18446744073709551616: expected a whole number from 0 to"),
        (["model=drn_e"], "model=drn_e: expected"),
        (["model=drn_a", "model.variant=e"], "model.variant=e: expected one of a, b, c, d"),
        (["model=drn_c", "model.layout=fuor"], "model.layout=fuor: expected four?"),
        (["model=drn_c", "model.width=0"], "model.width=0: expected a whole number from 1"),
        (
            ["model=drn_c", "model.layout=four", "model.blocks=[2,2,2]"],
            "model.blocks=[2,2,2]: expected 4 numbers",
        ),
        (["model=drn_c", "model.blocks=[2,0,2]"], "model.blocks=[2,0,2]: expected the number of blocks"),
        (["model=resnet", "model.width=0"], "model.width=0: expected a whole number from 1"),
        (["model.family=resnet"], "model.channels: no such key"),
        (["epochs=0"], "epochs=0: expected a whole number from 1"),
        (["batch_size=60000"], "batch_size=60000: expected at most the 45000 images"),
        (["batch_size=0"], "batch_size=0: expected a whole number from 1"),
        (["seed=-1"], "seed=-1: expected a whole number from 0"),
        (["optimizer.lr=-0.1"], "optimizer.lr=-0.1: expected a learning rate above 0"),
        (["optimizer.weight_decay=-1"], "optimizer.weight_decay=-1.0: expected 0 or more"),
        (["schedule=step", "schedule.gamma=0"], "schedule.gamma=0.0: expected 0 < gamma <= 1"),
        (["schedule=multistep", "schedule.milestones=[5,2]"], "expected rising epochs from 1"),
        (["schedule.warmup_epochs=100"], "schedule.warmup_epochs=100.0: expected at most epochs=10"),
        (["label_smoothing=1"], "label_smoothing=1.0: expected a share"),
        (["ema=2"], "ema=2.0: expected a decay between 0 and 1"),
        (["gradient_clip=0"], "gradient_clip=0.0: expected a norm above 0"),
        (["precision=fp8"], "precision=fp8: expected fp32? (one of auto, fp32, bf16)"),
        (["plain"], "plain: expected KEY=VALUE; write model=plain"),
        (["--model", "plain"], "--model: no such option; write model=plain"),
        (["-model=plian"], "-model: no such option; write model=plian"),
        (["--batch-size", "64"], "--batch-size: no such option; write batch_size=64"),
        (["--multi-run"], "--multi-run: no such option; write --multirun"),
        (["epochs", "=", "5"], "epochs: expected KEY=VALUE; write epochs=5"),
        (["rates=2,2,2"], "rates=2,2,2: expected a list; write 'model.dilations=[2,2,2]'"),
        (["-m", "model.dilations=1,2,5"], "expected a list; write 'model.dilations=[1,2,5]'"),
        (
            ["-m", "model=plain"],
            "-m: no key has several values, such as seed=0,1,2; write: python train.py model=",
        ),
        (["config=missing.yaml"], "config=missing.yaml: no such file"),
        (["seed=0,1"], "seed=0,1: several values make a sweep; write: python train.py -m seed=0,1"),
        (["~model"], "model: missing in the configuration"),
        (["--verbose"], "--verbose: no such option; --help"),
        (["--cfg", "jop"], "invalid choice: 'jop' (choose from"),
        (["--cfg", "job", "-m"], "--cfg --multirun: expected one of these options"),
        (["--config-dir", "nowhere"], "--config-dir=nowhere: no such folder"),
        (["data.validation=50000"], "data.validation=50000: expected"),
        (["output_dir=/dev/null/runs"], "cannot be written"),
    ],
)
def test_train_refuses(refused: Refuse, arguments: list[str], told: str) -> None:
    assert told in refused(*arguments)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "no run: expected the folder of one, such as outputs/NAME"),
        (["run=nowhere"], "nowhere: no such file or folder"),
        (["sweep"], "sweep: holds 2 runs and is none; write one or more of them: sweep/one"),
        (["dvice", "cpu"], "dvice: no such file or folder; write device=cpu"),
        (["no, such=file.pt"], "no, such=file.pt: no such file"),
        (["run=a", "split=tests"], "split=tests: expected test?"),
        (["run=a", "flip=maybe"], "flip=maybe: expected true or false"),
        (["runn=a"], "runn: no such key; expected"),
        (["run="], "run=: expected a value"),
        (["run=a", "device=cpu,cuda"], "device=cpu,cuda: expected one value; write device=cpu"),
        (["-m", "run=a"], "-m: evaluate makes no sweeps; write: python evaluate.py run=a"),
    ],
)
def test_evaluate_refuses(refused: Refuse, arguments: list[str], told: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "sweep" / name / "checkpoints").mkdir(parents=True)
        (tmp_path / "sweep" / name / "checkpoints" / "last.pt").touch()
    assert told in refused(*arguments, command=evaluate.main)


def test_a_folder_of_other_files_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "outputs" / "photos").mkdir(parents=True)
    (tmp_path / "outputs" / "photos" / "cat.jpg").write_bytes(b"cat")
    assert train.main(["name=photos"]) == 2
    assert "holds cat.jpg and no run; write name=OTHER" in capfd.readouterr().err
    assert [path.name for path in (tmp_path / "outputs" / "photos").iterdir()] == ["cat.jpg"]


def test_another_programs_configuration_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    foreign = tmp_path / "outputs" / "blog" / "config.yaml"
    foreign.parent.mkdir(parents=True)
    foreign.write_text("title: my blog\n")
    assert train.main(["name=blog"]) == 2
    error = capfd.readouterr().err
    assert "config.yaml: not a configuration of a run" in error
    assert "write name=OTHER" in error
    assert foreign.read_text() == "title: my blog\n"
    assert [path.name for path in foreign.parent.iterdir()] == ["config.yaml"]


def test_a_process_of_its_own_ends_with_the_status_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "train.py"), "epochs=0"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: epochs=0: expected a whole number from 1 to 100,000\n"


@pytest.mark.parametrize("arguments", [["device=cuda"], ["device=cuda:7"], ["device=mps"], ["device=tpu"]])
def test_a_device_that_is_not_there_is_named(
    arguments: list[str],
    tiny: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    import torch

    if torch.cuda.device_count() > 7 or torch.backends.mps.is_available():
        pytest.skip("this machine has the device")
    if arguments == ["device=cuda"] and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    monkeypatch.chdir(tmp_path)
    assert train.main([*tiny, *arguments]) == 2
    error = capfd.readouterr().err
    assert len(error.splitlines()) == 1
    assert arguments[0] in error
