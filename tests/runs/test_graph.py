"""ONNX files made to do harm: each is refused in one line, before anything in it is run."""

import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dilated_cifar.config.run import Config
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.graph import open_graph
from dilated_cifar.runs.description import as_texts, describe

onnx = pytest.importorskip("onnx", reason="the extra `export` is not installed; pip install -e '.[export]'")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402  # only where it is installed

F32 = TensorProto.FLOAT
WEIGHT = numpy_helper.from_array(np.ones((10, 3), np.float32), "weight")
IMAGES: list[Any] = ["batch", 3, 32, 32]
LOGITS: list[Any] = ["batch", 10]
MEAN = helper.make_node("GlobalAveragePool", ["images"], ["mean"])
FLAT = helper.make_node("Flatten", ["mean"], ["flat"])
LINEAR = helper.make_node("Gemm", ["flat", "weight"], ["logits"], transB=1)
Make = Callable[..., Path]


@pytest.fixture(scope="module")
def described(make_config: Callable[..., Config], tiny: list[str]) -> dict[str, Any]:
    config = make_config(*tiny)
    return describe(config, config.data.class_names, 4, None, normalised=True)


@pytest.fixture
def make(tmp_path: Path, described: dict[str, Any]) -> Make:
    """Write a graph with the metadata of a real one; by default one that is taken."""

    def write(
        nodes: Sequence[Any] = (MEAN, FLAT, LINEAR),
        weights: Sequence[Any] = (WEIGHT,),
        images: Sequence[Any] = IMAGES,
        logits: Sequence[Any] = LOGITS,
        kind: int = F32,
        texts: dict[str, str] | None = None,
        **keys: Any,
    ) -> Path:
        ends = (
            helper.make_tensor_value_info("images", kind, images),
            helper.make_tensor_value_info("logits", F32, logits),
        )
        graph = helper.make_graph(nodes, "graph", [ends[0]], [ends[1]], weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], **keys)
        helper.set_model_props(model, as_texts(described) | (texts or {}))
        path = tmp_path / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return write


def refusal(path: Path) -> str:
    start = time.monotonic()
    with pytest.raises(UserError) as refused:
        open_graph(path)
    assert time.monotonic() - start < 2
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")


def test_a_graph_that_was_made_elsewhere_is_taken_where_it_says_what_it_is(make: Make) -> None:
    import torch

    images = torch.rand(3, 3, 32, 32)
    file, graph = open_graph(make())
    assert file.described.epoch == 4
    torch.testing.assert_close(graph(images), images.mean((2, 3)) @ torch.ones(3, 10))


def test_a_graph_is_run_on_batches_of_the_checked_sizes_alone(make: Make) -> None:
    import torch

    # For each image the logits and how many images there are, which a graph can but ours do not tell.
    shape = helper.make_node("Shape", ["logits_alone"], ["count"], end=1)
    as_float = helper.make_node("Cast", ["count"], ["counted"], to=F32)
    added = helper.make_node("Add", ["logits_alone", "counted"], ["logits"])
    alone = helper.make_node("Gemm", ["flat", "weight"], ["logits_alone"], transB=1)
    _, graph = open_graph(make((MEAN, FLAT, alone, shape, as_float, added)))
    for count, parts in ((1, [1.0]), (3, [100.0] * 3), (101, [100.0] * 100 + [1.0])):
        assert graph(torch.zeros(count, 3, 32, 32))[:, 0].tolist() == parts


