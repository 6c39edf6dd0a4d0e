"""The layers of a network, read from the module itself by running it once."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from dilated_cifar.dilation.calls import UntraceableError, ValuesNeededError
from dilated_cifar.dilation.layers import Trace
from dilated_cifar.dilation.recording import SpanRecorder


def trace(module: nn.Module, input_size: tuple[int, int, int]) -> Trace:
    """Run a copy of `module` on one blank image `[C, H, W]` and report every layer.

    Strides, dilation, pooling, padding, residual additions and concatenations are read from the operations
    that really ran, so nothing has to be declared; where paths meet, the largest one counts. Only the shapes
    are computed where they suffice, and the values as well where the network asks for them. The module
    itself is left untouched.

    Raises:
        ValueError: the network cannot take such an input, or runs an operation that no rule describes.

    Source: Araujo, Norris & Sim 2019, equations 1 to 3 and section 3 on several paths.
    """
    on_meta = any(part.is_meta for part in module.parameters())
    if not on_meta and _is_small(module, input_size):
        return _trace(copy.deepcopy(module), input_size)
    try:
        return _trace(shapes_of(module), input_size)
    except (UntraceableError, ValuesNeededError) as error:
        by_values = isinstance(error, ValuesNeededError) or error.__cause__ is not None
        if on_meta or not by_values:
            raise
    return _trace(copy.deepcopy(module).cpu(), input_size)


def _is_small(module: nn.Module, input_size: tuple[int, int, int]) -> bool:
    """Whether computing values takes less time than loading torch's shape inference, two seconds."""
    parameters = sum(parameter.numel() for parameter in module.parameters())
    return parameters <= _SMALL_NETWORK and input_size[1] * input_size[2] <= _SMALL_IMAGE


def shapes_of(module: nn.Module) -> nn.Module:
    """A copy of a network on the meta device: shapes without values, and without their memory."""
    memo: dict[int, Any] = {}
    for part in [*module.parameters(), *module.buffers()]:
        empty = torch.empty_like(part, device="meta")
        memo[id(part)] = nn.Parameter(empty, part.requires_grad) if isinstance(part, nn.Parameter) else empty
    return copy.deepcopy(module, memo)


def _trace(network: nn.Module, input_size: tuple[int, int, int]) -> Trace:
    network.eval()
    first = next(network.parameters(), torch.empty(0, device="meta"))
    image = torch.zeros(1, *input_size, device=first.device, dtype=first.dtype)
    recorder = SpanRecorder(image)
    for name, part in network.named_modules():
        recorder.watch(name, part)
    # Not inference_mode: under it, composite operations reach the recorder whole.
    with torch.no_grad(), _unfused(), recorder:
        try:
            output = network(image)
        except Exception as error:  # whatever the network's own code raises
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            if isinstance(error, UntraceableError | ValuesNeededError):
                raise
            if recorder.ruling:
                raise UntraceableError(
                    f"the receptive field cannot be followed through {type(network).__name__} ({reason}): "
                    "write convolutions, poolings, views and elementwise operations"
                ) from error
            raise UntraceableError(
                f"the network cannot run on an image of size {list(input_size)} ({reason}): "
                "write another input size, or smaller dilations and strides"
            ) from error
    if not recorder.rows:
        raise UntraceableError(
            f"{type(network).__name__} ran no layer: write a network that has at least one"
        )
    outputs = {name: recorder.map_of(tensor) for name, tensor in _outputs(output)}
    found = {name: made for name, made in outputs.items() if made is not None}
    if not found:
        raise UntraceableError(
            f"{type(network).__name__} puts out no tensor that depends on the image, but "
            f"{type(output).__name__}: write a network that puts out a tensor, a dict or a tuple of them"
        )
    main = found.get("out") or next(iter(found.values()))
    return Trace(
        input_size,
        recorder.layers(network),
        sum(parameter.numel() for parameter in network.parameters()),
        max(main.feature_map.receptive_field),
        {name: made.feature_map for name, made in found.items()},
        main.named.feature_map,
        tuple(dict.fromkeys(recorder.global_paths)),
        tuple(row.spans for row in recorder.rows),
    )


def main_output(output: Any) -> Tensor:
    """The tensor that counts of a module's output: `out` of a dict, else the first.

    Raises:
        ValueError: there is none.
    """
    found = dict(_outputs(output))
    if not found:
        raise ValueError(f"the module puts out {type(output).__name__}, no tensor")
    return found["out"] if "out" in found else next(iter(found.values()))


def _outputs(output: Any) -> Iterator[tuple[str, Tensor]]:
    """The tensors that a network puts out, by their names or numbers."""
    if isinstance(output, Tensor):
        yield "", output
    elif isinstance(output, Mapping):
        for key, value in output.items():
            yield from ((f"{key}.{name}" if name else str(key), tensor) for name, tensor in _outputs(value))
    elif isinstance(output, Sequence) and not isinstance(output, str):
        for key, value in enumerate(output):
            yield from ((f"{key}.{name}" if name else str(key), tensor) for name, tensor in _outputs(value))


@contextmanager
def _unfused() -> Iterator[None]:
    """Attention in its parts, which the recorder sees one by one."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


_SMALL_NETWORK, _SMALL_IMAGE = 5_000_000, 96**2
