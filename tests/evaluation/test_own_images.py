import io
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from dilated_cifar.errors import UserError
from dilated_cifar.evaluation import own_images
from dilated_cifar.evaluation.own_images import find_images

SIZE = (3, 32, 32)


def read_images(paths: list[Path], size: tuple[int, int, int] = SIZE) -> torch.Tensor:
    images, found, faults = own_images.read_images(paths, size)
    assert (found, faults) == (paths, [])
    return images


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


def test_where_no_picture_is_a_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for text in (str(tmp_path / "none.png"), str(tmp_path / "empty"), "", "\0", "x" * 5000, "~nobody/a.png"):
        with pytest.raises(UserError, match=r"^images=.*: no pictures there"):
            find_images([text])


def picture(colour: Any, form: str, mode: str = "RGB", side: int = 64, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (side, side), colour).save(buffer, form, **options)
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG of 50,000 x 50,000 pixels in a few bytes."""
    content = bytearray(picture("red", "PNG"))
    content[16:24] = struct.pack(">II", 50_000, 50_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


def text_bomb() -> bytes:
    """A PNG whose comment unpacks to a quarter of a gigabyte."""
    deflated = zlib.compress(bytes(2**28))
    chunk = b"zTXt" + b"a\0\0" + deflated
    content = picture("red", "PNG")
    packed = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return content[:33] + packed + content[33:]


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))


def cut(form: str, share: float) -> bytes:
    buffer = io.BytesIO()
    NOISE.save(buffer, form)
    return buffer.getvalue()[: int(share * len(buffer.getvalue()))]


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\nshowpage\n%%EOF\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64"/></svg>'
REFUSED = {
    "bomb.png": bomb,
    "comment.png": text_bomb,
    "drawing.svg": lambda: SVG,
    "drawing.png": lambda: SVG,
    "program.png": lambda: EPS,
    "other.png": lambda: picture("red", "TGA"),  # Pillow would read it, as it would a hundred others
    "empty.jpg": lambda: b"",
    "text.png": lambda: b"not a picture",
    "float.tiff": lambda: picture(0.5, "TIFF", "F"),
    "cut.png": lambda: cut("PNG", 0.5),
    "end.png": lambda: cut("PNG", 0.95),
    "cut.jpg": lambda: cut("JPEG", 0.5),
    "cut.gif": lambda: cut("GIF", 0.5),
    "cut.webp": lambda: cut("WEBP", 0.5),
    "cut.bmp": lambda: cut("BMP", 0.5),
    "cut.tiff": lambda: cut("TIFF", 0.5),
}


def test_what_cannot_be_read_is_refused_by_name_and_the_others_are_read(tmp_path: Path) -> None:
    for name, make in REFUSED.items():
        (tmp_path / name).write_bytes(make())
    (tmp_path / "good.png").write_bytes(picture("red", "PNG"))
    start = time.monotonic()
    images, paths, faults = own_images.read_images(find_images([str(tmp_path)]), SIZE)
    assert time.monotonic() - start < 10
    assert [path.name for path in paths] == ["good.png"]
    assert (images == torch.tensor([255, 0, 0])[:, None, None]).all()
    assert [line.partition(": ")[0] for line in faults] == [
        f"images={tmp_path / name}" for name in sorted(REFUSED)
    ]
    assert all("expected a whole picture as PNG, JPEG" in line or "32 bits" in line for line in faults)
    assert "too many pixels" in faults[0]


def test_where_nothing_can_be_read_one_line_says_so(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match=r"a.png: cannot be read; .* \(nor can the other 1 be read\)$"):
        own_images.read_images(find_images([str(tmp_path)]), SIZE)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_picture_is_read(tmp_path: Path, form: str) -> None:
    path = tmp_path / f"moving.{form.lower()}"
    path.write_bytes(picture("red", form, save_all=True, append_images=[Image.new("RGB", (64, 64), "blue")]))
    image = read_images([path])[0].int()
    assert (image[0] > 240).all()
    assert (image[1:] < 10).all()


@pytest.mark.parametrize("form", ["TIFF", "JPEG"])
def test_colours_of_print_are_read(tmp_path: Path, form: str) -> None:
    path = tmp_path / "print.img"
    path.write_bytes(picture((0, 255, 255, 0), form, "CMYK"))
    image = read_images([path])[0].int()
    assert (image[0] > 240).all()
    assert (image[1:] < 20).all()
