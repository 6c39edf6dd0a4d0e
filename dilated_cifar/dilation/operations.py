"""How the receptive field grows from one framework operation to the next.

Source: Araujo, Norris & Sim 2019, "Computing receptive fields of convolutional neural networks".
"""

import torch

from dilated_cifar.dilation.calls import Call, Rule, Step, untraceable
from dilated_cifar.dilation.tensor_rules import (
    batch_norm_dims,
    concatenate,
    copy,
    meet,
    move,
    normalise,
    product,
    reduce,
    require_whole,
)
from dilated_cifar.dilation.window_rules import adaptive_pool, convolution, pad, pool, resize


def follow(call: Call) -> Step:
    """Spans and geometry of the outputs of an operation.

    Raises:
        UntraceableError: no rule describes the operation.
        ValuesNeededError: the values decide, and the run has none.
    """
    if call.name in RULES:
        return RULES[call.name](call)
    base = call.name.removesuffix("_")
    if torch.Tag.pointwise in call.function.tags or base in POINTWISE:
        require_whole(call)
        return meet(call)
    raise untraceable(call, "convolutions, poolings, views and elementwise operations")


POINTWISE = {
    *("hardswish", "dropout", "native_dropout", "prelu", "_prelu_kernel", "masked_fill", "rsub", "copy"),
    *("log_sigmoid_forward", "where", "fill", "zero", "rrelu_with_noise"),
}
"""Elementwise operations that torch does not tag as such."""
PRODUCTS = ("addmm", "mm", "bmm", "baddbmm", "mv", "dot")
"""Operations with multiply-adds, beside convolutions."""
STATISTICS = "the statistics of a normalisation"

RULES: dict[str, Rule] = {
    "convolution": convolution,
    "max_pool2d_with_indices": pool("max pool", dilated=True),
    "max_pool2d": pool("max pool", dilated=True),
    "avg_pool2d": pool("average pool", dilated=False),
    "_adaptive_avg_pool2d": adaptive_pool("average pool"),
    "adaptive_avg_pool2d": adaptive_pool("average pool"),
    "adaptive_max_pool2d": adaptive_pool("max pool"),
    **dict.fromkeys(("constant_pad_nd", "reflection_pad2d", "replication_pad2d"), pad),
    **dict.fromkeys(PRODUCTS, product),
    **dict.fromkeys(("cat", "stack"), concatenate),
    **dict.fromkeys(
        ("clone", "detach", "_to_copy", "alias", "lift_fresh", "contiguous", "as_strided", "as_strided_"),
        copy,
    ),
    **dict.fromkeys(
        (
            *("view", "_unsafe_view", "reshape", "permute", "transpose", "t", "unsqueeze", "squeeze"),
            *("expand", "slice", "select", "split", "split_with_sizes", "unbind", "chunk"),
            *("roll", "flip", "repeat"),
            *("index", "index_select", "gather", "unfold", "pixel_shuffle", "pixel_unshuffle", "diagonal"),
            *("channel_shuffle", "native_channel_shuffle", "rot90", "repeat_interleave", "im2col"),
        ),
        move,
    ),
    **dict.fromkeys(
        (
            *("sum", "mean", "amax", "amin", "max", "min", "prod", "var", "std", "logsumexp", "norm"),
            *("any", "all", "linalg_vector_norm"),
        ),
        reduce,
    ),
    **dict.fromkeys(
        (
            *("upsample_nearest2d", "_upsample_nearest_exact2d", "upsample_bilinear2d", "upsample_bicubic2d"),
            *("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"),
        ),
        resize,
    ),
    **dict.fromkeys(
        ("_softmax", "_log_softmax", "_safe_softmax"), normalise("attention", lambda call: [call.args[1]])
    ),
    "native_layer_norm": normalise(STATISTICS, lambda call: range(-len(call.args[1]), 0)),
    "native_group_norm": normalise(STATISTICS, lambda call: range(1, call.args[0].dim())),
    **dict.fromkeys(
        (
            *("native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training"),
            *("cudnn_batch_norm", "_batch_norm_no_update", "_batch_norm_with_update"),
        ),
        normalise(STATISTICS, batch_norm_dims),
    ),
}
