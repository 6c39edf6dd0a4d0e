"""The model card and the configuration of a folder for the Hugging Face hub."""

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from dilated_cifar.config.base import as_typed
from dilated_cifar.config.data import DataConfig
from dilated_cifar.config.run import LOCAL_KEYS, Config, flatten
from dilated_cifar.errors import printable
from dilated_cifar.evaluation.trained import Trained
from dilated_cifar.export.checked import Checked
from dilated_cifar.percentages import percent
from dilated_cifar.runs.description import describe, portable
from dilated_cifar.runs.record import Figures, Summary

HUB_DATA_SETS = {
    "cifar10": ("uoft-cs/cifar10", "CIFAR-10"),
    "cifar100": ("uoft-cs/cifar100", "CIFAR-100"),
}
"""The hub's name of a data set, and the usual one, by family."""
SPLITS = (("train", "fixed part of the training split, unaugmented"), ("validation", "validation split"))

ONNX = """\
With onnxruntime:

```python
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
images = np.zeros((1, {shape}), np.float32)  # {colours} from 0 to 1
(logits,) = session.run(None, {{"images": images}})
```
"""
TORCH = """\
With torch alone:

```python
import torch

network = torch.export.load("model.pt2").module()
logits = network(torch.zeros(1, {shape}))  # {colours} from 0 to 1
```
"""
SAFETENSORS = """\
The weights alone. Images for these are normalised first, `(images - mean) / std`, with the values that
`config.json` has.

```python
from safetensors.torch import load_file

weights = load_file("model.safetensors")
```

With dilated-cifar installed, which reads {what} from the same file:

```sh
dilated-cifar-evaluate model.safetensors{arguments}
dilated-cifar-explain model.safetensors{arguments}
```
"""
COLOURS = {1: "grey", 3: "red, green and blue"}
"""What the channels of an image are, by their number."""
LOADING = {"model.onnx": ONNX, "model.pt2": TORCH, "model.safetensors": SAFETENSORS}


def config_json(trained: Trained, figures: Figures | None) -> str:
    """What the files' metadata say, as the hub reads it: also the classes by number."""
    description = describe(trained.config, trained.class_names, trained.epoch, figures, normalised=False)
    names = dict(enumerate(trained.class_names))
    content = {
        "library_name": "dilated-cifar",
        **description,
        "id2label": names,
        "label2id": {name: number for number, name in names.items()},
    }
    return json.dumps(content, indent=2) + "\n"


def model_card(
    trained: Trained,
    summary: Summary | None,
    figures: Figures | None,
    checks: Sequence[Checked],
    license: str,  # noqa: A002  # the card's own word
) -> str:
    """A README.md as the hub shows it: what was measured, how to load it, how it was trained, its limits."""
    head = yaml.safe_dump(front_matter(trained, figures, license), sort_keys=False, allow_unicode=True)
    parts = [f"---\n{head}---\n", *sections(trained, summary, figures, checks)]
    return printable("\n".join(parts))


def front_matter(trained: Trained, figures: Figures | None, license: str) -> dict[str, Any]:  # noqa: A002
    """The card's metadata, with a result for each figure that was measured on test images."""
    data, family = trained.config.data, trained.config.model.family
    on_hub = HUB_DATA_SETS.get(data.family)
    head: dict[str, Any] = {
        "license": license,
        "library_name": "pytorch",
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "pytorch", "dilated-convolution", "dilated-cifar", family],
        **({"datasets": [on_hub[0]]} if on_hub else {}),
        "metrics": ["accuracy"],
    }
    if figures is None:
        return head
    measured = {
        "task": {"type": "image-classification", "name": "Image classification"},
        "dataset": {
            "type": on_hub[0] if on_hub else data.family,
            "name": on_hub[1] if on_hub else data.family,
            "split": "test",
        },
        "metrics": [
            {"type": "accuracy", "name": "Test accuracy", "value": figures.test.accuracy},
            {"type": "loss", "name": "Test cross-entropy", "value": figures.test.loss},
        ],
    }
    return {**head, "model-index": [{"name": trained.label, "results": [measured]}]}


