"""Publishing presets: one commit on the parent that was looked at, a card that people may edit, then the tag."""

import json
import shutil

import keras
import pytest
import yaml
from helpers import (
    LATENT_DIM,
    SHAPE,
    TINY_GANS,
    images,
    labelled,
    pairs,
    tiny_cycle_gan,
    tiny_gan,
    tiny_pix2pix,
    tiny_pixel_cnn,
    tiny_style_gan,
    tiny_vae,
    tiny_vq_vae,
)
from PIL import Image

import zoo
from zoo.presets import HASHED_FILES
from zoo.presets.card import model_card

pytestmark = pytest.mark.slow

REPO = "me/my-gan"
FACTS = {
    "kind": "model",
    "class": "GAN",
    "dataset": "mnist",
    "dataset_licence": "CC BY-SA 3.0",
    "weights_licence": "Apache-2.0",
    "recipe": "recipes/gan_mnist_28.py",
    "seed": 0,
    "metrics": {
        "fid10k_test_mnist_classifier": {"value": 2.345678, "std": 0.1, "real": 0.05, "protocol": "A distance."}
    },
}

PUBLISH = """
import json, sys
from zoo import hub
from zoo.errors import ZooError
try:
    print(json.dumps(hub.publish(sys.argv[1], sys.argv[2], **json.loads(sys.argv[3]))._asdict()))
except ZooError as error:
    print(json.dumps({"error": str(error), "kind": type(error).__name__}))
"""


@pytest.fixture
def publish(python, preset, tmp_path):
    """Runs `hub.publish` of the tiny preset, by its owner unless another token is given, in a process of its own."""

    def run(repo=REPO, directory=preset, token="hf_owner", environment=None, **options):
        arguments = directory, repo, json.dumps(options)
        result = python(PUBLISH, *arguments, home=tmp_path / "home", token=token, **(environment or {}))
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    return run


def card_of(hub, revision="main"):
    """A published card as its metadata and its text."""
    _, header, text = hub.files(REPO, revision)["README.md"].decode().split("---\n", 2)
    return yaml.safe_load(header), text


# === The commit ===


def test_a_preset_is_published_whole_in_one_commit(hub, publish, preset):
    found = publish(facts=FACTS, title="gan_mnist_28")
    assert found == {"repo_id": REPO, "revision": hub.commits(REPO)[0][0], "changed": True}
    assert [message for _, message in hub.commits(REPO)] == ["Publish gan_mnist_28", "initial commit"]
    files = hub.files(REPO)
    assert set(files) == {
        ".gitattributes",
        "README.md",
        "config.json",
        "metadata.json",
        "model.weights.h5",
        "samples.png",
    }
    for name in (*HASHED_FILES, "samples.png"):
        assert files[name] == (preset / name).read_bytes()
    metadata = json.loads(files["metadata.json"])
    assert metadata["files"] == json.loads((preset / "metadata.json").read_text())["files"]
    assert metadata["metrics"] == FACTS["metrics"]


def test_the_parent_is_the_commit_that_was_looked_at(hub, publish):
    publish()
    sha = hub.add_commit(REPO, {"notes.txt": b"mine\n"})
    publish(facts=FACTS)
    assert hub.commits(REPO)[1][0] == sha
    assert hub.files(REPO)["notes.txt"] == b"mine\n"


def test_somebody_elses_push_meanwhile_is_not_overwritten(hub, publish):
    publish()
    theirs = []
    hub.before_commit(lambda: theirs.append(hub.add_commit(REPO, {"README.md": b"# Theirs\n"})))
    found = publish(facts=FACTS)
    assert found["kind"] == "HubError"
    assert "nothing was overwritten" in found["error"]
    assert hub.commits(REPO)[0][0] == theirs[0]
    assert hub.files(REPO)["README.md"] == b"# Theirs\n"


def test_an_unchanged_preset_makes_no_new_commit(hub, publish, preset, tmp_path):
    first = publish(facts=FACTS)
    later = shutil.copytree(preset, tmp_path / "later")
    metadata = json.loads((later / "metadata.json").read_text())
    (later / "metadata.json").write_text(json.dumps({**metadata, "date_saved": "2031-01-01T00:00:00+00:00"}))
    assert publish(directory=later, facts=FACTS) == {**first, "changed": False}
    assert len(hub.commits(REPO)) == 2


def test_a_branch_is_made_where_there_is_none(hub, publish):
    publish()
    found = publish(revision="trial", facts=FACTS)
    assert hub.commits(REPO, "trial")[0][0] == found["revision"] != hub.commits(REPO)[0][0]


def test_a_message_is_the_commits(hub, publish):
    publish(message="The first")
    assert hub.commits(REPO)[0][1] == "The first"


def test_a_private_repository_is_closed_to_others(hub, publish):
    publish(private=True)
    assert hub.repos[REPO].private


# === Tags ===


def test_a_tag_names_the_commit(hub, publish):
    found = publish(tag="v1.0")
    assert hub.tags(REPO) == {"v1.0": found["revision"]}
    assert publish(tag="v1.0") == {**found, "changed": False}
    assert publish(tag="v1.1")["revision"] == hub.tags(REPO)["v1.1"] == found["revision"]


