import dataclasses
from pathlib import Path

import pytest

from dilated_cifar.comparison.collect import collect
from dilated_cifar.comparison.grouping import Section, arrange, natural
from dilated_cifar.errors import UserError


def arranged(folder: Path, *group_by: str, baseline: str | None = None) -> list[Section]:
    return arrange(collect([folder], progress=False).runs, group_by, baseline)[0]


def labels(section: Section) -> dict[str, list[int]]:
    return {group.label: group.seeds for group in section.groups}


def test_runs_that_differ_in_the_seed_alone_are_one_group(two_groups) -> None:
    (section,) = arranged(two_groups([0.5, 0.6, 0.7], [0.8]))
    assert labels(section) == {"dilations=[1,1,1]": [0, 1, 2], "dilations=[1,2,5]": [0]}
    assert section.baseline.label == "dilations=[1,1,1]"


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("epochs", (5, 6)),
        ("data__split_seed", (0, 1)),
        ("data__train", (8000, 4000)),
        ("data__noise", (0.03, 0.1)),
    ],
)
def test_other_data_splits_or_epochs_are_never_averaged_and_the_key_is_named(runs, key, values) -> None:
    for index, value in enumerate(values):
        for seed in (0, 1):
            runs.write(f"{index}-{seed}", seed=seed, **{key: value})
    sections, notes = arrange(collect([runs.parent], progress=False).runs)
    assert len(sections) == 2
    assert all(len(group.runs) == 2 for section in sections for group in section.groups)
    (note,) = notes
    assert key.replace("__", ".") in note
    assert f"{min(values)} | {max(values)}" in note


def test_two_data_sets_are_two_sections_named_by_the_family(runs, make_config) -> None:
    runs.write("a")
    sizes = ["data.train=8000", "data.validation=1000", "data.train_subset=1000", "data.test=1000"]
    runs.write("b", config=make_config("model=plain", "data=cifar10", "epochs=5", *sizes))
    sections, (note,) = arrange(collect([runs.parent], progress=False).runs)
    assert [section.title for section in sections] == ["data=cifar10", "data=spacing"]
    assert "data.family (cifar10 | spacing)" in note
    assert "mean" not in note


def test_keys_that_say_where_a_run_happened_do_not_separate_runs(runs) -> None:
    runs.write("a", seed=0, output_dir="here", device="cpu", threads=2)
    runs.write("b", seed=1, output_dir="there")
    (section,) = arranged(runs.parent)
    assert labels(section) == {"all runs": [0, 1]}


def test_a_key_that_an_earlier_release_did_not_write_is_null(runs) -> None:
    config = runs.write("old", seed=0) / "config.yaml"
    config.write_text(config.read_text().replace("ema: null\n", ""))
    runs.write("new", seed=1)
    assert len(arranged(runs.parent)[0].groups) == 1
    runs.write("averaged", seed=0, ema=0.999)
    assert set(labels(arranged(runs.parent)[0])) == {"ema=null", "ema=0.999"}


def test_networks_of_two_families_are_told_apart_by_the_keys_that_matter(runs, make_config) -> None:
    runs.write("dilations-1-1-1", model__dilations=[1, 1, 1])
    runs.write("dilations-1-2-5", model__dilations=[1, 2, 5])
    runs.write("width-16", config=dataclasses.replace(runs.base, model=make_config("model=resnet").model))
    (section,) = arranged(runs.parent)
    assert set(labels(section)) == {
        "model=cnn dilations=[1,1,1]", "model=cnn dilations=[1,2,5]", "model=resnet"
    }  # fmt: skip


def test_group_by_averages_over_other_keys_only_by_saying_so(runs) -> None:
    for rates in ([1, 1, 1], [1, 2, 5]):
        for norm in (True, False):
            runs.write(f"{rates[1]}-{norm}", model__dilations=rates, model__norm=norm)
    (section,) = arranged(runs.parent, "model.dilations")
    assert len(section.groups) == 2
    assert all(group.mixed == {"model.norm": ["false", "true"]} for group in section.groups)
    assert any("model.norm" in note for note in section.notes)
    assert len(arranged(runs.parent)[0].groups) == 4


def test_group_by_epochs_puts_them_side_by_side_without_averaging(runs) -> None:
    runs.write("a", epochs=5)
    runs.write("b", epochs=10)
    (section,) = arranged(runs.parent, "epochs")
    assert [group.label for group in section.groups] == ["epochs=5", "epochs=10"]


def test_an_unknown_key_is_refused_with_the_keys_that_vary(two_groups) -> None:
    sweep = two_groups([0.5], [0.8])
    with pytest.raises(UserError) as refused:
        arranged(sweep, "model.dilation")
    message = str(refused.value)
    assert message.startswith("group_by=model.dilation: no such key")
    assert "the keys that vary: model.dilations" in message
    assert "\n" not in message


@pytest.mark.parametrize("wanted", ["[1,2,5]", "[1, 2, 5]", "dilations=[1,2,5]", "model.dilations=[1,2,5]"])
def test_a_baseline_is_named_by_its_value_or_label(two_groups, wanted: str) -> None:
    (section,) = arranged(two_groups([0.5], [0.8]), baseline=wanted)
    assert section.baseline.label == "dilations=[1,2,5]"


