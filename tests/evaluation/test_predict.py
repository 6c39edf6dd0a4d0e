import torch

from dilated_cifar.config.model import CnnConfig
from dilated_cifar.config.spacing import SpacingConfig
from dilated_cifar.data.augment import normalize
from dilated_cifar.device import choose_machine
from dilated_cifar.evaluation import predict as module
from dilated_cifar.evaluation.predict import predict
from dilated_cifar.models import build

IMAGES = torch.randint(0, 256, (7, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
DATA = SpacingConfig()


def test_logits_are_the_networks_on_normalised_images() -> None:
    machine = choose_machine("cpu")
    model = machine.place(build(CnnConfig(), 10))
    expected = model.eval()(normalize(IMAGES, DATA.mean, DATA.std))
    torch.testing.assert_close(predict(model, IMAGES, DATA, machine), expected)


def test_batches_do_not_change_the_logits() -> None:
    machine = choose_machine("cpu")
    model = machine.place(build(CnnConfig(), 10))
    many = IMAGES.repeat(module.BATCH // len(IMAGES) + 1, 1, 1, 1)
    logits = predict(model, many, DATA, machine)
    assert len(logits) == len(many) > module.BATCH
    torch.testing.assert_close(logits[-7:], predict(model, IMAGES, DATA, machine), rtol=1e-4, atol=1e-5)


def test_the_models_mode_and_statistics_stay() -> None:
    machine = choose_machine("cpu")
    model = machine.place(build(CnnConfig(), 10)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    predict(model, IMAGES, DATA, machine)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_flip_averages_an_image_and_its_mirror_image() -> None:
    machine = choose_machine("cpu")
    model = machine.place(build(CnnConfig(), 10))
    both = (predict(model, IMAGES, DATA, machine) + predict(model, IMAGES.flip(3), DATA, machine)) / 2
    torch.testing.assert_close(predict(model, IMAGES, DATA, machine, flip=True), both)
