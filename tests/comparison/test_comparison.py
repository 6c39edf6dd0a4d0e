import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from dilated_cifar.comparison.collect import collect
from dilated_cifar.comparison.comparison import Comparison, compare
from dilated_cifar.comparison.networks import measure_whole


def compared(folder: Path, **choices) -> Comparison:
    return compare(collect([folder], progress=False), **choices)


def test_a_group_has_the_mean_and_t_interval_of_its_seeds(two_groups) -> None:
    figures = compared(two_groups([0.70, 0.72, 0.74], [0.80, 0.83, 0.84])).sections[0]
    expected = stats.ttest_1samp([0.80, 0.83, 0.84], 0).confidence_interval()
    dilated = figures.groups[1].test
    assert dilated.mean == pytest.approx(np.mean([0.80, 0.83, 0.84]))
    assert (dilated.low, dilated.high) == pytest.approx((expected.low, expected.high))


def test_the_difference_is_paired_over_common_seeds_and_judged(two_groups) -> None:
    figures = compared(two_groups([0.70, 0.75, 0.72, 0.9], [0.80, 0.845, 0.825])).sections[0]
    difference = figures.difference(figures.groups[1].group)
    assert difference is not None
    assert difference.seeds == [0, 1, 2]
    assert difference.p_value == pytest.approx(
        stats.ttest_rel([0.80, 0.845, 0.825], [0.70, 0.75, 0.72]).pvalue
    )
    assert difference.shown
    assert difference.estimate is not None
    assert difference.estimate.mean == pytest.approx(0.10)


def test_no_difference_is_shown_where_that_is_the_truth(two_groups) -> None:
    comparison = compared(two_groups([0.70, 0.75, 0.72], [0.71, 0.73, 0.725]))
    difference = comparison.sections[0].difference(comparison.sections[0].groups[1].group)
    assert difference is not None
    assert difference.p_value is not None
    assert not difference.shown


def test_one_seed_shows_no_difference_however_large(two_groups) -> None:
    comparison = compared(two_groups([0.5], [0.9]))
    figures = comparison.sections[0]
    difference = figures.difference(figures.groups[1].group)
    assert difference is not None
    assert not difference.shown
    assert difference.estimate is not None
    assert difference.estimate.why_none == "one common seed: no interval"
    assert figures.groups[1].test.why_none == "one seed: no interval"


def test_groups_without_a_common_seed_are_not_compared(runs) -> None:
    runs.write("a", seed=0)
    runs.write("b", seed=1, model__dilations=[1, 2, 5])
    figures = compared(runs.parent).sections[0]
    difference = figures.difference(figures.groups[1].group)
    assert difference is not None
    assert (difference.estimate, difference.seeds, difference.shown) == (None, [], False)


def test_many_comparisons_are_corrected_for(runs) -> None:
    # Each p-value lies just below 0.05; twelve of them together show nothing.
    for group in range(13):
        for seed, extra in enumerate((0.010, 0.030, 0.021)):
            gain = extra if group else 0.0
            runs.write(
                f"{group}-{seed}", seed=seed, test=0.7 + 0.01 * seed + gain, optimizer__lr=0.01 + group
            )
    rows = list(compared(runs.parent).sections[0].differences["test accuracy"].values())
    assert len(rows) == 12
    for row in rows:
        assert row.p_value is not None
        assert row.p_value < 0.1
        assert row.adjusted == pytest.approx(min(1.0, 12 * row.p_value))
        assert not row.shown


def test_mixed_groups_have_means_but_no_intervals(runs) -> None:
    for rates in ([1, 1, 1], [1, 2, 5]):
        for norm, test in ((True, 0.6), (False, 0.8)):
            runs.write(f"{rates[1]}-{norm}", model__dilations=rates, model__norm=norm, test=test)
    figures = compared(runs.parent, group_by=["model.dilations"]).sections[0]
    assert figures.groups[0].test.mean == pytest.approx(0.7)
    assert figures.groups[0].test.why_none == "runs differ in model.norm: no interval"
    difference = figures.difference(figures.groups[1].group)
    assert difference is not None
    assert difference.p_value is None
    assert not difference.shown


def test_mcnemar_compares_the_predictions_of_runs_with_the_same_seed(runs) -> None:
    labels = np.arange(1000) % 10
    wrong = (labels + 1) % 10
    index = np.arange(1000)
    runs.write("a", predicted=np.where(index < 600, labels, wrong))
    runs.write(
        "b", predicted=np.where((index >= 10) & (index < 640), labels, wrong), model__dilations=[1, 2, 5]
    )
    (row,) = compared(runs.parent).sections[0].single_runs
    assert (row.images, row.test.only_first, row.test.only_second) == (1000, 40, 10)
    assert row.test.exact == pytest.approx(stats.binomtest(10, 50).pvalue)
    assert row.shown


