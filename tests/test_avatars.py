"""The data set of faces: what is drawn, what is held out, that attributes tell the truth, and reading it."""

import hashlib
import importlib.resources
import json
import socket
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds
from helpers import images, run_script

import zoo
from zoo import data
from zoo.datasets import avatars
from zoo.errors import DataError, InputError, MissingDependencyError
from zoo.images import fit_image
from zoo.metrics import features
from zoo.metrics.features import AvatarAttributes, of_classifier
from zoo.nets import conv

# Everything there is to see can be seen in this face.
FACE = {
    "hair_style": "short",
    "hair_color": "brown",
    "skin": "light",
    "eyes": "open",
    "eyebrows": "natural",
    "mouth": "serious",
    "eyewear": "none",
    "facial_hair": "moustache",
    "clothes": "crew_neck",
    "clothes_color": "blue",
    "background": "grey",
    "mirrored": False,
    "rotation": 0.0,
}
EYES = (slice(22, 40), slice(14, 50))


def difference(one, other):
    """Sum of absolute differences of two pictures over the colours, for each pixel."""
    return np.abs(one.astype(int) - other.astype(int)).sum(axis=-1)


# === What is drawn ===


@pytest.mark.slow
def test_faces_are_what_they_were():
    faces = [avatars.draw(split, index) for split in avatars.SIZES for index in (0, 1, 4321)]
    digest = hashlib.sha256(json.dumps(faces, sort_keys=True).encode()).hexdigest()
    assert digest == "9098ab92639298dbf1bfcfa1beda4e7a0c209f48673d2bc4f50117a8a6429e4f"
    means = [avatars.render(face).mean(axis=(0, 1)) for face in faces]
    np.testing.assert_allclose(
        means,
        [
            [204.5, 185.5, 171.3],
            [140.6, 142.7, 147.0],
            [193.4, 200.2, 181.7],
            [196.2, 143.5, 159.0],
            [204.0, 140.9, 119.1],
            [214.6, 180.8, 172.7],
        ],
        atol=1.0,
    )


def test_a_face_is_drawn_the_same_again():
    face = avatars.draw("train", 3)
    picture = avatars.render(face)
    np.random.seed(1)
    assert avatars.draw("train", 3) == face != avatars.draw("train", 4)
    np.testing.assert_array_equal(avatars.render(face), picture)
    assert picture.shape == avatars.IMAGE_SHAPE and picture.dtype == np.uint8


@pytest.mark.slow
def test_every_value_occurs_in_both_splits():
    for split, number in (("train", 1500), ("test", 400)):
        faces = [avatars.draw(split, index) for index in range(number)]
        for name, values in avatars.CHOSEN.items():
            assert {face[name] for face in faces} == set(values), (split, name)
        rotations = [face["rotation"] for face in faces]
        assert -15 <= min(rotations) < -14 and 14 < max(rotations) <= 15
        encoded = [avatars.encode(face) for face in faces]
        for name in ("presentation", "smile", "glasses", "mirrored"):
            assert 0.35 < np.mean([face[name] for face in encoded]) < 0.65, (split, name)


@pytest.mark.slow
def test_only_combinations_that_training_never_sees_are_tested():
    assert not any(avatars.is_held_out(avatars.draw("train", index)) for index in range(1500))
    assert all(avatars.is_held_out(avatars.draw("test", index)) for index in range(400))


def test_a_fifth_of_the_combinations_is_held_out_and_pairs_stay_equally_common():
    names = ("hair_style", "skin", "mouth")
    grid = np.array(np.meshgrid(*(avatars.CHOSEN[name] for name in names), indexing="ij")).reshape(3, -1).T
    held = np.array([avatars.is_held_out(dict(zip(names, values, strict=True))) for values in grid])
    assert (held.sum(), len(held)) == (80, 400)
    for pair in ([0, 1], [0, 2], [1, 2]):
        for part in (grid[held], grid[~held]):
            found, counts = np.unique(part[:, pair], axis=0, return_counts=True)
            assert len(found) == len(np.unique(grid[:, pair], axis=0))
            assert counts.max() - counts.min() <= 1


