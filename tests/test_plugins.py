"""Networks of one's own, from a file or an installed package, in every command."""

import importlib
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import yaml

from dilated_cifar import load, plugins, registry
from dilated_cifar.cli import compare, evaluate, explain, export, localize, train
from dilated_cifar.config import families
from dilated_cifar.config.model import ModelConfig
from dilated_cifar.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "examples" / "own_network" / "separable.py"
NETWORK = [f"plugin={FILE}", "model=separable", "model.width=4"]
HEAD = """
from dataclasses import dataclass
from torch import nn
from dilated_cifar.config.model import ModelConfig
from dilated_cifar.models.classifier import Classifier
from dilated_cifar.registry import network, offer
"""
MINE = f"""{HEAD}
@dataclass
class MineConfig(ModelConfig):
    family: str = "mine"

@network(MineConfig)
def build_mine(config, classes, input_size):
    return Classifier(nn.Conv2d(input_size[0], 4, 3), 4, classes)
"""
BUILT = "Classifier(nn.Conv2d(input_size[0], 4, 3), 4, classes)"
"""What it builds."""
YAML = "# of my own\ndefaults: [/schema/model/mine@_here_]\n"


def forget() -> None:
    """As in a new process, in which no plugin is loaded."""
    for module in list(plugins._loaded):
        families.remove_added(module)
        sys.modules.pop(module, None)
    plugins._loaded.clear()
    registry._FOLDERS.clear()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder, in which no plugin is loaded; it has a choice `model=mine`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "mine.yaml").write_text(YAML)
    yield tmp_path
    forget()