def test_runs_with_other_test_images_have_no_mcnemar_test_and_it_is_said(runs) -> None:
    runs.write("a", data__test=1000)
    runs.write("b", data__test=500)
    comparison = compared(runs.parent, group_by=["data.test"])
    assert comparison.sections[0].single_runs == []
    assert any("different test images" in note for note in comparison.notes)


def test_times_to_accuracies_are_read_from_the_held_out_curve(runs) -> None:
    # Accuracy rises by a fifth of 0.8 in each of five epochs of two seconds.
    runs.write("a", test=0.8, seconds=10.0)
    figures = compared(runs.parent, accuracies=[0.3, 0.7, 0.9]).sections[0].groups[0]
    assert [figures.reach[target].when for target in (0.3, 0.7, 0.9)] == [4.0, 10.0, None]
    assert compared(runs.parent).sections[0].targets == [0.6, 0.7, 0.8]


def test_overfitting_is_counted_over_runs(runs) -> None:
    for seed, onset in enumerate((3, 5, None)):
        runs.write(str(seed), seed=seed, epochs=9, onset=onset, test=0.6, train=0.9)
    figures = compared(runs.parent).sections[0].groups[0]
    assert (figures.onset.runs, figures.onset.of, figures.onset.when) == (2, 3, 4.0)
    assert figures.last_gap.mean == pytest.approx(0.3)


def test_the_band_of_a_curve_spans_the_seeds(two_groups) -> None:
    figures = compared(two_groups([0.5, 0.7], [0.8])).sections[0]
    band = figures.groups[0].curves["accuracy/held_out"]
    assert (band.low[-1], band.mean[-1], band.high[-1]) == pytest.approx((0.5, 0.6, 0.7))
    assert band.runs == 2


def test_per_class_accuracy_shows_the_comb(runs) -> None:
    labels = np.arange(1000) % 10
    even = np.where(labels % 2 == 0, labels, (labels + 1) % 10)
    runs.write("a", predicted=even, model__dilations=[2, 2, 2])
    (classes,) = compared(runs.parent).sections[0].classes.values()
    assert [each.mean for each in classes.accuracies.values()] == [1.0, 0.0] * 5
    assert classes.names[:2] == ["2 pixels", "3 pixels"]
    first = classes.accuracies["2 pixels"]
    assert (first.count, first.method) == (100, "Wilson")
    assert classes.confused("3 pixels", "4 pixels") == 1.0
    assert classes.confused("3 pixels", "cat") is None


def test_rates_are_judged_and_their_counts_are_those_of_the_theory(runs) -> None:
    runs.write("dilations-2-2-2", model__dilations=[2, 2, 2])
    runs.write("dilations-1-2-3", model__dilations=[1, 2, 3])
    networks = sorted(compared(runs.parent).networks.values(), key=lambda network: network.covered or 0)
    assert [network.label for network in networks] == ["dilations=[2,2,2]", "dilations=[1,2,3]"]
    gridded, dense = networks
    assert gridded.covered == pytest.approx((7 / 13) ** 2)
    assert (gridded.size, gridded.nearest_hole) == ((13, 13), 1)
    assert (1, 2, 3) in gridded.alternatives
    assert (dense.covered, dense.nearest_hole) == (1.0, None)
    assert dense.counts is not None
    assert dense.counts[6].tolist() == [3 * n for n in (1, 1, 2, 2, 3, 3, 3, 3, 3, 2, 2, 1, 1)]


def test_a_network_that_the_rates_do_not_decide_is_measured(runs, make_config) -> None:
    model = ["model=resnet", "model.width=4", "model.blocks=[1,1,1]"]
    runs.write("a", config=make_config("experiment=demo", *model, "data.test=100"))
    (network,) = compared(runs.parent).networks.values()
    assert network.counts is not None
    assert network.counts.shape == (32, 32)
    assert network.covered == 1


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_stacks_with_pools_are_measured_without_torch_as_with_it(runs, make_config, padding: str) -> None:
    for rates in ([1, 1, 1], [2, 1, 1], [1, 2, 5] if padding == "same" else [5, 2, 1]):
        model = [f"model.padding={padding}", f"model.dilations={rates}", "model.pool=true"]
        config = make_config("experiment=demo", "model=plain", *model, "data.test=100")
        runs.write(str(rates), config=config)
        expected = measure_whole(config, "")
        found = next(
            each for each in compared(runs.parent).networks.values() if each.label.endswith(str(rates))
        )
        assert (found.size, found.covered, found.nearest_hole) == (
            expected.size,
            expected.covered,
            expected.nearest_hole,
        )
        assert np.array_equal(found.counts, expected.counts)
        assert found.on_image


def test_comparing_stacks_of_convolutions_needs_no_torch(runs) -> None:
    for pool in (False, True):
        runs.write(str(pool), model__padding="same", model__pool=pool)
    code = (
        "import sys; from dilated_cifar.cli import compare; "
        f"compare.main(['{runs.parent}', 'output={runs.parent / 'out'}']); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