def test_faces_make_sense():
    for index in range(500):
        face = avatars.encode(avatars.draw("train", index))
        assert avatars.PRESENTATION[face["presentation"]] == "masculine" or face["facial_hair"] == 0


def test_what_follows_is_derived():
    assert avatars.encode(FACE)["presentation"] == 1
    expected = {"long_hair": False, "smile": False, "glasses": False}
    assert {name: avatars.encode(FACE)[name] for name in expected} == expected
    other = {**FACE, "hair_style": "wavy", "mouth": "closed_smile", "eyewear": "round", "facial_hair": "none"}
    assert {name: avatars.encode(other)[name] for name in expected} == dict.fromkeys(expected, True)
    assert avatars.encode(other)["presentation"] == 0


# === That attributes tell the truth ===


@pytest.mark.parametrize("name", avatars.CHOSEN)
def test_every_two_values_look_different(name):
    values = [value for value in avatars.CHOSEN[name] if value != avatars.HIDDEN]
    pictures = [avatars.render({**FACE, name: value}) for value in values]
    for index, one in enumerate(pictures):
        for other in pictures[:index]:
            seen = difference(one, other)
            assert seen.max() > 50 and (seen > 30).sum() >= 4


# The features of a face that hide others, and how much of those may still be seen: an end of a brow, of a collar.
HIDING = [
    ("eyes", {"eyewear": "sunglasses"}, 0.0),
    ("eyebrows", {"eyewear": "sunglasses"}, 0.6),
    ("clothes", {"hair_style": "hijab", "facial_hair": "none"}, 0.3),
    *(("hair_color", {"hair_style": style, "facial_hair": "none"}, 0.1) for style in ("hijab", "turban", "beanie")),
]


@pytest.mark.parametrize(("name", "hiding", "rest"), HIDING)
def test_what_is_called_hidden_leaves_little_trace(name, hiding, rest):
    def most(face):
        pictures = [avatars.render({**face, name: value}) for value in avatars.CHOSEN[name]]
        return max(difference(picture, pictures[0]).mean() for picture in pictures)

    assert most({**FACE, **hiding}) <= rest * most({**FACE, "facial_hair": "none"})


def test_what_is_hidden_is_said_to_be():
    for index in range(300):
        face = avatars.draw("train", index)
        for name, hiding, _ in HIDING:
            if hiding.items() <= face.items():
                assert face[name] == avatars.HIDDEN
        if face["eyewear"] != "sunglasses":
            assert avatars.HIDDEN not in (face["eyes"], face["eyebrows"])


@pytest.mark.parametrize("eyewear", ["round", "square", "sunglasses"])
def test_glasses_change_the_eyes_and_nothing_else(eyewear):
    seen = difference(avatars.render({**FACE, "eyewear": eyewear}), avatars.render(FACE))
    assert (seen[EYES] > 100).sum() > 50
    seen[EYES] = 0
    assert not seen.any()


def test_mirrored_faces_are_mirrored():
    for face in ({**FACE, "hair_style": "waved"}, {**FACE, "eyes": "sideways"}):
        seen, mirrored = avatars.render(face), avatars.render({**face, "mirrored": True})
        assert difference(seen, mirrored).max() > 100
        assert difference(seen[:, ::-1], mirrored).mean() < 1


def test_rotation_is_clockwise():
    face = {**FACE, "hair_style": "bun", "hair_color": "black"}
    columns = []
    for rotation in (-15.0, 0.0, 15.0):
        top = avatars.render({**face, "rotation": rotation})[:12]
        columns.append(np.nonzero(top.sum(axis=-1) < 150)[1].mean())
    assert columns[0] < columns[1] - 3 < columns[2] - 6


