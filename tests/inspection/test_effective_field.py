"""The radii of maps whose answer is known, and the effective receptive field of networks."""

from collections.abc import Callable
from math import hypot, isnan, sqrt

import numpy as np
import pytest
import torch
from torch import Tensor

from dilated_cifar.config.model import CnnConfig
from dilated_cifar.dilation.trace import trace
from dilated_cifar.inspection.effective_field import draw_effective_fields, radius
from dilated_cifar.inspection.observation import LabelledGradients, choose_target, mean_gradients
from dilated_cifar.models.classifier import Classifier


def test_the_radius_of_known_maps() -> None:
    spot = torch.zeros(9, 9)
    spot[4, 4] = 3.0
    assert radius(spot, (4.0, 4.0), 0.95) == 0.0
    assert radius(spot, (1.0, 0.0), 1.0) == pytest.approx(5.0)
    # A quarter in the centre and a quarter each at 1, 2 and 3: half is reached at 1, three quarters at 2.
    spot[4, 5] = spot[2, 4] = spot[4, 1] = 3.0
    assert radius(spot, (4.0, 4.0), 0.5) == pytest.approx(1.0)
    # The last distance before 2 at which a pixel lies is the diagonal neighbour.
    assert radius(spot, (4.0, 4.0), 0.625) == pytest.approx((sqrt(2) + 2) / 2)
    assert radius(spot, (4.0, 4.0), 0.75) == pytest.approx(2.0)
    assert radius(spot, (4.0, 4.0), 1.0) == pytest.approx(3.0)
    assert isnan(radius(torch.zeros(4, 4), (2.0, 2.0), 0.5))


def test_the_radius_of_an_even_disc_grows_with_the_root_of_the_share() -> None:
    rows, columns = torch.meshgrid(torch.arange(101), torch.arange(101), indexing="ij")
    disc = (torch.hypot(rows - 50.0, columns - 50.0) <= 40).float()
    for share in (0.25, 0.5, 0.95):
        assert radius(disc, (50.0, 50.0), share) == pytest.approx(40 * sqrt(share), abs=0.4)


def test_a_plain_networks_gradient_fills_its_seven_pixels_and_no_more(
    initialised: Callable[..., Classifier], stack: Callable[..., CnnConfig], inputs: Tensor
) -> None:
    model = initialised(stack(1, 1, 1))
    target = choose_target(trace(model, (3, 32, 32)))
    gradient = mean_gradients(model, inputs, target).image[0]
    assert target.centre == (16.0, 16.0)
    inside = gradient[13:20, 13:20]
    assert bool((inside > 0).all())
    assert float(inside.sum()) == pytest.approx(float(gradient.sum()))
    assert radius(gradient, target.centre, 0.95) < hypot(3, 3)


def test_the_picture_shows_the_gradients_as_shares_of_the_largest_with_radii_and_field(
    initialised: Callable[..., Classifier],
    stack: Callable[..., CnnConfig],
    inputs: Tensor,
    panels: Callable[..., list[tuple[str, np.ma.MaskedArray]]],
) -> None:
    rows = []
    for label, rates in (("plain", (1, 1, 1)), ("gridded", (2, 2, 2))):
        model = initialised(stack(*rates))
        target = choose_target(trace(model, (3, 32, 32)))
        gradients = mean_gradients(model, inputs, target)
        rows.append(LabelledGradients(label, target, {"trained": gradients, "random init": gradients}))
    figure = draw_effective_fields(rows)
    drawn = panels(figure)
    assert [block.get_suptitle() for block in figure.subfigs] == ["plain", "gridded"]
    assert [title.partition(":")[0] for title, _ in drawn] == 2 * ["trained", "random init"]
    image = rows[1].gradients["trained"].image[0]
    np.testing.assert_allclose(drawn[2][1].filled(0), (image / image.max()).numpy(), rtol=1e-6)
    # A pixel without any gradient has no colour of the scale.
    assert np.array_equal(np.ma.getmaskarray(drawn[2][1]), (image == 0).numpy())
    *circles, field = figure.subfigs[1].axes[0].patches
    assert {circle.get_radius() for circle in circles} == {
        radius(image, rows[1].target.centre, share) for share in (0.5, 0.95)
    }
    assert (field.get_width(), field.get_height()) == (13, 13)
