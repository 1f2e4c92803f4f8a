"""Lists of image files and glob patterns, alone, with labels or captions, and as pairs."""

import os
from pathlib import Path

import numpy as np
import pytest
from helpers import SHAPE, images, png_folder, tiny_pix2pix, tiny_vae, write_picture

from zoo import data
from zoo.errors import DataError, InputError

X = images(6)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A current folder with pictures in `photos` and in a subfolder of it."""
    monkeypatch.chdir(tmp_path)
    png_folder(tmp_path / "photos", X[:4])
    png_folder(tmp_path / "photos" / "more", X[4:])
    (tmp_path / "photos" / "notes.txt").write_text("no image")
    (tmp_path / "photos" / ".hidden.png").write_bytes(b"no image")
    return tmp_path


@pytest.mark.parametrize("kind", [str, Path, os.path.abspath])
def test_a_list_of_files_keeps_its_order(folder, kind):
    files = [kind(f"photos/{index:03}.png") for index in (2, 0, 3)]
    for source in (files, tuple(files)):
        found = data.read(source, SHAPE)
        np.testing.assert_array_equal(found.images, X[[2, 0, 3]])
        assert found.labels is None and found.class_names is None
    # Two paths are two files, not images and labels.
    np.testing.assert_array_equal(data.read(files[:2], SHAPE).images, X[[2, 0]])


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("photos/*.png", [0, 1, 2, 3]),
        ("photos/*", [0, 1, 2, 3]),
        ("photos/00[02].png", [0, 2]),
        (Path("photos") / "**" / "*.png", [0, 1, 2, 3, 4, 5]),
        (["photos/003.png", "photos/more/*.png"], [3, 4, 5]),
        (["photos/more/*.png", "photos/00[12].png"], [4, 5, 1, 2]),
    ],
)
def test_a_pattern_matches_images_in_sorted_order(folder, pattern, found):
    np.testing.assert_array_equal(data.read(pattern, SHAPE).images, X[found])


def test_a_pattern_begins_at_home(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    assert len(data.read("~/photos/*.png", SHAPE).images) == 4


def test_a_folder_with_signs_of_a_pattern_in_its_name_is_a_folder(tmp_path):
    png_folder(tmp_path / "take [1]", X)
    assert len(data.read(tmp_path / "take [1]", SHAPE).images) == 6


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("photos/*.jpg", r"^The pattern 'photos/\*\.jpg' matches no images \(\.png, .*\)\.$"),
        ("photos/*.txt", r"^The pattern 'photos/\*\.txt' matches no images"),
        (["photos/000.png", "gone.png"], r"^1 of the 2 image files in the list are missing: gone\.png\.$"),
        (["photos"], "^1 of the 1 image files in the list are missing: photos"),
        (["photos/000.png", "a/*.png"], r"The pattern 'a/\*\.png' matches no images"),
        ({"images": ["gone.png"], "labels": [0]}, "1 of the 1 image files in the list are missing"),
    ],
)
def test_what_is_not_there_is_said_in_one_sentence(folder, source, says):
    with pytest.raises(DataError, match=says):
        data.read(source, SHAPE)
    model = tiny_vae()
    model.compile(run_eagerly=True)
    with pytest.raises(DataError, match=says):
        model.fit(source, verbose=0)


def test_files_need_a_shape_that_files_can_have(folder):
    with pytest.raises(InputError, match=r"image_shape is needed to read \['photos/000\.png'\], got None"):
        data.read(["photos/000.png"])
    with pytest.raises(InputError, match="expected 1 or 3 channels to read image files"):
        data.read("photos/*.png", (8, 8, 2))


def test_damaged_files_are_left_out_with_their_labels_and_captions(folder):
    (folder / "photos" / "001.png").write_bytes(b"no image")
    files, labels, prompts = sorted(Path("photos").glob("0*.png")), np.array([5, 6, 7, 8]), list("abcd")
    says = r"Skipped 1 of 4 files that cannot be read as images: photos/001\.png; the first"
    with pytest.warns(UserWarning, match=says):
        found = data.read((files, labels), SHAPE)
    np.testing.assert_array_equal(found.images, X[[0, 2, 3]])
    np.testing.assert_array_equal(found.labels, [5, 7, 8])
    with pytest.warns(UserWarning, match=says):
        found = data.read({"images": "photos/*.png", "prompts": prompts, "labels": labels[:, None]}, SHAPE)
    assert found.prompts.tolist() == ["a", "c", "d"] and found.labels.tolist() == [5, 7, 8]
    with pytest.raises(InputError, match=r"labels has shape .* expected one integer for each of the 4 images"):
        data.read((files, labels[:3]), SHAPE)


@pytest.mark.slow
def test_fit_and_evaluate_take_lists_and_patterns(folder):
    model = tiny_vae()
    model.compile(run_eagerly=True)
    model.fit("photos/**/*.png", batch_size=3, verbose=0)
    model.fit([Path("photos/000.png"), "photos/001.png"], batch_size=1, validation_data="photos/more/*", verbose=0)
    model.fit(["photos/000.png", "photos/001.png"], [0, 1], batch_size=1, verbose=0)
    assert int(model.optimizer.iterations) == 6
    assert np.isfinite(model.evaluate("photos/*.png", verbose=0)).all()


def test_an_iterator_of_paths_is_told_to_become_a_list(folder):
    model = tiny_vae()
    model.compile(run_eagerly=True)
    says = r"x is an iterator of paths, such as photos/.*\.png, expected a list of them, such as sorted\(x\)"
    with pytest.raises(InputError, match=says):
        model.fit(Path("photos").glob("0*.png"))


# === Pairs ===


@pytest.fixture
def sides(folder):
    """A current folder with pictures of pairs in `left` and `right`, of which a file of each is damaged."""
    for name, seed in (("left", 1), ("right", 2)):
        png_folder(folder / name, images(4, seed=seed))
    (folder / "left" / "000.png").write_bytes(b"no image")
    (folder / "right" / "002.png").write_bytes(b"no image")
    return folder


@pytest.mark.parametrize("listed", [lambda name: f"{name}/*.png", lambda name: sorted(Path(name).iterdir())])
def test_the_files_of_two_lists_are_pairs(sides, listed):
    both = {"source_images": listed("left"), "images": listed("right")}
    for source in (both, tuple(both.values())):
        with pytest.warns(UserWarning, match=r"Skipped 2 of 4 files that .*: left/000\.png, right/002\.png; the first"):
            found = data.read_pairs(source, SHAPE, SHAPE)
        np.testing.assert_array_equal(found.source_images, images(4, seed=1)[[1, 3]])
        np.testing.assert_array_equal(found.images, images(4, seed=2)[[1, 3]])
    with pytest.warns(UserWarning, match="Skipped 1 of 4 files"):
        unpaired = data.read_pairs(both, SHAPE, SHAPE, paired=False)
    assert len(unpaired.images) == len(unpaired.source_images) == 3
    with pytest.raises(InputError, match="source_images has 1 rows, expected one for each of 4 images"):
        data.read_pairs({**both, "source_images": ["left/001.png"]}, SHAPE, SHAPE)


def test_pairs_side_by_side_are_listed_too(folder):
    for index in range(3):
        write_picture(folder / f"{index}.png", np.concatenate([X[index], X[index + 3]], 1)[..., 0])
    for source in ("*.png", ["0.png", "1.png", "2.png"]):
        found = data.read_pairs(source, SHAPE, SHAPE)
        np.testing.assert_array_equal(found.source_images, X[:3])
        np.testing.assert_array_equal(found.images, X[3:])
    # Two files are two pictures of pairs.
    assert len(data.read_pairs(["0.png", "1.png"], SHAPE, SHAPE).images) == 2


def test_a_side_of_other_things_is_refused(folder):
    with pytest.raises(InputError, match="source_images is 'photos', expected an array, a list of files or a glob"):
        data.read_pairs({"images": X, "source_images": "photos"}, SHAPE, SHAPE)
    write_picture(folder / "wide.png", images(1, (8, 16, 1))[0, ..., 0])
    with pytest.raises(DataError, match=r"^1 pairs have other proportions in source_images than in images: wide \("):
        tiny_pix2pix().read((["photos/000.png", "photos/001.png"], ["photos/000.png", "wide.png"]), "train")
