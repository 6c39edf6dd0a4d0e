"""From runs to folders of files, with a model card."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from dilated_cifar.config.export import ExportConfig
from dilated_cifar.device import use_threads
from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.output import Output
from dilated_cifar.evaluation.trained import Trained, open_all, require_finite, some_test_images
from dilated_cifar.export.card import config_json, model_card
from dilated_cifar.export.checked import Checked, in_batches, written
from dilated_cifar.export.formats import FORMATS, Source
from dilated_cifar.extras import require_packages
from dilated_cifar.progress import Steps
from dilated_cifar.runs.atomic import write
from dilated_cifar.runs.folder import folder_of
from dilated_cifar.runs.reading import read_summary
from dilated_cifar.runs.record import EXPORTS, SUMMARY, Figures, Summary
from dilated_cifar.runs.weights import figures_in


def export_all(config: ExportConfig, steps: Steps) -> None:
    """Export every network into a folder of its own.

    Raises:
        UserError: a package of a format, a checkpoint, the data or the output folder is not as expected, or
            a file does not give the logits of its network.
    """
    for name in config.formats:
        others = [each for each in config.formats if not FORMATS[each].packages]
        instead = f"formats={','.join(others) or 'safetensors'}"
        require_packages(FORMATS[name].packages, "export", f"formats={name} (or write {instead})")
    use_threads(config.threads)
    steps.begin("reading checkpoints")
    networks = open_all(config.checkpoint, device=config.device)
    for trained in networks:
        export_one(trained, Output(folder_for_export(trained, networks, config)), config, steps)


def folder_for_export(trained: Trained, networks: Sequence[Trained], config: ExportConfig) -> Path:
    """`export` in the run's folder; or the folder the user chose, in it one for each of several networks."""
    if config.output is None:
        return folder_of(trained.path) / EXPORTS
    return Path(config.output) / (trained.label if len(networks) > 1 else "")


def export_one(trained: Trained, output: Output, config: ExportConfig, steps: Steps) -> None:
    """Write the files of a network, its description and its model card, and say how they compare.

    Raises:
        UserError: nothing is written then.
    """
    require_finite([trained])
    with steps.hidden():  # a download shows its own line
        place = config.data
        split = some_test_images(trained.config.data, place, config.samples, progress=config.progress)
    output.prepare()
    steps.begin(f"{trained.label}: {len(split):,} test images")
    expected = in_batches(trained.model.eval(), trained.inputs(split.images))
    summary = summary_of(trained)
    figures = figures_of(trained, summary)
    try:
        contents, checks = {}, []
        source = Source(trained, figures)
        for name in config.formats:
            steps.begin(f"{trained.label}: {name}")
            content, check = written(source, name, split.images, expected, config.tolerance)
            contents[check.file] = content
            checks.append(check)
    except UserError:
        with suppress(OSError):
            output.folder.rmdir()  # only where it is empty
        raise
    card = model_card(trained, summary, figures, checks, config.license)
    contents |= {"config.json": config_json(trained, figures).encode(), "README.md": card.encode()}
    for file, content in contents.items():
        write(output.folder / file, content)
        output.written.append(output.folder / file)
    output.note("export", {"epoch": trained.epoch, "files": [asdict(each) for each in checks]})
    with steps.hidden():
        output.say(f"{trained.path}, epoch {trained.epoch}")
        output.console.print(table_of(checks))
        output.close()


def summary_of(trained: Trained) -> Summary | None:
    """The outcome of the run that the weights lie in, where it is finished.

    Raises:
        UserError: it is damaged.
    """
    folder = folder_of(trained.path)
    return read_summary(folder) if (folder / SUMMARY).is_file() else None


def figures_of(trained: Trained, summary: Summary | None) -> Figures | None:
    """What was measured of these weights, by their run or as their file says; None where nothing was.

    The weights of a run are told from others by their epoch.
    """
    known = (summary.best, summary.last) if summary else (figures_in(trained.path),)
    return next((each for each in known if each and each.epoch == trained.epoch), None)


def table_of(checks: Sequence[Checked]) -> Table:
    """How each file compares with the network."""
    table = Table(title=f"opened again, on {checks[0].images:,} test images", title_justify="left")
    for name in ("file", "size", "largest difference", "tolerance", "same class"):
        table.add_column(name, justify="left" if name == "file" else "right")
    for each in checks:
        table.add_row(
            each.file,
            f"{each.bytes / 1000:,.0f} kB",
            f"{each.largest_difference:.1e}",
            f"{each.tolerance:.1e}",
            f"{each.same_classes:,} of {each.images:,}",
        )
    return table
