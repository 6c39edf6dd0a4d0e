"""What the numbers of a comparison mean, in sentences."""

from dilated_cifar.comparison.comparison import Comparison, SectionFigures
from dilated_cifar.comparison.differences import Difference, SingleRuns
from dilated_cifar.comparison.grouping import Group
from dilated_cifar.comparison.labels import first_of
from dilated_cifar.comparison.networks import Network
from dilated_cifar.comparison.statistics import ALPHA, Estimate
from dilated_cifar.evaluation.intervals import CONFIDENCE
from dilated_cifar.percentages import percent, points
from dilated_cifar.runs.record import ONSET_WINDOW, TOO_FEW_EPOCHS

NOT_SHOWN = "no difference shown"
ONE_SEED = "whether other seeds agree is not known"
MAX_NAMED = 4
"""Groups that a sentence names."""
METHODS = [
    f"Intervals are {CONFIDENCE:.0%} intervals of the mean over seeds (Student's t, sample standard "
    "deviation). With one seed there is no interval, and none is made of test images instead.",
    "Differences are taken between runs with a common seed; interval and p-value are those of the paired t "
    "test. A difference counts as shown if the p-value, corrected by Holm's method for the number of groups "
    f"compared, is below {ALPHA:.2f}; the interval itself is not corrected.",
    "McNemar's test compares the predictions of two single runs on the same test images: it says whether "
    "these two networks differ, not whether two configurations do. Its mid-p value is corrected by Holm's "
    "method.",
    "The selected weights are the best by validation accuracy, or the last where no images are held out for "
    "validation. The gap is train minus validation accuracy (minus test accuracy where nothing is held out), "
    "in percentage points; train accuracy is measured on a fixed, unaugmented subset of the training split.",
    "Speed, times and epochs are medians over runs; the time to an accuracy is read from the run's own clock "
    "at the first epoch whose held-out accuracy reaches it.",
]
OF_FOLDS = (
    "In a cross-validation a run holds out one fold of the training images, trains on the rest and is "
    "measured on the fold, which chooses nothing: the last weights are selected. The seeds of a fold are "
    "averaged, and differences are taken between runs with the same seed and fold. Two folds train on mostly "
    "the same images and are not independent: in intervals and tests the variance of the mean of n folds of "
    "k is the sample variance times 1/n + 1/(k - 1) in place of 1/n (the corrected resampled t test, Nadeau "
    "and Bengio 2003)."
)


def methods(comparison: Comparison) -> list[str]:
    """How everything was computed."""
    rules = sorted({run.summary.overfitting_rule for run in comparison.runs})
    folds = [OF_FOLDS] if any(each.section.folds is not None for each in comparison.sections) else []
    return [*METHODS, *folds, *(f"Overfitting onset: {rule}." for rule in rules)]


def answer(comparison: Comparison) -> list[str]:
    """The outcome, a few sentences for each section."""
    several = len(comparison.sections) > 1
    return [sentence for each in comparison.sections for sentence in section_answer(each, several)]


def section_answer(figures: SectionFigures, several: bool) -> list[str]:
    """The outcome of a section; with its title where there are several."""
    leader, others = figures.ranked[0], figures.ranked[1:]
    start = f"{figures.section.title}: " if several else ""
    value = accuracy(leader.accuracy)
    if not others:
        what = "run" if len(leader.group.runs) == 1 else "group"
        only = f"{start}One {what} only, {leader.group.label}: {figures.measure} {value}."
        return [only, overfitting(figures)]
    mean = figures.measure if leader.accuracy.count == 1 else f"mean {figures.measure}"
    first = f"{start}Highest {mean}: {leader.group.label} with {value}."
    return [first, against_baseline(figures, leader.group), overfitting(figures)]


def accuracy(found: Estimate) -> str:
    """A mean with its interval; of one run, the figure alone."""
    if found.count == 1:
        return percent(found.mean)
    interval = found.why_none
    if found.low is not None and found.high is not None:
        interval = f"{CONFIDENCE:.0%} interval {percent(found.low)} to {percent(found.high)}"
    over = "folds" if found.method == "corrected t" else "runs"
    return f"{percent(found.mean)} ({interval}; {found.count} {over})"


def against_baseline(figures: SectionFigures, leader: Group) -> str:
    """How the most accurate group stands to the baseline, or the others to it where it is the baseline."""
    baseline, differences = figures.section.baseline, figures.accuracy_differences
    if leader is baseline and len(differences) > 1:
        return all_against_baseline(figures)
    group = next(iter(differences)) if leader is baseline else leader
    row, pair = differences[group], figures.only_pairs.get(group)
    if pair is not None:
        return f"{on_test_images(pair)}; {'one seed' if figures.one_seed else 'one common seed'}: {ONE_SEED}."
    outcome = verdict(row)
    if row.shown and row.estimate is not None:
        outcome += f" by {100 * abs(row.estimate.mean):.2f} points"
    if leader is baseline:
        return f"{group.label} against it: {outcome}."
    return f"Against {baseline.label}: {outcome}."