@pytest.fixture
def small(tiny: list[str]) -> list[str]:
    """Overrides for a run of one epoch, with a schedule that may go on for more."""
    return [*(each for each in tiny if "channels" not in each), "epochs=1", "schedule=constant"]


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must end with status 2 and one line, which is returned."""

    def run(main: Callable[[list[str]], int], *arguments: str) -> str:
        capsys.readouterr()
        assert main(list(arguments)) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return line

    return run


ANY = """
class Any(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(channels, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU())
        self.head = nn.LazyLinear(classes)

    def forward(self, images):
        return self.head(self.body(images).flatten(1))

"""


def test_any_module_from_images_to_logits_is_trained_taken_on_evaluated_explained_exported_and_compared(
    small: list[str], here: Path, refused: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = MINE.replace("@dataclass", f"{ANY}@dataclass", 1).replace(BUILT, "Any(input_size[0], classes)")
    (here / "mine.py").write_text(text)
    typed = [*small, "plugin=mine.py", "--config-dir", "conf", "model=mine", "name=one"]
    assert train.main(typed) == 0
    assert "evaluate.py outputs/one plugin=mine.py" in capsys.readouterr().out
    saved = yaml.safe_load(Path("outputs/one/config.yaml").read_text())
    assert (saved["plugin"], saved["model"]["family"]) == (["mine.py"], "mine")
    forget()
    assert train.main([*typed, "epochs=2"]) == 0
    assert json.loads(Path("outputs/one/summary.json").read_text())["last"]["epoch"] == 2
    forget()
    assert explain.main(["outputs/one", "controls=2", "samples=4", "threads=1", "plugin=mine.py"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "last map 15x15, jump 2" in told
    assert "one: no class maps; they need a network with a method class_maps(images)" in told
    found = {path.name for path in Path("outputs/one/explain").iterdir()}
    assert {"effective_field.png", "strongest.png", "count_map.png", "explanation.html"} <= found
    assert "class_maps.png" not in found
    forget()
    exporting = ["outputs/one", "formats=safetensors", "threads=1"]
    assert "write plugin=mine.py" in refused(export.main, *exporting)
    assert export.main([*exporting, "plugin=mine.py"]) == 0
    card = Path("outputs/one/export/README.md").read_text()
    assert "dilated-cifar-evaluate model.safetensors plugin=mine.py" in card
    forget()
    assert "write plugin=mine.py" in refused(evaluate.main, "outputs/one/export")
    assert evaluate.main(["outputs/one/export", "threads=1", "plugin=mine.py"]) == 0
    loaded = load("outputs/one", plugin="mine.py").network
    assert loaded(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    assert compare.main(["outputs/one", "plugin=mine.py"]) == 0


@pytest.mark.parametrize("kind", ["flat", "untraceable"])
def test_what_a_network_does_not_have_is_left_out_and_named(
    small: list[str], here: Path, refused: Callable[..., str], capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    body = {
        "flat": "nn.Sequential(nn.Flatten(), nn.Linear(3072, classes))",
        "untraceable": "Any(input_size[0], classes)",
    }[kind]
    changed = ANY.replace("self.body(images)", "torch.fft.fft2(self.body(images)).abs()")
    text = MINE.replace("@dataclass", f"import torch\n{changed}@dataclass", 1).replace(BUILT, body)
    (here / "mine.py").write_text(text)
    typed = [*small, "plugin=mine.py", "--config-dir", "conf", "model=mine", "name=one"]
    assert train.main([*typed, f"pictures={int(kind == 'flat')}"]) == 0
    assert json.loads(Path("outputs/one/summary.json").read_text())["receptive_field"] is None
    if kind == "untraceable":
        assert "no rule follows the receptive field" in capsys.readouterr().out
        assert "no rule follows the receptive field" in refused(explain.main, "outputs/one")
    else:
        assert explain.main(["outputs/one", "controls=2", "samples=4", "threads=1"]) == 0
        assert "no module puts out a map [C, h, w], so that gradients" in " ".join(
            capsys.readouterr().out.split()
        )


def test_without_its_plugin_a_run_is_refused_by_every_command_and_imports_nothing(
    small: list[str], refused: Callable[..., str], here: Path
) -> None:
    mark = here / "imported"
    (here / "mine.py").write_text(f"import pathlib; pathlib.Path({str(mark)!r}).touch()\n{MINE}")
    assert train.main([*small, "plugin=mine.py", "--config-dir", "conf", "model=mine", "name=one"]) == 0
    forget()
    mark.unlink()
    for main, arguments in (
        (train, ["config=outputs/one/config.yaml"]),
        (train, [*small, "model=plain", "name=one"]),
        (evaluate, ["outputs/one"]),
        (evaluate, ["outputs/one/checkpoints/last.pt"]),
        (explain, ["outputs/one"]),
        (localize, ["outputs/one"]),
    ):
        line = refused(main.main, *arguments)
        assert "model.family=mine: of the plugin mine.py, which is not loaded; write plugin=mine.py" in line
    assert compare.main(["outputs/one"]) == 2
    assert not mark.exists()


def test_a_data_set_of_ones_own_has_its_size_channels_and_classes_everywhere(
    refused: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    data = f"plugin={ROOT / 'examples' / 'own_data' / 'stripes.py'}"
    sizes = ["data.train=64", "data.validation=20", "data.test=20", "batch_size=32", "epochs=1"]
    few = ["threads=1", "progress=false"]
    assert train.main([data, *NETWORK, "data=stripes", *sizes, *few, "pictures=1", "name=one"]) == 0
    saved = yaml.safe_load(Path("outputs/one/config.yaml").read_text())
    assert len(saved["plugin"]) == 2
    scenes = ["scenes=8", "tuning=8", "shown=2", *few]
    capsys.readouterr()
    assert localize.main(["outputs/one", data, NETWORK[0], *scenes]) == 0
    assert "48x48 pixels" in " ".join(capsys.readouterr().out.split())
    assert json.loads(Path("outputs/one/summary.json").read_text())["class_names"][1] == "rising"
    forget()
    assert "data.family=stripes: of the plugin" in refused(evaluate.main, "outputs/one", NETWORK[0])


def test_a_run_with_an_optimizer_of_ones_own_stops_and_ends_with_the_same_bits(
    small: list[str], refused: Callable[..., str]
) -> None:
    lion = f"plugin={ROOT / 'examples' / 'own_optimizer' / 'lion.py'}"
    typed = [*small, lion, "optimizer=lion", "optimizer.weight_decay=0.1"]
    assert train.main([*typed, "epochs=2", "name=whole"]) == 0
    for epochs in (1, 2):
        forget()
        assert train.main([*typed, f"epochs={epochs}", "name=cut"]) == 0
    whole, cut = (torch.load(f"outputs/{name}/checkpoints/last.pt") for name in ("whole", "cut"))
    assert all(torch.equal(weight, cut["model"][name]) for name, weight in whole["model"].items())
    moments = [each["training"]["optimizer"]["state"][0]["momentum"] for each in (whole, cut)]
    assert torch.equal(*moments)
    forget()
    assert "optimizer.family=lion: of the plugin" in refused(evaluate.main, "outputs/cut")
    assert evaluate.main(["outputs/cut", lion, "threads=1"]) == 0


def test_help_and_keys_are_those_of_a_plugin_as_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    for main in (train.main, explain.main):
        assert main([NETWORK[0], "model=separable", "--help"]) == 0
        told = capsys.readouterr().out
        assert "depthwise separable convolutions with dilation 1,2,5" in told
        assert "model.dilations=[1,2,5]" in told
        assert "Dilation rate of each block." in told
    assert train.main([*NETWORK, "model.wings=3", "--cfg", "job"]) == 2
    assert train.main([*NETWORK, "model.dilations=1,2"]) == 2
    assert "write 'model.dilations=[1,2]'" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "evaluate", "explain", "localize", "compare"])
def test_every_command_takes_plugins_and_a_folder_of_yaml_files(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main = importlib.import_module(f"dilated_cifar.cli.{command}").main
    assert main(["--cfg", "job", f"plugin=[{FILE}]", "--config-dir", "conf"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["plugin"] == [str(FILE)]


def test_a_file_and_the_same_file_as_a_package_are_one_name_twice(
    refused: Callable[..., str], here: Path
) -> None:
    (here / "copy.py").write_text(FILE.read_text())
    line = refused(train.main, f"plugin={FILE}", "plugin=copy.py", "model=separable")
    assert "plugin=copy.py: SeparableConfig: model.family=separable is already that of" in line
    assert "give one of the two another name" in line


WRONG = {
    "raises": ("x = 1\ny = x / 0\n", ["mine.py, line 2", "ZeroDivisionError"]),
    "syntax": ("def f(:\n", ["mine.py, line 1", "SyntaxError"]),
    "import": ("import no_such_package\n", ["line 1", "ModuleNotFoundError", "no_such_package"]),
    "exit": ("raise SystemExit(3)\n", ["SystemExit: 3"]),
    "own_name": (MINE.replace('"mine"', '"cnn"'), ["model.family=cnn is already that of the project"]),
    "no_name": (MINE.replace('family: str = "mine"', "width: int = 3"), ["MineConfig.family=", "a name of"]),
    "no_dataclass": (MINE.replace("@dataclass\n", ""), ["MineConfig: expected a @dataclass"]),
    "no_config": (MINE.replace("(ModelConfig):", ":"), ["a subclass of ModelConfig"]),
    "no_folder": (f"{HEAD}from pathlib import Path\noffer(Path('nowhere'))", ["nowhere: no such folder"]),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_a_plugin_that_cannot_be_imported_is_told_with_its_own_error(here: Path, fault: str) -> None:
    text, parts = WRONG[fault]
    (here / "mine.py").write_text(text)
    with pytest.raises(UserError) as refused:
        plugins.load_plugins(["mine.py"])
    (line,) = str(refused.value).splitlines()
    for part in ("plugin=mine.py: ", *parts):
        assert part in line
    assert "mine" not in families.families(ModelConfig)


def test_a_refused_plugin_leaves_no_run(refused: Callable[..., str], small: list[str], here: Path) -> None:
    typed = [*small, "plugin=mine.py", "--config-dir", "conf", "model=mine"]
    for text, part in ((WRONG["raises"][0], "mine.py, line 2"), (MINE.replace("classes)", "7)"), "[2, 7]")):
        (here / "mine.py").write_text(text)
        assert part in refused(train.main, *typed)
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("plugin=nowhere.py", "no such file"),
        ("plugin=no/such/module", "no such file"),
        ("plugin=no_such_module", "no module of this name"),
        ("plugin=", "expected a value"),
        ("plugin=a-b", "no such file"),
        ("+plugin=nowhere.py", "no such file"),
    ],
)
def test_a_plugin_that_is_not_there_is_told(refused: Callable[..., str], typed: str, part: str) -> None:
    line = refused(evaluate.main, typed)
    assert part in line


def test_an_installed_package_needs_no_plugin_key(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # As pip lays it out; the slow test below has pip do so.
    project = tomllib.loads((FILE.parent / "pyproject.toml").read_text())
    for source, place in project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"].items():
        (here / place).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (FILE.parent / source).is_dir() else shutil.copy
        copy(FILE.parent / source, here / place)
    described = here / "dilated_cifar_separable-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: dilated-cifar-separable\nVersion: 1.0\n"
    )
    ((group, entries),) = project["project"]["entry-points"].items()
    lines = [f"{name} = {module}" for name, module in entries.items()]
    (described / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]))
    monkeypatch.syspath_prepend(here)
    assert train.main(["model=separable", "--help"]) == 0
    assert "depthwise separable convolutions" in capsys.readouterr().out


def run(here: Path, *arguments: str, path: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run `train.py` in a process of its own, which also finds what is installed at `path`."""
    code = (
        f"import sys; sys.path.insert(0, {str(path)!r})\n"
        "from dilated_cifar.cli import train; sys.exit(train.main())"
    )
    program = [str(ROOT / "train.py")] if path is None else ["-c", code]
    return subprocess.run(
        [sys.executable, *program, *arguments], cwd=here, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_example_is_installed_by_pip(here: Path) -> None:
    site = here / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--no-index", "--target", str(site), str(FILE.parent)], check=True, cwd=here)
    done = run(here, "model=separable", "--help", path=site)
    assert done.returncode == 0, done.stderr
    assert "depthwise separable convolutions" in done.stdout


@pytest.mark.slow
def test_jobs_in_other_processes_and_processes_of_torchrun_load_it(
    require_engine: Callable[[str], None], small: list[str], here: Path
) -> None:
    for engine, launcher in (("joblib_launcher", "joblib"), ("submitit_launcher", "submitit_local")):
        require_engine(engine)
        swept = ["-m", *small, *NETWORK, "seed=0,1", f"hydra/launcher={launcher}", f"name={launcher}"]
        done = run(here, *swept)
        assert done.returncode == 0, done.stderr
        assert len(list(here.glob(f"outputs/{launcher}/seed-*/summary.json"))) == 2
    torchrun = [str(Path(sys.executable).with_name("torchrun")), "--nproc-per-node=2", str(ROOT / "train.py")]
    subprocess.run([*torchrun, *small, *NETWORK, "device=cpu", "name=two"], cwd=here, check=True)
    assert (here / "outputs" / "two" / "summary.json").is_file()
