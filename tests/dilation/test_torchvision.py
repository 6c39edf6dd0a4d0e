"""Networks of torchvision against the parameters and operations that torchvision says they have."""

import pytest
import torch
from torch import nn
from torchvision import models

from dilated_cifar.dilation.layers import Trace
from dilated_cifar.dilation.trace import trace

CLASSIFICATION = models.list_models(module=models)
SEGMENTATION = models.list_models(module=models.segmentation)


def traced(name: str) -> tuple[Trace, dict[str, float]]:
    """The trace of a network on images of its first weights' size, and what these say of it."""
    weights = next(iter(models.get_model_weights(name)))
    segmentation = name in SEGMENTATION
    side = 520 if segmentation else weights.transforms().crop_size[0]
    arguments = {"weights_backbone": None, "num_classes": 21} if segmentation else {}
    if segmentation and "lraspp" not in name:
        arguments["aux_loss"] = True
    if name in ("googlenet", "inception_v3"):
        arguments = {"init_weights": False, "aux_logits": name == "inception_v3"}
    if name.startswith("vit"):
        arguments = {"image_size": side}
    builder = models.get_model_builder(name)
    try:
        with torch.device("meta"):
            network = builder(weights=None, **arguments)
    except NotImplementedError:  # RegNets compute their widths with tensors
        network = builder(weights=None, **arguments).to("meta")
    return trace(network, (3, side, side)), weights.meta


def check(name: str) -> Trace:
    found, said = traced(name)
    assert found.parameters == said["num_params"]
    assert round(found.multiply_adds / 1e9, 3) == said["_ops"]
    assert sum(layer.parameters for layer in found.layers) <= found.parameters
    return found


@pytest.mark.parametrize(
    ("name", "field", "path"),
    [
        ("alexnet", 195, None),
        pytest.param("vgg16", 212, None, marks=pytest.mark.slow),
        ("resnet50", 427, None),
        pytest.param("convnext_tiny", 1688, None, marks=pytest.mark.slow),
        ("efficientnet_b0", 851, ("features.1.0.block.1.avgpool", "global pooling")),
        ("vit_b_16", 16, ("encoder.layers.encoder_layer_0.self_attention", "attention")),
        pytest.param(
            "deeplabv3_resnet50",
            1027,
            ("classifier.0.convs.4.0", "global pooling"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_parameters_operations_and_published_fields(
    name: str, field: int, path: tuple[str, str] | None
) -> None:
    found = check(name)
    assert found.receptive_field == field
    first = next(iter(found.global_paths), None)
    assert (first and (first.module, first.kind)) == path


@pytest.mark.slow
@pytest.mark.parametrize("name", [*CLASSIFICATION, *SEGMENTATION])
def test_every_network_has_the_parameters_and_operations_that_torchvision_says(name: str) -> None:
    found = check(name)
    assert name != "inception_v3" or found.receptive_field == 1311
    attention = any(path.kind == "attention" for path in found.global_paths)
    assert attention == name.startswith(("vit", "swin", "maxvit"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sides"),
    [
        ("fasterrcnn_resnet50_fpn", {"0": 80, "1": 40, "2": 20, "3": 10, "pool": 5}),
        ("fasterrcnn_mobilenet_v3_large_fpn", {"0": 10, "1": 10, "pool": 5}),
        ("maskrcnn_resnet50_fpn_v2", {"0": 80, "1": 40, "2": 20, "3": 10, "pool": 5}),
        ("retinanet_resnet50_fpn", {"0": 40, "1": 20, "2": 10, "p6": 5, "p7": 3}),
        ("fcos_resnet50_fpn", {"0": 40, "1": 20, "2": 10, "p6": 5, "p7": 3}),
        ("ssd300_vgg16", {"0": 40, "1": 20, "2": 10, "3": 5, "4": 3, "5": 1}),
    ],
)
def test_the_backbone_of_a_detector_has_an_output_for_every_level(name: str, sides: dict[str, int]) -> None:
    with torch.device("meta"):
        detector = models.get_model_builder(name)(weights=None, weights_backbone=None)
    check_backbone(detector.backbone, 320, sides)
    with pytest.raises(ValueError, match=r"def make\(\): return detector.backbone"):
        trace(detector, (3, 320, 320))


def test_a_detector_is_refused_with_what_to_explain_and_that_is_exact() -> None:
    build = models.detection.ssdlite320_mobilenet_v3_large
    detector = build(weights=None, weights_backbone=None, num_classes=2)
    with pytest.raises(ValueError, match=r"input of backbone.*def make\(\): return detector.backbone"):
        trace(detector, (3, 96, 96))
    check_backbone(detector.backbone, 96, {"0": 6, "1": 3, "2": 2, "3": 1, "4": 1, "5": 1})


def check_backbone(backbone: nn.Module, side: int, sides: dict[str, int]) -> None:
    """Parameters, and the side of the map of each output, on square images."""
    found = trace(backbone, (3, side, side))
    assert found.parameters == sum(parameter.numel() for parameter in backbone.parameters())
    assert {name: made.shape[1] for name, made in found.outputs.items()} == sides
    fields = [made.receptive_field for made in found.outputs.values()]
    assert fields == sorted(fields)
