from pathlib import Path

import pytest

from dilated_cifar.comparison.collect import collect
from dilated_cifar.comparison.comparison import Comparison, compare
from dilated_cifar.comparison.networks import Network
from dilated_cifar.report.sentences import (
    answer,
    coverage,
    coverage_details,
    methods,
    no_intervals,
    single_runs_verdict,
    verdict,
)


def compared(folder: Path, **choices) -> Comparison:
    return compare(collect([folder], progress=False), **choices)


def verdicts(comparison: Comparison, measure="test accuracy") -> list[str]:
    return [verdict(row) for row in comparison.sections[0].differences[measure].values()]


def test_a_shown_difference_is_named_with_its_size(two_groups) -> None:
    comparison = compared(two_groups([0.70, 0.75, 0.72], [0.80, 0.845, 0.825]))
    assert verdicts(comparison) == ["better"]
    assert verdicts(comparison, "gap of the last weights") == ["smaller"]
    first, second, third = answer(comparison)
    assert "dilations=[1,2,5]" in first
    assert "82.33% (95% interval" in first
    assert second == "Against dilations=[1,1,1]: better by 10.00 points."
    assert third == (
        "Largest gap after the last epoch: dilations=[1,1,1], +17.67 points. "
        "Onset of overfitting: too few epochs to tell, the rule needs 6."
    )


def test_the_other_way_round_the_leader_is_the_baseline(two_groups) -> None:
    comparison = compared(two_groups([0.70, 0.75, 0.72], [0.80, 0.845, 0.825]), baseline="[1,2,5]")
    assert verdicts(comparison) == ["worse"]
    assert "dilations=[1,1,1] against it: worse by 10.00 points." in answer(comparison)


@pytest.mark.parametrize(
    ("plain", "dilated", "reason"),
    [
        ([0.70, 0.75, 0.72], [0.71, 0.73, 0.725], "no difference shown"),
        ([0.5, 0.6], [0.6, 0.7], "2 common seeds, all equal: no interval, so no difference shown"),
    ],
)
def test_where_no_difference_is_shown_it_says_why(two_groups, plain, dilated, reason) -> None:
    comparison = compared(two_groups(plain, dilated))
    assert verdicts(comparison) == [reason]
    assert any(reason in sentence for sentence in answer(comparison))


def test_of_one_seed_it_says_which_run_is_better_on_the_test_images_and_what_is_not_known(
    two_groups, runs
) -> None:
    comparison = compared(two_groups([0.5865], [0.9995]))
    first, second, _ = answer(comparison)
    assert first == "Highest test accuracy: dilations=[1,2,5] with 99.95%."
    unknown = "one seed: whether other seeds agree is not known"
    assert second == (
        f"dilations=[1,2,5] beats dilations=[1,1,1] on these test images (414 to 0, p < 0.001); {unknown}."
    )
    assert no_intervals(comparison.sections[0]) == "one seed: no interval"
    # The other way round, with a third group, and one that the images do not tell from the baseline.
    runs.write("dilations-2-2-2", test=0.9990, model__dilations=[2, 2, 2])
    _, second, _ = answer(compared(runs.parent, baseline="[1,2,5]"))
    assert second == (
        "It is the baseline and beats 1 of 2 other groups on these test images "
        f"(McNemar, p corrected for 2 tests); {unknown}."
    )
    _, second, _ = answer(compared(runs.parent, baseline="[2,2,2]"))
    assert (
        "dilations=[1,2,5] against dilations=[2,2,2]: no difference shown on these test images (1 to 0, p = "
        in second
    )


def test_groups_without_a_common_seed_are_not_compared(runs) -> None:
    runs.write("a", seed=0)
    runs.write("b", seed=1, model__dilations=[1, 2, 5])
    assert verdicts(compared(runs.parent)) == ["no common seed: not compared"]


def test_overfitting_names_how_many_runs_and_the_largest_gap(runs) -> None:
    for seed, onset in enumerate((3, 5, None)):
        runs.write(str(seed), seed=seed, epochs=9, onset=onset, test=0.6, train=0.9)
    said = answer(compared(runs.parent))[-1]
    assert said == "Gap after the last epoch: +30.00 points. Overfitting began in 2 of 3 runs."


def test_single_runs_say_which_network_is_better(two_groups) -> None:
    (row,) = compared(two_groups([0.5], [0.9])).sections[0].single_runs
    assert single_runs_verdict(row) == "the run is better"
    (row,) = compared(two_groups([], []), baseline="[1,2,5]").sections[0].single_runs
    assert single_runs_verdict(row) == "the baseline run is better"


def test_every_onset_rule_of_the_runs_is_among_the_methods(runs) -> None:
    runs.write("a")
    assert methods(compared(runs.parent))[-1] == "Overfitting onset: the rule."


def test_coverage_is_a_share_with_rates_to_try_instead() -> None:
    gridded = Network("a", (13, 13), (7 / 13) ** 2, None, 1, [(1, 2, 3)])
    assert coverage(gridded) == "holes: 29.0% covered"
    assert coverage_details(gridded).endswith("lies 1 from the centre. Nearest rates without holes: [1,2,3].")
    assert coverage(Network("b", (7, 7), 1.0)) == "no holes"
    unknown = Network("c", problem="The network could not be built: model.width=0.")
    assert (coverage(unknown), coverage_details(unknown)) == ("not measured", unknown.problem)
