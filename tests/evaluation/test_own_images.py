from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dilated_cifar.errors import UserError
from dilated_cifar.evaluation.own_images import find_images, read_images

SIZE = (3, 32, 32)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16"])
@pytest.mark.parametrize("size", [(32, 32), (1, 1), (300, 200), (7, 90)])
def test_any_mode_and_size_is_read(tmp_path: Path, mode: str, size: tuple[int, int]) -> None:
    path = tmp_path / ("picture.tiff" if mode in ("CMYK", "I;16") else "picture.png")
    Image.new(mode, size).save(path)
    images = read_images([path], SIZE)
    assert images.shape == (1, 3, 32, 32)
    assert images.dtype is torch.uint8


def test_a_32_pixel_picture_is_read_as_it_is(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert torch.equal(read_images([tmp_path / "a.png"], SIZE)[0], torch.from_numpy(pixels).permute(2, 0, 1))


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 40), 100 * 257, dtype=np.uint16)).save(tmp_path / "deep.png")
    assert (read_images([tmp_path / "deep.png"], SIZE) == 100).all()


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 40), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (read_images([tmp_path / "clear.png"], SIZE) == 255).all()


def test_the_central_square_is_kept(tmp_path: Path) -> None:
    wide = Image.new("RGB", (192, 64), "black")
    wide.paste(Image.new("RGB", (64, 64), "white"), (64, 0))
    wide.save(tmp_path / "wide.png")
    assert (read_images([tmp_path / "wide.png"], SIZE) == 255).all()


def test_pictures_take_the_size_of_the_data_set(tmp_path: Path) -> None:
    wide = Image.new("RGB", (400, 100), "black")
    wide.paste(Image.new("RGB", (200, 100), "white"), (100, 0))
    wide.save(tmp_path / "wide.png")
    images = read_images([tmp_path / "wide.png"], (3, 24, 48))
    assert images.shape == (1, 3, 24, 48)
    assert (images == 255).all()


def test_the_cameras_orientation_is_applied(tmp_path: Path) -> None:
    upright = Image.new("RGB", (64, 64), "black")
    upright.paste(Image.new("RGB", (64, 32), "white"), (0, 0))
    exif = Image.Exif()
    exif[0x0112] = 3  # taken upside down
    upright.rotate(180).save(tmp_path / "turned.png", exif=exif)
    image = read_images([tmp_path / "turned.png"], SIZE)[0]
    assert (image[:, :15] == 255).all()
    assert (image[:, 17:] == 0).all()


def test_folders_and_patterns_name_their_pictures(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "notes.txt"):
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in find_images([str(tmp_path)])] == ["a.JPG", "b.png"]
    assert [path.name for path in find_images([f"{tmp_path}/*.png"])] == ["b.png"]
    both = [str(tmp_path / "b.png"), str(tmp_path / "a.JPG")]
    assert [str(path) for path in find_images(both)] == both


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(UserError, match=r"broken.png: not a picture"):
        read_images([tmp_path / "broken.png"], SIZE)
    with pytest.raises(UserError, match="no pictures there"):
        find_images([str(tmp_path / "none.png")])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no pictures there"):
        find_images([str(tmp_path / "empty")])