# === Reading it ===


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The data set in small, prepared by reading it, without a network."""

    def refuse(*_, **__):
        raise OSError("no network in tests")

    folder = tmp_path_factory.mktemp("tfds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(avatars, "SIZES", {"train": 12, "test": 5})
        patch.setattr(socket.socket, "connect", refuse)
        data.read("avatars", avatars.IMAGE_SHAPE, data_dir=folder)
    return folder


@pytest.mark.slow
def test_images_and_attributes_come_in_the_order_of_their_indices(prepared):
    for split, number in (("train", 12), ("test", 5)):
        found = data.read("avatars", avatars.IMAGE_SHAPE, split=split, data_dir=prepared)
        faces = [avatars.draw(split, index) for index in range(number)]
        np.testing.assert_array_equal(found.images, [avatars.render(face) for face in faces])
        assert found.labels is None and found.class_names is None
        attributes = data.attributes("avatars", split=split, data_dir=prepared)
        encoded = [avatars.encode(face) for face in faces]
        assert set(attributes) == set(encoded[0])
        for name, values in attributes.items():
            assert values.dtype.kind in {bool: "b", int: "i", float: "f"}[type(encoded[0][name])]
            np.testing.assert_allclose(values, [face[name] for face in encoded], rtol=1e-6)


@pytest.mark.slow
def test_the_same_faces_come_at_128_pixels(tmp_path, monkeypatch):
    monkeypatch.setattr(avatars, "SIZES", {"train": 3, "test": 2})
    found = data.read("avatars128", (128, 128, 3), data_dir=tmp_path)
    faces = [avatars.draw("train", index) for index in range(3)]
    np.testing.assert_array_equal(found.images, [avatars.render(face, 128) for face in faces])
    smaller = np.stack([fit_image(image, avatars.IMAGE_SHAPE) for image in found.images]).astype("float32")
    assert np.abs(smaller - [avatars.render(face) for face in faces]).mean() < 4
    assert features.default_for("avatars128") == "classifier_avatars_64"


@pytest.mark.slow
def test_parts_of_a_split_can_be_read(prepared):
    whole = data.attributes("avatars", data_dir=prepared)
    part = data.attributes("avatars", split="train[4:7]", data_dir=prepared)
    for name, values in whole.items():
        np.testing.assert_array_equal(part[name], values[4:7])


@pytest.mark.slow
def test_what_is_prepared_needs_no_renderer(prepared, monkeypatch):
    monkeypatch.setattr(avatars, "_renderer", None)
    assert len(data.dataset("avatars", (32, 32, 3), 4, data_dir=prepared)) == 3


def test_the_licence_is_the_one_that_the_package_states(prepared):
    definition = (importlib.resources.files("dicebear_styles") / "avataaars.json").read_text(encoding="utf-8")
    stated = json.loads(definition)["meta"]["license"]["text"]
    assert "Free for personal and commercial use" in stated
    assert (prepared / "avatars" / "1.0.0" / "LICENSE").read_text(encoding="utf-8") == stated


@pytest.mark.parametrize("package", ["dicebear", "dicebear_styles", "resvg_py"])
def test_a_missing_package_is_named_with_its_extra(package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    avatars._renderer.cache_clear()
    with pytest.raises(MissingDependencyError, match=rf"needs {package}: pip install 'generative-zoo\[avatars\]'\.$"):
        data.read("avatars", avatars.IMAGE_SHAPE, data_dir=tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_folder_that_may_not_be_written_is_said_to_be_one(tmp_path, monkeypatch):
    def refuse(self, **_):
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", refuse)
    with pytest.raises(
        DataError, match=r"could not be written there \(Permission denied\); point TFDS_DATA_DIR \(or data_dir\) to a"
    ):
        data.read("avatars", avatars.IMAGE_SHAPE, data_dir=tmp_path)


def test_sets_without_attributes_are_refused():
    with (
        tfds.testing.mock_data(num_examples=1, policy=tfds.testing.MockPolicy.USE_CODE),
        pytest.raises(DataError, match=r"The data set 'mnist' has no attributes, only \['image', 'label'\]\."),
    ):
        data.attributes("mnist")
    with pytest.raises(DataError, match=r"no TFDS data set 'avatrs'; did you mean avatars"):
        data.attributes("avatrs")
    with pytest.raises(InputError, match="dataset is None, expected the name of a TFDS data set"):
        data.attributes(None)


REGISTERED = """
import sys
import tensorflow_datasets as tfds
import zoo.datasets
assert "avatars" in tfds.list_builders()
print(sorted({"dicebear", "dicebear_styles", "resvg_py", "jsonschema"} & set(sys.modules)))
"""


@pytest.mark.slow
def test_importing_the_data_sets_registers_them_and_no_more():
    assert run_script(REGISTERED).stdout.strip() == "[]"


# === Reading attributes off images ===


@pytest.mark.slow
def test_attributes_are_read_off_images_of_any_size():
    num_values = {name: len(values) for name, values in avatars.CHOSEN.items()}
    network = conv.attribute_classifier((16, 16, 3), {**num_values, "rotation": 1}, filters=2, stages=3)
    assert of_classifier(network, "avatars", "untrained")(images(3, (16, 16, 3))).shape == (3, 8)
    pictures = images(300, (32, 32, 3))
    found = AvatarAttributes(network)(pictures)
    expected = avatars.encode(FACE)
    assert set(found) == set(expected) - {"mirrored"}
    for name, values in found.items():
        assert values.shape == (300,)
        assert values.dtype.kind in {bool: "b", int: "i", float: "f"}[type(expected[name])]
        if name in num_values:
            assert values.min() >= 0 and values.max() < num_values[name]
    np.testing.assert_array_equal(found["smile"], np.isin(found["mouth"], [0, 1]))
    one = AvatarAttributes(network)(pictures[7:8])
    assert all(one[name][0] == found[name][7] for name in num_values)
    with pytest.raises(InputError, match="images has dtype float32, expected uint8"):
        AvatarAttributes(network)(images(1, (16, 16, 3)) / np.float32(127.5) - 1)


@pytest.mark.slow
def test_the_bundled_classifier_sees_what_was_drawn():
    faces = [avatars.draw("test", index) for index in range(200)]
    found = AvatarAttributes()(np.stack([avatars.render(face) for face in faces]))
    encoded = [avatars.encode(face) for face in faces]
    for name, values in found.items():
        expected = np.array([face[name] for face in encoded])
        if name == "rotation":
            assert np.abs(values - expected).mean() < 2
        else:
            assert (values == expected).mean() >= 0.97, name


@pytest.mark.slow
def test_an_unknown_split_is_refused_with_the_known_ones(prepared):
    with pytest.raises(DataError, match=r"The data set 'avatars' has no split 'tets', only test of 5 and train of 12"):
        data.read("avatars", avatars.IMAGE_SHAPE, split="tets", data_dir=prepared)
    with pytest.raises(InputError, match=r"image_shape is \(8, 8, 2\), expected 1 or 3 channels"):
        data.read("avatars", (8, 8, 2), data_dir=prepared)


@pytest.mark.slow
def test_a_name_given_for_validation_is_its_test_split(prepared, monkeypatch):
    find = zoo.data.tfds.prepared
    monkeypatch.setattr(zoo.data.tfds, "prepared", lambda name, _: find(name, prepared))
    read = []
    monkeypatch.setattr(
        data, "read", lambda *given, find=data.read, **how: read.append(how["split"]) or find(*given, **how)
    )
    model = zoo.BetaVAE((16, 16, 3), 2, filters=2, units=4)
    model.compile()
    assert "val_loss" in model.fit("avatars", batch_size=4, validation_data="avatars", verbose=0).history
    assert read == ["train", "test"]
