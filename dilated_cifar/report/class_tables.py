"""The tables of a section about classes: the accuracy of each, and which are confused."""

from dilated_cifar.comparison.classes import Classes
from dilated_cifar.comparison.comparison import SectionFigures
from dilated_cifar.comparison.grouping import Group
from dilated_cifar.comparison.statistics import Estimate
from dilated_cifar.report import formats
from dilated_cifar.report.columns import Column, Table

MOST_COLUMNS = 20
"""Classes up to which each has a column of its own on the page."""


def class_table(figures: SectionFigures) -> Table[tuple[Group, str, Estimate]]:
    """One row for each group and class."""
    columns: list[Column[tuple[Group, str, Estimate]]] = [
        Column("group", lambda row: row[0].label),
        Column("class", lambda row: row[1]),
        Column("accuracy", lambda row: row[2], formats.CLASS_ACCURACY),
    ]
    rows = [
        (group, *each) for group, classes in figures.classes.items() for each in classes.accuracies.items()
    ]
    return Table("per_class", "Test accuracy of each class", columns, rows)


def class_columns_table(figures: SectionFigures) -> Table[Classes] | Table[str]:
    """The same with one row for each group and a column for each class; of many classes the other way."""
    caption = "Test accuracy of each class with its 95% interval"
    if len(class_names(figures)) > MOST_COLUMNS:
        return group_columns_table(figures, caption)

    def column(name: str) -> Column[Classes]:
        return Column(name, lambda row: row.accuracies.get(name), formats.CLASS_ACCURACY)

    group: Column[Classes] = Column("group", lambda row: row.group.label)
    columns = [group, *map(column, class_names(figures))]
    return Table("classes", caption, columns, list(figures.classes.values()))


def group_columns_table(figures: SectionFigures, caption: str) -> Table[str]:
    """One row for each class, and a column for each group."""

    def column(classes: Classes) -> Column[str]:
        return Column(classes.group.label, classes.accuracies.get, formats.CLASS_ACCURACY)

    name: Column[str] = Column("class", lambda row: row)
    return Table("classes", caption, [name, *map(column, figures.classes.values())], class_names(figures))


def confusion_table(figures: SectionFigures) -> Table[tuple[Classes, str]]:
    """One row for each group and true class, a column for each predicted class."""

    def column(name: str) -> Column[tuple[Classes, str]]:
        return Column(f"as {name}", lambda row: row[0].confused(row[1], name), formats.PERCENT)

    columns: list[Column[tuple[Classes, str]]] = [
        Column("group", lambda row: row[0].group.label),
        Column("class", lambda row: row[1]),
        *map(column, class_names(figures)),
    ]
    rows = [(classes, name) for classes in figures.classes.values() for name in classes.names]
    return Table("confusion", "Confusion matrix of each group", columns, rows)


def class_names(figures: SectionFigures) -> list[str]:
    """The names of all classes of the section's data."""
    return list(dict.fromkeys(name for classes in figures.classes.values() for name in classes.names))
