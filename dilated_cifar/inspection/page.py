"""The page `explanation.html`: dilation rates to play with, layers and units of networks to point at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from torch import Tensor

from dilated_cifar.config.limits import LARGEST_FIELD, MOST_LAYERS
from dilated_cifar.config.rates import LARGEST_SEARCH, LARGEST_SIZE
from dilated_cifar.dilation.layers import Trace
from dilated_cifar.dilation.rates import Verdict
from dilated_cifar.inspection.network import Inspection
from dilated_cifar.inspection.page_network import network_data
from dilated_cifar.inspection.verdicts import DEFINITIONS
from dilated_cifar.pages.inlining import embedded_json, environment

PACKAGE = "dilated_cifar.inspection"
SIZE = 32
"""Side of the images to which the page's sizes refer at first: CIFAR-10's."""
EXAMPLES = (
    ([1, 1, 1], 3),
    ([1, 2, 5], 3),
    ([2, 2, 2], 3),
    ([1, 2, 9], 3),
    ([1, 4, 3], 3),
    ([2, 3], 3),
    ([1, 1, 1, 1], 2),
    ([1, 2, 4, 8], 2),
)
"""Rates with their kernel: the published examples, and what each rule misjudges."""


@dataclass(frozen=True)
class Stack:
    """Layers that the page shows at first, one number a layer; padding may be `valid` or `same`."""

    rates: Sequence[int]
    kernel_sizes: Sequence[int]
    strides: Sequence[int] | None = None
    padding: str | Sequence[int] = "valid"
    size: int = SIZE

    @property
    def address(self) -> str:
        """What stands behind the `#` in the address of the page with these layers."""
        strides = self.strides or [1] * len(self.rates)
        padding = self.padding if isinstance(self.padding, str) else _joined(self.padding)
        return (
            f"rates={','.join(map(str, self.rates))}&kernels={_joined(self.kernel_sizes)}"
            f"&strides={_joined(strides)}&padding={padding}&size={self.size}"
        )


def rates_page(stacks: Sequence[Stack], commands: Mapping[str, str]) -> str:
    """The page of lists of rates; `commands` says how this user calls `explain` and `train`."""
    return _render("Which pixels do these dilation rates read?", stacks, [], commands)


def network_page(
    networks: Sequence[tuple[str, Inspection]],
    commands: Mapping[str, str],
    *,
    image: tuple[Tensor, str] | None = None,
) -> str:
    """The page of networks, with their labels.

    Args:
        networks: Each with its label.
        commands: How this user calls `explain` and `train`.
        image: uint8 [3, H, W] with what it shows; one is generated where there is none.
    """
    stacks = [_stack(each.verdict, each.trace) for _, each in networks if each.verdict is not None]
    stacks = stacks or [Stack([1, 2, 5], [3] * 3)]
    title = f"What does {networks[0][0]} see?" if len(networks) == 1 else "What do these networks see?"
    shown = [network_data(*each, image=image) for each in networks]
    return _render(title, stacks, [each for each in shown if each["layers"]], commands)


def _stack(verdict: Verdict, traced: Trace) -> Stack:
    """The convolutions of a stack without strides, padded as they are."""
    padded = any(layer.padding not in (None, (0, 0)) for layer in traced.layers)
    padding = "same" if padded else "valid"
    return Stack(verdict.rates, verdict.kernel_sizes, padding=padding, size=traced.input_size[1])


def _render(
    title: str, stacks: Sequence[Stack], networks: Sequence[dict[str, Any]], commands: Mapping[str, str]
) -> str:
    own = [(_label(stack.rates, stack.kernel_sizes), stack.address) for stack in stacks]
    known = [Stack(rates, [kernel] * len(rates)) for rates, kernel in EXAMPLES]
    shown = dict(own) | {_label(each.rates, each.kernel_sizes): each.address for each in known}
    return (
        environment(PACKAGE)
        .get_template("explanation.html.j2")
        .render(
            title=title,
            networks=[network["label"] for network in networks],
            examples=[{"label": label, "hash": address} for label, address in (shown | dict(own)).items()],
            definitions=DEFINITIONS,
            limits=_LIMITS,
            data=embedded_json(
                {
                    "lists": [address for _, address in own],
                    "size": stacks[0].size,
                    "networks": networks,
                    "limits": _LIMITS,
                    "commands": dict(commands),
                    "colours": "".join(f"{r:02x}{g:02x}{b:02x}" for r, g, b in _viridis().tolist()),
                }
            ),
        )
    )


_LIMITS = {"field": LARGEST_FIELD, "layers": MOST_LAYERS, "search": LARGEST_SEARCH, "size": LARGEST_SIZE}


def _viridis() -> NDArray[np.uint8]:
    return (255 * colormaps["viridis"](np.arange(256))[:, :3]).round().astype(np.uint8)


def _joined(numbers: Sequence[int]) -> str:
    """The numbers, one alone where they are all the same."""
    return ",".join(map(str, numbers if len(set(numbers)) > 1 else numbers[:1]))


def _label(rates: Sequence[int], kernel_sizes: Sequence[int]) -> str:
    kernels = "" if set(kernel_sizes) == {3} else f", kernel {_joined(kernel_sizes)}"
    return f"{', '.join(map(str, rates))}{kernels}"