def test_a_tag_that_names_another_commit_stops_before_the_commit(hub, publish):
    publish(tag="v1.0")
    before = hub.commits(REPO)
    found = publish(tag="v1.0", facts=FACTS)
    assert "tag 'v1.0'" in found["error"]
    assert hub.commits(REPO) == before


# === The card ===


def test_the_card_has_metadata_that_the_hub_reads(hub, publish):
    publish(facts=FACTS, title="gan_mnist_28")
    header, text = card_of(hub)
    assert header["library_name"] == "keras"
    assert header["license"] == "apache-2.0"
    assert header["pipeline_tag"] == "unconditional-image-generation"
    assert header["tags"] == ["generative-zoo", "gan"]
    assert header["datasets"] == ["mnist"]
    [model] = header["model-index"]
    [result] = model["results"]
    assert result["metrics"] == [{"type": "fid10k_test_mnist_classifier", "value": 2.3457, "name": "A distance."}]
    assert "# gan_mnist_28" in text and "CC BY-SA 3.0" in text and "samples.png" in text
    assert 'zoo.load("gan_mnist_28")' in text
    assert f"`zoo info hf://{REPO}`" in text and f'keras.saving.load_model("hf://{REPO}")' in text


def editing_vae():
    model = zoo.BetaVAE(SHAPE, LATENT_DIM, filters=2)
    model.learn_attribute("smile", images(4), [0, 1, 0, 1])
    return model


def vq_vae_of_classes():
    model = tiny_vq_vae()
    model.build_prior(filters=4, num_blocks=1, num_classes=3)
    return model


DRAWS_ALONE = "unconditional-image-generation"
CARDS = {
    "GAN": (tiny_gan, DRAWS_ALONE),
    "VAE": (tiny_vae, DRAWS_ALONE),
    "BetaVAE": (editing_vae, DRAWS_ALONE),
    "VQVAE": (vq_vae_of_classes, DRAWS_ALONE),
    "PixelCNN": (tiny_pixel_cnn, DRAWS_ALONE),
    "ConditionalGAN": (TINY_GANS["conditional_gan"], DRAWS_ALONE),
    "BigGAN": (TINY_GANS["big_gan"], DRAWS_ALONE),
    "StyleGAN": (tiny_style_gan, DRAWS_ALONE),
    "Pix2Pix": (tiny_pix2pix, "image-to-image"),
    "CycleGAN": (tiny_cycle_gan, "image-to-image"),
    "SRResNet": (lambda: zoo.SRResNet((8, 8, 3), scale=2, filters=4, residual_blocks=1), "image-to-image"),
    "TextToImageGAN": (
        lambda: zoo.TextToImageGAN(SHAPE, 4, vocabulary=["a", "red", "hat"], filters=2, text_dim=2, word_dim=4),
        "text-to-image",
    ),
}


@pytest.mark.parametrize("name", CARDS)
def test_the_code_of_a_card_suits_the_class(name, tmp_path, monkeypatch):
    build, task = CARDS[name]
    model = build()
    model.compile()
    classes = range(model.num_classes or 0)
    card = model_card(REPO, None, {"class": name}, classes=classes)
    assert yaml.safe_load(card.split("---")[1])["pipeline_tag"] == task
    code = card.split("```python\n")[1].split("```")[0]
    assert f'model = zoo.load("hf://{REPO}")' in code and "model.fit(" in code
    assert ("labels=0" in code) == (model.num_classes is not None)
    monkeypatch.chdir(tmp_path)
    for side in "AB":
        (tmp_path / "my_pairs" / side).mkdir(parents=True)
        for index in range(64):
            Image.new("L", SHAPE[:2], index).save(tmp_path / "my_pairs" / side / f"{index}.png")
    # What the zoo refuses it refuses before Keras' own loop begins.
    monkeypatch.setattr(keras.Model, "fit", lambda *_, **__: None)
    own, labels = labelled(64, model.image_shape)
    given = {
        "source_images": pairs(3)[0],
        "picture": images(1, (5, 7, 3))[0],
        "my_images": own,
        "my_labels": labels,
        "my_captions": ["a red hat"] * len(own),
    }
    monkeypatch.setattr(zoo, "load", lambda _: model)
    exec(code, given)
    drawn = given.get("images", given.get("large"))
    assert drawn.dtype == "uint8" and drawn.shape[-1] == model.image_shape[-1]


def test_the_card_of_a_preset_of_ones_own_claims_nothing(hub, publish):
    publish()
    header, text = card_of(hub)
    assert "license" not in header and "datasets" not in header and "model-index" not in header
    assert f'zoo.load("hf://{REPO}")' in text


def test_a_card_that_nobody_edited_is_renewed(hub, publish):
    publish()
    publish(facts=FACTS)
    assert "A distance." in card_of(hub)[1]


