"""What a network can see, told at the start of its training."""

from torch.utils.tensorboard import SummaryWriter

from dilated_cifar.config.model import ModelConfig
from dilated_cifar.dilation.rates import judge, warning
from dilated_cifar.dilation.trace import trace
from dilated_cifar.inspection.count_map_pictures import draw_rates
from dilated_cifar.inspection.explanation import INPUT_SIZE, LAST_MAP
from dilated_cifar.inspection.layer_tables import layer_markdown, verdict_markdown, view_sentence
from dilated_cifar.inspection.view import view
from dilated_cifar.inspection.view_pictures import draw_view
from dilated_cifar.models.classifier import Classifier


def hole_warning(model: Classifier, chosen: ModelConfig) -> str | None:
    """Say in one line which pixels the centre unit misses; None for a network without holes.

    Where pools, strides or shortcuts lie between the layers, no rule on lists of rates holds, and the
    network itself is counted.
    """
    if chosen.stack is not None:
        return warning(*chosen.stack)
    seen = view(model, INPUT_SIZE, trace(model, INPUT_SIZE), LAST_MAP)
    return None if seen.nearest_hole is None else f"the network leaves holes: {view_sentence(seen, LAST_MAP)}"


def add_explanation(writer: SummaryWriter, model: Classifier, chosen: ModelConfig) -> None:
    """Add the layer table and what the centre unit sees, as text and as a picture."""
    traced = trace(model, INPUT_SIZE)
    seen = view(model, INPUT_SIZE, traced, LAST_MAP)
    texts = [layer_markdown(traced), view_sentence(seen, LAST_MAP)]
    if chosen.stack is not None:
        texts.append(verdict_markdown(judge(*chosen.stack)))
    writer.add_text("network", "\n\n".join(texts), 0)
    # A list of rates is drawn around its centre, larger than on the image and with its numbers.
    figure = draw_view(seen, LAST_MAP) if chosen.stack is None else draw_rates(*chosen.stack)
    writer.add_figure("count map", figure, 0)
