"""What the numbers of a comparison mean, in sentences."""

from dilated_cifar.comparison.comparison import Comparison, SectionFigures
from dilated_cifar.comparison.differences import Difference, SingleRuns
from dilated_cifar.comparison.networks import Network
from dilated_cifar.comparison.statistics import ALPHA
from dilated_cifar.evaluation.intervals import CONFIDENCE

NOT_SHOWN = "no difference shown"
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


def methods(comparison: Comparison) -> list[str]:
    """How everything was computed."""
    rules = sorted({run.summary.overfitting_rule for run in comparison.runs})
    return [*METHODS, *(f"Overfitting onset: {rule}." for rule in rules)]


def answer(comparison: Comparison) -> list[str]:
    """The outcome, a few sentences for each section."""
    several = len(comparison.sections) > 1
    return [sentence for each in comparison.sections for sentence in section_answer(each, several)]


def section_answer(figures: SectionFigures, several: bool) -> list[str]:
    """The outcome of a section; with its title where there are several."""
    leader, baseline, others = figures.ranked[0], figures.baseline, figures.ranked[1:]
    start = f"{figures.section.title}: " if several else ""
    mean = leader.test
    interval = mean.why_none or f"{CONFIDENCE:.0%} interval {mean.low:.1%} to {mean.high:.1%}"
    value = f"{mean.mean:.1%} ({interval}; {mean.count} run{'s' if mean.count > 1 else ''})"
    if not others:
        return [f"{start}One group only, {leader.group.label}: {value}.", overfitting(figures)]
    first = f"{start}Highest mean test accuracy: {leader.group.label} with {value}."
    differences = figures.differences["test accuracy"]
    if leader is not baseline:
        second = f"Against {baseline.group.label}: {outcome(differences[leader.group])}."
    elif len(others) == 1:
        second = f"{others[0].group.label} against it: {outcome(differences[others[0].group])}."
    else:
        worse = sum(row.shown and is_negative(row) for row in differences.values())
        second = f"It is the baseline; shown to be worse: {worse} of {len(others)} other groups."
    return [first, second, overfitting(figures)]


def outcome(row: Difference) -> str:
    """The verdict on a difference, with the difference where it is shown."""
    if not row.shown or row.estimate is None:
        return verdict(row)
    return f"{verdict(row)} by {100 * abs(row.estimate.mean):.1f} points"


def verdict(row: Difference) -> str:
    """Whether a group differs from the baseline."""
    if row.estimate is None:
        return "no common seed: not compared"
    if row.estimate.why_none is not None or row.p_value is None:
        return f"{row.estimate.why_none}, so {NOT_SHOWN}"
    if not row.shown:
        return NOT_SHOWN + (f" once corrected for {row.tests} comparisons" if row.p_value < ALPHA else "")
    if row.measure == "test accuracy":
        return "worse" if is_negative(row) else "better"
    return "smaller" if is_negative(row) else "larger"


def is_negative(row: Difference) -> bool:
    """Whether the group lies below the baseline."""
    return row.estimate is not None and row.estimate.mean < 0


def single_runs_verdict(row: SingleRuns) -> str:
    """Whether one of two networks is better on the test images."""
    if not row.shown:
        return NOT_SHOWN
    return f"{'the run' if row.test.only_first > row.test.only_second else 'the baseline run'} is better"


def overfitting(figures: SectionFigures) -> str:
    """Which groups overfit."""
    rising = [each for each in figures.groups if each.onset.runs]
    if not rising:
        return "No run shows the onset of overfitting."
    worst = max(rising, key=lambda each: each.last_gap.mean)
    return (
        f"Overfitting began in {sum(each.onset.runs for each in rising)} of {len(figures.section.runs)} "
        f"runs; the largest gap among those groups after the last epoch is that of {worst.group.label}, "
        f"{100 * worst.last_gap.mean:.1f} points."
    )


def coverage(network: Network) -> str:
    """In a few words, whether every pixel of the receptive field enters an output."""
    if network.covered is None:
        return "not measured"
    return "no holes" if network.covered == 1 else f"holes: {network.covered:.1%} covered"


def coverage_details(network: Network) -> str:
    """The same in a sentence or two, with rates to try instead."""
    if network.covered is None or network.size is None:
        return network.problem
    part = " on the image" if network.on_image else ""
    of_field = f"of the {network.size[0]}x{network.size[1]} receptive field{part}"
    if network.covered == 1:
        return f"Every pixel {of_field} enters the output."
    said = f"{network.covered:.1%} of the pixels {of_field} enter the output; the nearest that does not lies "
    said += f"{network.nearest_hole:g} from the centre."
    instead = " or ".join(f"[{','.join(map(str, rates))}]" for rates in network.alternatives)
    return f"{said} Nearest rates without holes: {instead}." if instead else said
