"""What a network can see, told at the start of its training."""

from torch.utils.tensorboard import SummaryWriter

from dilated_cifar.inspection.network import Inspection, describe, draw_coverage


def add_explanation(writer: SummaryWriter, inspection: Inspection) -> None:
    """Add layers, coverage and verdicts of a network, as text and as a picture."""
    writer.add_text("network", describe(inspection), 0)
    writer.add_figure("count map", draw_coverage(inspection), 0)