def sections(
    trained: Trained, summary: Summary | None, figures: Figures | None, checks: Sequence[Checked]
) -> Iterator[str]:
    """The text below the metadata."""
    config = trained.config
    channels, height, width = config.data.input_size
    parameters = sum(each.numel() for each in trained.model.parameters())
    known = summary.receptive_field if summary else None
    field = "" if known is None else f", receptive field of {known} pixels"
    classes = len(trained.class_names)
    yield (
        f"# {trained.label}\n\nA network of the family `{config.model.family}` for images of "
        f"{height}x{width} pixels in {classes} classes: {parameters:,} parameters{field}. Trained with "
        f"dilated-cifar on `data={config.data.family}`; these are the weights after epoch {trained.epoch}.\n"
    )
    yield "## Measured\n"
    yield from measured_lines(figures, config.seed)
    shape = f"{channels}, {height}, {width}"
    yield f"## Load it\n\nImages go in as float32 `[N, {shape}]`, logits come out as `[N, {classes}]`.\n"
    told = {"colours": COLOURS.get(channels, "all channels"), **needed(config)}
    yield from (LOADING[each.file].format(shape=shape, **told) for each in checks)
    names = json.dumps(trained.class_names, ensure_ascii=False)
    yield f"The classes, in the order of the logits:\n\n{as_code(names)}"
    yield "## Compared with the trained network\n\nEach file was opened again and given test images.\n"
    yield table(
        ("file", "images", "largest difference of a logit", "let pass", "same class"),
        [
            (each.file, f"{each.images:,}", f"{each.largest_difference:.1e}", f"{each.tolerance:.1e}",
             f"{each.same_classes:,}") for each in checks
        ],
    )  # fmt: skip
    yield "## Trained with\n"
    yield table(("key", "value"), [(key, inline(as_typed(value))) for key, value in settings(trained)])
    yield "## Limits\n\n" + "\n".join(f"- {each}" for each in limits(trained, figures)) + "\n"


def needed(config: Config) -> dict[str, str]:
    """What the commands read from the file alone, and what they must be told beside it."""
    plugins = portable(config)["plugin"]
    arguments = [shlex.quote(f"plugin={name}") for name in plugins]
    what = (
        f"the network of the plugin {', '.join(plugins)}, which you must have," if plugins else "the network"
    )
    if config.data.family == "folder":
        arguments.append("data.root=FOLDER")
    return {"what": what, "arguments": "".join(f" {each}" for each in arguments)}


def measured_lines(figures: Figures | None, seed: int) -> Iterator[str]:
    """The scores on every split, or that there are none."""
    if figures is None:
        yield "No finished run lies beside these weights, so that nothing is stated of them here.\n"
        return
    rows = [("test split", figures.test)]
    rows += [(told, score) for name, told in SPLITS if (score := getattr(figures, name))]
    cells = [(told, percent(score.accuracy, 2), f"{score.loss:.4f}") for told, score in rows]
    yield table(("measured on", "accuracy", "cross-entropy"), cells)
    yield f"One run, with seed {seed}: other seeds give other figures.\n"


def settings(trained: Trained) -> Iterator[tuple[str, object]]:
    """The keys that decide what the run computed."""
    for key, value in flatten(portable(trained.config)).items():
        if key not in LOCAL_KEYS:
            yield key, value


def limits(trained: Trained, figures: Figures | None) -> Iterator[str]:
    """What the figures do not say."""
    data: DataConfig = trained.config.data
    _, height, width = data.input_size
    yield (
        f"It knows {len(trained.class_names)} classes and names one of them for every image, whatever the "
        "image shows."
    )
    yield f"Images of another size than {height}x{width} pixels are to be scaled to it first."
    if data.family == "spacing":
        yield "It was trained on images drawn by a program and says nothing of photographs."
    if data.fold is not None:
        yield (
            f"It was trained on {data.trained_on:,} images outside of fold {data.fold} (of 0 to "
            f"{data.folds - 1}), the validation split, which chose nothing: these are the weights of the "
            "last epoch."
        )
    elif data.validation == 0:
        yield "No images were held out for validation: these are the weights of the last epoch."
    elif figures is not None:
        yield (
            f"The epoch was chosen by accuracy on {data.validation:,} validation images; the test images "
            "chose nothing."
        )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def as_code(text: str) -> str:
    """A block of code, its fence longer than any row of backticks inside."""
    longest = max((len(each) for each in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}json\n{text}\n{fence}\n"


def inline(text: str) -> str:
    """A value as code within a table."""
    return "`{}`".format(re.sub(r"[`|\n]", " ", text))