def test_a_baseline_that_is_no_group_or_several_is_refused_with_the_groups(runs) -> None:
    for rates in ([1, 1, 1], [1, 2, 5]):
        for norm in (True, False):
            runs.write(f"dilations-{rates[1]}__norm-{norm}", model__dilations=rates, model__norm=norm)
    with pytest.raises(UserError, match=r"baseline=\[9,9,9\]: expected .*dilations=\[1,1,1\] norm=false"):
        arranged(runs.parent, baseline="[9,9,9]")
    with pytest.raises(UserError, match=r"baseline=\[1,1,1\]: is 2 groups"):
        arranged(runs.parent, baseline="[1,1,1]")
    (section,) = arranged(runs.parent, baseline="[1,1,1] norm=true")
    assert section.baseline.label == "dilations=[1,1,1] norm=true"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["plain", "dilated_125"], ["plain", "dilated_125"]),
        (["plain__demo", "dilated_125__demo"], ["plain", "dilated_125"]),
        (["my-first-try", "second"], ["my-first-try", "second"]),
        (["dilations-1-1-1", "dilations-1-2-5"], ["dilations=[1,1,1]", "dilations=[1,2,5]"]),
        (["trial-0", "trial-1"], ["dilations=[1,1,1]", "dilations=[1,2,5]"]),
        (["0", "1"], ["dilations=[1,1,1]", "dilations=[1,2,5]"]),
        (["plain", "dilations-1-2-5"], ["dilations=[1,1,1]", "dilations=[1,2,5]"]),
    ],
)
def test_labels_are_the_names_that_were_typed_where_there_are_any(runs, names, expected) -> None:
    for name, rates in zip(names, ([1, 1, 1], [1, 2, 5]), strict=True):
        for seed in (0, 1):
            runs.write(f"{name}__seed-{seed}", seed=seed, model__dilations=rates)
    (section,) = arranged(runs.parent)
    assert labels(section) == {label: [0, 1] for label in expected}


def test_sweeps_over_seeds_alone_are_called_by_their_folders(runs) -> None:
    for sweep, rates in (("dense", [1, 1, 1]), ("dilated", [1, 2, 5])):
        for seed in (0, 1):
            runs.write(f"{sweep}/seed-{seed}", seed=seed, model__dilations=rates)
    (section,) = arranged(runs.parent, baseline="dilated")
    assert labels(section) == {"dense": [0, 1], "dilated": [0, 1]}
    assert section.baseline.label == "dilated"
    # Asked for by keys, groups are called by them.
    (section,) = arranged(runs.parent, "model.dilations")
    assert set(labels(section)) == {"dilations=[1,1,1]", "dilations=[1,2,5]"}


def test_a_choice_that_was_swept_is_named_as_it_was_typed_and_not_by_all_its_keys(runs) -> None:
    for seed in (0, 1):
        runs.write(f"augment-none__seed-{seed}", seed=seed, augment__pad=0, augment__flip=False)
        runs.write(f"augment-cutout__seed-{seed}", seed=seed, augment__cutout=16)
        runs.write(f"smooth/seed-{seed}", seed=seed, augment__pad=0, augment__flip=False, label_smoothing=0.1)
    (section,) = arranged(runs.parent, baseline="augment=none")
    assert labels(section) == {label: [0, 1] for label in ("augment=none", "augment=cutout", "smooth")}
    assert section.baseline.label == "augment=none"


def test_a_name_stands_for_the_model_and_another_key_that_was_swept_beside_it(runs) -> None:
    for name, rates in (("plain", [1, 1, 1]), ("dilated_125", [1, 2, 5])):
        for lr in (0.1, 0.01):
            runs.write(f"{name}__lr-{lr}", model__dilations=rates, optimizer__lr=lr)
    (section,) = arranged(runs.parent)
    assert [(group.label, group.unsaid) for group in section.groups] == [
        ("plain optimizer.lr=0.01", "dilations=[1,1,1]"),
        ("plain optimizer.lr=0.1", "dilations=[1,1,1]"),
        ("dilated_125 optimizer.lr=0.01", "dilations=[1,2,5]"),
        ("dilated_125 optimizer.lr=0.1", "dilations=[1,2,5]"),
    ]
    folder = runs.parent / "plain__lr-0.1"
    for wanted in ("plain lr=0.1", "[1,1,1] 0.1", folder.name, f"sweep/{folder.name}", str(folder)):
        assert arranged(runs.parent, baseline=wanted)[0].baseline.label == "plain optimizer.lr=0.1"
    choices = r"\(plain optimizer.lr=0.01 \| plain optimizer.lr=0.1\)"
    with pytest.raises(UserError, match=f"baseline=plain: is 2 groups {choices}"):
        arranged(runs.parent, baseline="plain")


def test_values_are_in_natural_order() -> None:
    values = ["[1,2,5]", "10", "2", "0.1", "[1,1,1]", "true"]
    assert sorted(values, key=natural) == ["0.1", "2", "10", "[1,1,1]", "[1,2,5]", "true"]
