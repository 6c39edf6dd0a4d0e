"""What every measure is, where it comes from, and what it cannot tell."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Definition:
    """A measure's key, its short label, what it is and its source."""

    key: str
    label: str
    meaning: str
    source: str


GRADIENT = (
    "Gradients are those of the centre unit of the last feature map (the sum of its channels), absolute, "
    "summed over colours or channels, averaged over the images; the network in eval mode."
)
FRESH = (
    "fresh: mean over networks with fresh weights whose norms saw the same images; 95% of fresh: where one "
    "more of them would lie (prediction interval); differs: whether the trained one lies outside."
)
DEFINITIONS = (
    Definition(
        "radius_50",
        "50% radius (pixels)",
        "the Euclidean distance from the centre of the unit's receptive field within which half of its "
        "gradient at the image lies, each pixel counted at its centre, evenly in between",
        "effective receptive field: Luo et al. 2016",
    ),
    Definition(
        "radius_95",
        "95% radius (pixels)",
        "the same for 95% of the gradient",
        "Luo et al. 2016",
    ),
    Definition(
        "overlap_image",
        "overlap at the image",
        "the share of the gradient at the image that the unit and its neighbour have in common: the sum of "
        "min(p, q), each scaled to sum 1, mean of the neighbours below and to the right; 0 where they share "
        "no pixel",
        "gridding: Wang et al. 2018, section 3.2; the sum is this project's",
    ),
    Definition(
        "overlap_stage",
        "overlap at the stage",
        "the same at the input of the first convolution with a rate r above 1",
        "as above",
    ),
    Definition(
        "lattice_share",
        "lattice share",
        "the part of the gradient at the input of the first convolution with a rate r above 1 that falls on "
        "the unit's own lattice, every r-th place both ways: 1.00 is full gridding, 1/r^2 no preference; not "
        "given where nothing lies behind that convolution, which alone reads one lattice in any network; it "
        "says nothing of holes in the image, nor of lattices that a later, larger rate leaves apart",
        "gridding: Yu, Koltun & Funkhouser 2017, section 4; the share is this project's",
    ),
    Definition(
        "variogram_ratio",
        "variogram V(1)/V(r)",
        "V(h) is the mean squared difference of class-map values h places apart, over images, classes, rows "
        "and columns; r is the first rate above 1, or 2: below 1 for smooth maps, 1 for noise, above 1 for a "
        "grid",
        "variogram: Matheron 1963; class maps: Zhou et al. 2016",
    ),
)