def test_an_edited_card_keeps_its_text_and_gets_our_metadata(hub, publish):
    publish(facts=FACTS)
    header, text = card_of(hub)
    edited = text.replace("## Figures", "## My own words\n\nGood for stamps.\n\n## Figures")
    header = {**header, "language": "en", "license": "mit", "tags": ["stamps", "gan"]}
    hub.add_commit(REPO, {"README.md": f"---\n{yaml.safe_dump(header)}---\n{edited}".encode()})
    facts = {**FACTS, "weights_licence": "MIT", "dataset": "emnist"}
    found = publish(facts=facts)
    header, kept = card_of(hub)
    assert kept.strip() == edited.strip()
    assert header["language"] == "en"
    assert header["datasets"] == ["emnist"]
    assert header["tags"] == ["stamps", "gan", "generative-zoo"]
    assert publish(facts=facts) == {**found, "changed": False}


def test_a_card_without_metadata_keeps_its_text(hub, publish):
    publish()
    hub.add_commit(REPO, {"README.md": b"# By hand\n\nNothing else.\n"})
    publish()
    header, text = card_of(hub)
    assert text.strip() == "# By hand\n\nNothing else."
    assert header["library_name"] == "keras"


def test_a_card_beside_the_preset_is_published(hub, publish, preset, tmp_path):
    own = shutil.copytree(preset, tmp_path / "own")
    (own / "README.md").write_text("# From my disk\n")
    publish(directory=own)
    assert card_of(hub)[1].strip() == "# From my disk"


@pytest.mark.parametrize(
    ("card", "says"),
    [
        (b"---\nlicense: a: b\n---\n# Mine\n", "The metadata at the top of README.md cannot be read"),
        (b"---\ntags: 3\n---\n# Mine\n", "The metadata at the top of README.md cannot be read"),
        (b"---\nMine\n---\n# Mine\n", "The metadata at the top of README.md cannot be read"),
        (b"# \xe9\n", "README.md is no text in UTF-8"),
    ],
)
def test_a_card_that_cannot_be_read_is_refused(hub, publish, preset, tmp_path, card, says):
    own = shutil.copytree(preset, tmp_path / "own")
    (own / "README.md").write_bytes(card)
    assert says in publish(directory=own)["error"]
    assert REPO not in hub.repos


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("config.json", b"[]", "config.json is damaged: it holds no configuration of a model"),
        ("config.json", b"{", "config.json is damaged: it holds no configuration of a model"),
        ("metadata.json", b'{"weights_licence": 3}', "metadata.json is damaged: its weights_licence is 3"),
    ],
)
def test_a_preset_that_makes_no_sense_is_refused(hub, publish, preset, tmp_path, file, content, says):
    own = shutil.copytree(preset, tmp_path / "own")
    (own / file).write_bytes(content)
    assert says in publish(directory=own)["error"]
    assert REPO not in hub.repos


def test_a_link_to_somewhere_else_is_not_published(hub, publish, preset, tmp_path):
    own, secret = shutil.copytree(preset, tmp_path / "own"), tmp_path / "secret"
    secret.write_text("secret")
    (own / "samples.png").unlink()
    (own / "samples.png").symlink_to(secret)
    assert "samples.png is a link, expected a file to publish" in publish(directory=own)["error"]
    assert REPO not in hub.repos


# === Permission and bad input ===


def test_publishing_needs_a_token(hub, publish):
    assert "HF_TOKEN" in publish(token=None)["error"]
    assert REPO not in hub.repos


@pytest.mark.parametrize("token", ["hf_reader", "hf_invalid"])
def test_publishing_with_a_wrong_token_says_what_to_set(hub, publish, token):
    publish()
    before = hub.commits(REPO)
    assert "HF_TOKEN" in publish(token=token, facts=FACTS)["error"]
    assert hub.commits(REPO) == before


def test_a_token_may_be_handed_over(hub, python, preset, tmp_path):
    for token, changed in (("hf_invalid", None), ("hf_owner", True)):
        options = json.dumps({"token": token})
        result = python(PUBLISH, preset, REPO, options, home=tmp_path / "home")
        assert json.loads(result.stdout).get("changed") is changed
        assert token not in result.stdout + result.stderr


def test_offline_nothing_is_published(hub, publish):
    assert "HF_HUB_OFFLINE is set" in publish(environment={"HF_HUB_OFFLINE": "1"})["error"]


@pytest.mark.parametrize(
    ("repo", "options"),
    [
        ("my-gan", {}),
        ("me/a/b", {}),
        ("me/a--b", {}),
        ("me/..", {}),
        (REPO, {"tag": "a b"}),
        (REPO, {"tag": ""}),
        (REPO, {"revision": "../x"}),
    ],
)
def test_a_malformed_name_is_refused_before_any_request(hub, publish, repo, options):
    found = publish(repo, **options)
    assert found["kind"] == "InputError"
    assert hub.requests == []


def test_a_server_that_is_down_is_one_sentence(hub, publish):
    hub.stop()
    assert f"{hub.endpoint} cannot be reached" in publish()["error"]


def test_a_failing_upload_leaves_nothing(hub, publish):
    publish()
    before = hub.commits(REPO)
    hub.fail(500, "/commit/")
    assert publish(facts=FACTS)["kind"] == "HubError"
    assert hub.commits(REPO) == before