def all_against_baseline(figures: SectionFigures) -> str:
    """How many groups are worse than a baseline that is the most accurate."""
    rows = figures.accuracy_differences
    if figures.one_seed and figures.only_pairs:
        beaten = sum(row.shown and row.lead < 0 for row in figures.only_pairs.values())
        tests = f"McNemar, p corrected for {len(figures.single_runs)} tests"
        return (
            f"It is the baseline and beats {beaten} of {len(rows)} other groups on these test images "
            f"({tests}); one seed: {ONE_SEED}."
        )
    worse = sum(row.shown and is_negative(row) for row in rows.values())
    return f"It is the baseline; shown to be worse: {worse} of {len(rows)} other groups."


def on_test_images(row: SingleRuns) -> str:
    """Which of two networks is better on the test images."""
    labels = (row.group.label, row.baseline.label)
    one, other = labels if row.lead >= 0 else reversed(labels)
    if row.shown:
        return f"{one} beats {other} on these test images ({images_apart(row)})"
    return f"{one} against {other}: {NOT_SHOWN} on these test images ({images_apart(row)})"


def images_apart(row: SingleRuns) -> str:
    """How many test images only the one and only the other gets right, the more first, and what it means."""
    fewer, more = sorted((row.test.only_first, row.test.only_second))
    return f"{more:,} to {fewer:,}, {p_value(row.adjusted)}"


def p_value(value: float) -> str:
    """A p-value as in a sentence."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def verdict(row: Difference, pair: SingleRuns | None = None) -> str:
    """Whether a group differs from the baseline; of two runs, whether these two networks do."""
    if row.estimate is None:
        return f"no common {row.replicate}: not compared"
    if pair is not None:
        better = "better" if pair.lead > 0 else "worse"
        return f"{better if pair.shown else NOT_SHOWN} on these test images"
    if row.estimate.why_none is not None or row.p_value is None:
        return f"{row.estimate.why_none}, so {NOT_SHOWN}"
    if not row.shown:
        return NOT_SHOWN + (f" once corrected for {row.tests} comparisons" if row.p_value < ALPHA else "")
    if row.measure.endswith("accuracy"):
        return "worse" if is_negative(row) else "better"
    return "smaller" if is_negative(row) else "larger"


def is_negative(row: Difference) -> bool:
    """Whether the group lies below the baseline."""
    return row.estimate is not None and row.estimate.mean < 0


def single_runs_verdict(row: SingleRuns) -> str:
    """Whether one of two networks is better on the test images."""
    if not row.shown:
        return NOT_SHOWN
    return f"{'the run' if row.lead > 0 else 'the baseline run'} is better"


def overfitting(figures: SectionFigures) -> str:
    """The largest gap, which every run can tell, and which groups overfit."""
    worst = max(figures.groups, key=lambda each: each.last_gap.mean)
    gap = f"{points(worst.last_gap.mean)} points"
    said = f"Gap after the last epoch: {gap}."
    if len(figures.groups) > 1:
        said = f"Largest gap after the last epoch: {worst.group.label}, {gap}."
    runs, told = (sum(getattr(each.onset, count) for each in figures.groups) for count in ("runs", "of"))
    if not told:
        return f"{said} Onset of overfitting: {TOO_FEW_EPOCHS}, the rule needs {2 * ONSET_WINDOW}."
    if not runs:
        return f"{said} No run shows the onset of overfitting."
    return f"{said} Overfitting began in {runs} of {told} runs."


def no_intervals(figures: SectionFigures) -> str:
    """Why groups have no interval, said once; empty where all have one."""
    reasons: dict[str, list[str]] = {}
    for each in figures.groups:
        if each.accuracy.why_none is not None:
            reasons.setdefault(each.accuracy.why_none, []).append(each.group.label)
    if len(reasons) == 1 and len(next(iter(reasons.values()))) == len(figures.groups):
        return next(iter(reasons))
    return "; ".join(f"{why} ({first_of(labels, ', ', MAX_NAMED)})" for why, labels in reasons.items())


def coverage(network: Network) -> str:
    """In a few words, whether every pixel of the receptive field enters an output."""
    if network.covered is None:
        return "not measured"
    return "no holes" if network.covered == 1 else f"holes: {percent(network.covered, 1)} covered"


def coverage_details(network: Network) -> str:
    """The same in a sentence or two, with rates to try instead."""
    if network.covered is None or network.size is None:
        return network.problem
    part = " on the image" if network.on_image else ""
    of_field = f"of the {network.size[0]}x{network.size[1]} receptive field{part}"
    if network.covered == 1:
        return f"Every pixel {of_field} enters the output."
    said = f"{percent(network.covered, 1)} of the pixels {of_field} enter the output; "
    said += f"the nearest that does not lies {network.nearest_hole:g} from the centre."
    instead = " or ".join(f"[{','.join(map(str, rates))}]" for rates in network.alternatives)
    return f"{said} Nearest rates without holes: {instead}." if instead else said
