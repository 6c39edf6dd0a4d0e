"""ONNX files that may come from anyone, checked before anything in them is run.

onnxruntime runs no code of a file, but a graph can name other files as its weights, loop for ever, or make
of a small file a large map. So a graph is taken only where it is whole in itself, has standard operators and
no control flow, and where the size of everything it computes is known beforehand, for the numbers of images
that it is run on, and within the bounds of `config/limits.py`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dilated_cifar.config.limits import MOST_IN_A_MAP, MOST_IN_ALL_MAPS, MOST_PARAMETERS
from dilated_cifar.config.run import Config
from dilated_cifar.config.store import to_config
from dilated_cifar.errors import UserError
from dilated_cifar.runs.checkpoint import Checkpoint
from dilated_cifar.runs.description import OURS, described
from dilated_cifar.runs.weights import LARGEST_FILE

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto

BATCH = "batch"
"""The name of the first dimension of what goes in and what comes out."""
IMAGES, LOGITS = "images", "logits"
PACKAGES = ("onnx", "onnxruntime")
MOST_NODES = 20_000
BATCHES = (1, 100)
"""How many images a graph is run on at once; for these the sizes of all that it computes are checked."""


@dataclass(frozen=True)
class GraphFile:
    """An ONNX file that was checked."""

    content: bytes
    described: Checkpoint
    """Configuration, class names and epoch; no weights."""
    config: Config
    weights: dict[str, Any]
    """Its initializers, as numpy arrays by their names."""


def read_graph(path: Path) -> GraphFile:
    """Read and check an ONNX file that export wrote, or one that is made like it.

    Raises:
        UserError: it is none, or holds what is refused here.
    """
    import onnx
    from google.protobuf.message import DecodeError
    from onnx.numpy_helper import to_array

    if not path.is_file():  # a device could be read for ever
        raise UserError(f"{path}: no such file")
    if (size := path.stat().st_size) > LARGEST_FILE:
        raise UserError(f"{path}: {size:,} bytes; expected at most {LARGEST_FILE:,}")
    content = path.read_bytes()
    try:
        model = onnx.load_model_from_string(content)
        texts = {each.key: each.value for each in model.metadata_props}
    except (DecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: damaged, truncated or no ONNX file; {OURS}") from error
    found = described(texts, path)
    try:
        config = to_config(found.config)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    shapes = ([BATCH, *config.data.input_size], [BATCH, config.data.classes])
    if len(found.class_names) != config.data.classes:
        raise UserError(f"{path}: names {len(found.class_names)} classes; {OURS}")
    fault = parts_fault(model) or ends_fault(model, *shapes) or sizes_fault(model, *shapes)
    if fault:
        raise UserError(f"{path}: {fault}; {OURS}")
    try:
        weights = {each.name: to_array(each) for each in model.graph.initializer}
    except (ValueError, TypeError, LookupError) as error:
        raise UserError(f"{path}: its weights are not as large as they say; {OURS}") from error
    return GraphFile(content, found, config, weights)


def parts_fault(model: "ModelProto") -> str | None:
    """What a model has beside standard operators and its own weights; None where there is nothing else."""
    from onnx import TensorProto

    graph = model.graph
    if len(graph.node) > MOST_NODES:
        return f"{len(graph.node):,} operators; expected at most {MOST_NODES:,}"
    if model.functions or model.training_info or graph.sparse_initializer:
        return "it holds functions, training steps or sparse weights"
    for node in graph.node:
        if node.domain not in ("", "ai.onnx"):
            return f"operator {node.op_type[:50]} is of {node.domain[:50]}, not of the ONNX standard"
        if any(each.HasField("g") or each.graphs for each in node.attribute):
            return f"operator {node.op_type[:50]} runs other operators as often as it likes"
    for tensor in chain(graph.initializer, chain.from_iterable(map(tensors_of, graph.node))):
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            return f"the values of {tensor.name[:50] or 'a constant'} lie in another file"
    return None


def tensors_of(node: "NodeProto") -> Iterator["TensorProto"]:
    """The tensors that an operator holds, dense or as parts of sparse ones."""
    for each in node.attribute:
        yield from (each.t, *each.tensors)
        for sparse in (each.sparse_tensor, *each.sparse_tensors):
            yield from (sparse.values, sparse.indices)


def ends_fault(model: "ModelProto", images: list[object], logits: list[object]) -> str | None:
    """What is wrong with what goes in and what comes out; None where both are of these shapes."""
    weights = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in weights]
    for values, name, shape in ((inputs, IMAGES, images), (model.graph.output, LOGITS, logits)):
        found = [(each.name, shape_of(each)) for each in values]
        if found != [(name, shape)]:
            held = ", ".join(f"{each[:50]} {str(dims)[:100]}" for each, dims in found[:3]) or "nothing"
            way = "takes" if name == IMAGES else "gives"
            return f"it {way} {held}; expected float32 {name} {shape}"
    return None


def shape_of(value: "ValueInfoProto") -> list[object] | None:
    """Sizes and names of the dimensions of a float32 tensor, None for one that has neither; else None."""
    from onnx import TensorProto

    kind = value.type.tensor_type
    if kind.elem_type != TensorProto.FLOAT or not kind.HasField("shape"):
        return None
    return [dim.dim_param or (dim.dim_value if dim.HasField("dim_value") else None) for dim in kind.shape.dim]


def sizes_fault(model: "ModelProto", images: list[object], logits: list[object]) -> str | None:
    """What is wrong with the sizes that follow from its images; None where all are known and in bounds."""
    numbers = []
    for count in BATCHES:
        try:
            inferred = with_sizes(model, count)
        except UserError as error:
            return str(error)
        if fault := ends_fault(inferred, [count, *images[1:]], [count, *logits[1:]]):
            return fault
        numbers.append({each.name: numbers_of(each) for each in values_of(inferred.graph)})
    return bounds_fault(model.graph, *numbers)


def with_sizes(model: "ModelProto", images: int) -> "ModelProto":
    """The model with the shape of every value for so many images; what it claims is not believed.

    Raises:
        UserError: its operators do not take what the ones before them give.
    """
    from onnx import shape_inference

    bare = type(model)()
    bare.CopyFrom(model)
    del bare.graph.value_info[:]
    for value in bare.graph.input:
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param == BATCH:
                dim.dim_value = images
    for value in bare.graph.output:
        value.type.tensor_type.ClearField("shape")
    try:
        return shape_inference.infer_shapes(bare, check_type=True, strict_mode=True, data_prop=True)
    except (shape_inference.InferenceError, ValueError, RuntimeError) as error:
        raise UserError(
            f"its operators do not fit together ({' '.join(str(error).split())[:100]})"
        ) from error


def bounds_fault(
    graph: "GraphProto", of_one: dict[str, int | None], of_many: dict[str, int | None]
) -> str | None:
    """Which value of a graph is too large or of unknown size; None where all are in bounds.

    Args:
        graph: Its operators name the values.
        of_one: How many numbers each of them is for the first of BATCHES, None where that cannot be told.
        of_many: The same for the last.
    """
    of_images, others = 0, 0
    for name in (name for node in graph.node for name in node.output if name):
        one, many = of_one.get(name), of_many.get(name)
        if one is None or many is None:
            return f"the size of {name[:50]} is not known before it is computed"
        if one == many:
            others += one
            continue
        numbers = max(one, -(-many // BATCHES[-1]))
        if numbers > MOST_IN_A_MAP:
            return f"{name[:50]} holds {numbers:,} numbers an image; expected at most {MOST_IN_A_MAP:,}"
        of_images += numbers
    if of_images > MOST_IN_ALL_MAPS or others > MOST_PARAMETERS:
        return f"its values hold {of_images + others:,} numbers; expected at most {MOST_IN_ALL_MAPS:,}"
    return None


def values_of(graph: "GraphProto") -> Iterator["ValueInfoProto"]:
    """What a graph that `with_sizes` returns says of each of its values."""
    yield from (*graph.value_info, *graph.output)


def numbers_of(value: "ValueInfoProto") -> int | None:
    """How many numbers a tensor holds; None where it cannot be told."""
    from onnx import TensorProto

    kind = value.type.tensor_type
    if kind.elem_type in (TensorProto.UNDEFINED, TensorProto.STRING) or not kind.HasField("shape"):
        return None
    sizes = [dim.dim_value if dim.HasField("dim_value") else -1 for dim in kind.shape.dim]
    return None if any(size < 0 for size in sizes) else prod(sizes)


def finish(model: "ModelProto", texts: Iterable[tuple[str, str]]) -> bytes:
    """A graph that torch exported as a file: its first dimension named, with texts as its metadata."""
    (images,), symbol = model.graph.input, model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for value in (images, *model.graph.output, *model.graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param == symbol:
                dim.dim_param = BATCH
    for key, text in texts:
        entry = model.metadata_props.add()
        entry.key, entry.value = key, text
    content: bytes = model.SerializeToString()
    return content