def constant(name: str, values: list[int]) -> Any:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def outside(location: str) -> Any:
    tensor = TensorProto(name="weight", dims=[10, 3], data_type=F32, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


BODY = helper.make_graph([], "body", [], [])
BIG = helper.make_node("Expand", ["images", "big"], ["large"])
ATTACKS: dict[str, tuple[dict[str, Any], str]] = {
    "external weights": ({"weights": [outside("../../../etc/passwd")]}, "of weight lie in another file"),
    "external weights beside": ({"weights": [outside("model.data")]}, "of weight lie in another file"),
    "an external constant": (
        {
            "nodes": [helper.make_node("Constant", [], ["weight"], value=outside("x")), MEAN, FLAT, LINEAR],
            "weights": [],
        },
        "lie in another file",
    ),
    "a custom operator": (
        {"nodes": [helper.make_node("Shell", ["images"], ["logits"], domain="evil")]},
        "operator Shell is of evil, not of the ONNX standard",
    ),
    "a contributed operator": (
        {"nodes": [helper.make_node("Gelu", ["images"], ["logits"], domain="com.microsoft")]},
        "operator Gelu is of com.microsoft",
    ),
    "a loop": (
        {"nodes": [helper.make_node("Loop", ["", ""], ["logits"], body=BODY)]},
        "operator Loop runs other operators as often as it likes",
    ),
    "a large map": (
        {"nodes": [BIG, MEAN, FLAT, LINEAR], "weights": [WEIGHT, constant("big", [1, 3, 32_000, 32_000])]},
        "do not fit together",
    ),
    "a large map of zeros around": (
        {
            "nodes": [
                helper.make_node("Conv", ["images", "kernel"], ["large"], pads=[10_000] * 4),
                MEAN,
                FLAT,
                LINEAR,
            ],
            "weights": [WEIGHT, numpy_helper.from_array(np.ones((1, 3, 1, 1), np.float32), "kernel")],
        },
        "large holds 401,281,024 numbers an image",
    ),
    "a large constant": (
        {
            "nodes": [helper.make_node("ConstantOfShape", ["big"], ["large"]), MEAN, FLAT, LINEAR],
            "weights": [WEIGHT, constant("big", [10**12])],
        },
        "its values hold 1,000,000,",
    ),
    "a size that only running tells": (
        {"nodes": [helper.make_node("NonZero", ["images"], ["large"]), MEAN, FLAT, LINEAR]},
        "the size of large is not known before it is computed",
    ),
    "a square of the batch": (
        {
            "nodes": [
                MEAN,
                FLAT,
                LINEAR,
                helper.make_node("Transpose", ["flat"], ["turned"]),
                helper.make_node("MatMul", ["flat", "turned"], ["square"]),
                helper.make_node("Tile", ["square", "times"], ["large"]),
            ],
            "weights": [WEIGHT, constant("times", [1, 100_000])],
        },
        "large holds 10,000,000 numbers an image",
    ),
    "other images": ({"images": ["batch", 3, 64, 64]}, "it takes images ['batch', 3, 64, 64]; expected"),
    "one image at a time": ({"images": [1, 3, 32, 32]}, "it takes images [1, 3, 32, 32]; expected"),
    "bytes": ({"kind": TensorProto.UINT8}, "it takes images None; expected float32 images"),
    "other classes": ({"logits": ["batch", 7]}, "it gives logits ['batch', 7]; expected float32 logits"),
    "operators that do not fit": ({"nodes": [MEAN, LINEAR]}, "its operators do not fit together"),
    "an operator that there is not": (
        {"nodes": [helper.make_node("Nonsense", ["images"], ["logits"])]},
        "it gives logits None; expected float32 logits",
    ),
    "no metadata": ({"texts": {"dilated_cifar": "0"}}, "of version 0 metadata"),
    "a configuration of nothing": ({"texts": {"config": json.dumps({})}}, "missing in the configuration"),
    "other class names": ({"texts": {"class_names": '["a"]'}}, "names 1 classes"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_graph_that_could_do_harm_is_refused(make: Make, attack: str) -> None:
    keys, told = ATTACKS[attack]
    line = refusal(make(**keys))
    assert told in line


def test_what_a_file_says_of_sizes_between_its_ends_is_not_believed(make: Make) -> None:
    path = make(**ATTACKS["a large map of zeros around"][0])
    model = onnx.load(path)
    model.graph.value_info.append(helper.make_tensor_value_info("large", F32, ["batch", 3, 32, 32]))
    path.write_bytes(model.SerializeToString())
    assert "large holds" in refusal(path)


def test_a_changed_bit_is_refused_in_one_line_or_does_no_harm(make: Make) -> None:
    import torch

    path, images, chosen = make(), torch.rand(2, 3, 32, 32), random.Random(0)
    whole, refused = path.read_bytes(), []
    for at in chosen.sample(range(len(whole)), 80):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << chosen.randrange(8)]) + whole[at + 1 :])
        try:
            assert open_graph(path)[1](images).shape == (2, 10)
        except UserError as error:
            refused.append(str(error))
    assert len(refused) > 10
    assert all(len(each.splitlines()) == 1 for each in refused)


def test_weights_that_are_not_as_large_as_they_say_are_refused(make: Make) -> None:
    short = TensorProto(name="weight", dims=[10, 3], data_type=F32, raw_data=bytes(16))
    assert "its weights are not as large as they say" in refusal(make(weights=[short]))


def test_files_that_are_damaged_or_no_graphs_are_refused(make: Make) -> None:
    path = make()
    whole = path.read_bytes()
    for content in (b"", b"weights", whole[: len(whole) // 2], bytes(1000), b"\xff" * 1000):
        path.write_bytes(content)
        assert refusal(path)
    path.unlink()
    assert refusal(path).startswith("no such file")
