"""How the counts of a network's units are made of each other: sums, and windows that slide over them.

While it counts paths, a network is linear in its image, channels differ only where branches were
concatenated, and everything but a sum treats rows and columns apart. So a few numbers for each layer say what
any of its units counts; walking back from a unit takes milliseconds.
"""

import copy
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from dilated_cifar.dilation.count_layouts import IMAGE, NOTHING, Layout, Maps
from dilated_cifar.dilation.count_nodes import CountGraph
from dilated_cifar.dilation.count_rules import MOVING, RULES, descends
from dilated_cifar.dilation.counting import Counting
from dilated_cifar.dilation.trace import main_output


def count_graph(module: nn.Module, input_size: tuple[int, int, int], names: Sequence[str]) -> CountGraph:
    """Find how the counts of some modules' units are made, on an image `[C, H, W]`.

    A module is left out where a count cannot be followed exactly: the graph is checked on an image of random
    numbers, on which every unit must hold what the network itself counts.
    """
    network = copy.deepcopy(module).cpu().eval().requires_grad_(requires_grad=False)
    channels, height, width = input_size
    numbers = torch.rand(height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    image = numbers.expand(1, channels, height, width).clone().requires_grad_()
    recorder = Recorder(image)
    seen: dict[str, tuple[Layout, Tensor | None]] = {}
    for name in dict.fromkeys(names):
        network.get_submodule(name).register_forward_hook(partial(_see, recorder, seen, name))
    ended = "it did not run"
    with recorder:
        try:
            network(image)
        except (ValueError, RuntimeError) as error:
            ended = " ".join(str(error).split())
    nodes = {name: recorder.maps.node_of(layout) for name, (layout, _) in seen.items()}
    graph = recorder.graph({name: node for name, node in nodes.items() if isinstance(node, int)})
    uncounted = {name: node for name, node in nodes.items() if isinstance(node, str)}
    uncounted |= {name: "nothing of the image enters it" for name, node in nodes.items() if node == NOTHING}
    uncounted |= {name: ended for name in names if name not in seen}
    found = graph.values(numbers)
    for name, node in graph.modules.items():
        if not torch.allclose(found[node], seen[name][1], rtol=1e-7, atol=1e-9):  # type: ignore[arg-type]  # a map
            uncounted[name] = "its units hold something else than a sum of paths"
    kept = {name: node for name, node in graph.modules.items() if name not in uncounted}
    return replace(graph, modules=kept, uncounted=uncounted)


def _see(
    recorder: "Recorder",
    seen: dict[str, tuple[Layout, Tensor | None]],
    name: str,
    _module: nn.Module,
    _inputs: Any,
    output: Any,
) -> None:
    try:
        made = main_output(output)
    except ValueError as error:  # such as of a module that keeps its map as an attribute
        seen[name] = (str(error), None)
        return
    value = made.detach().mean(1)[0] if made.dim() == 4 else None  # a copy, before anything is added in place
    seen[name] = (recorder.maps.layout(made), value)


class Recorder(Counting):
    """Counts, and notes of every map of what it is made."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.maps = Maps(image)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = super().__torch_function__(func, types, args, kwargs)
        made = [each for each in tree_leaves(result) if descends(each) and each not in self.maps]
        if made:
            for each, layout in zip(made, self._layouts_of(func, made, args, kwargs or {}), strict=True):
                self.maps.note(each, layout)
        return result

    def graph(self, modules: dict[str, int]) -> CountGraph:
        """The nodes that those of some modules are made of."""
        nodes, wanted = self.maps.nodes, {IMAGE}
        for number in sorted(range(len(nodes)), reverse=True):
            if number in wanted or number in modules.values():
                wanted |= {number, *(part for part, _ in nodes[number].parts)}
        place = {number: new for new, number in enumerate(sorted(wanted - {NOTHING}))}
        kept = [
            replace(nodes[number], parts=tuple((place[part], weight) for part, weight in nodes[number].parts))
            for number in place
        ]
        return CountGraph(tuple(kept), {name: place[node] for name, node in modules.items() if node}, {})

    def _layouts_of(self, func: Any, made: list[Tensor], args: Any, kwargs: Any) -> Sequence[Layout]:
        """The layouts of what an operation made of tensors that descend from the image."""
        name = getattr(func, "__name__", str(func))
        sources = [each for each in tree_leaves((args, kwargs)) if descends(each)]
        known = [self.maps.layout(each) for each in sources]
        if reason := next((each for each in known if isinstance(each, str)), None):
            return [reason] * len(made)
        if name in MOVING:
            moved = func(*tree_map(self.maps.coded, args), **tree_map(self.maps.coded, kwargs))
            return [self.maps.map(each) or each for each in tree_leaves(moved) if isinstance(each, Tensor)]
        rule = RULES.get(name)
        layout = rule(self.maps, made[0], *args, **kwargs) if rule else None
        return [f"no count is followed through {name.strip('_')}" if layout is None else layout] * len(made)
