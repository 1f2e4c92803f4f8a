"""What people do: publish a model, load it elsewhere, fine-tune it, share that; and the command line of it."""

import hashlib
import json
import os
import re
import secrets
import shutil
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
from PIL import Image
from processes import Python

import zoo
from zoo import presets

pytestmark = pytest.mark.slow

NAME = "tiny_mnist_28"

# Publishes, loads in three ways, fine-tunes and shares; one process, since TensorFlow takes seconds to import.
SHARE = """
import json, sys
import numpy as np
import huggingface_hub
import keras
import zoo
import zoo.models
from zoo import presets

directory, repo, tuned_repo = sys.argv[1:]
mine = zoo.load(directory)
first = mine.push_to_hub(repo, tag="v1")
again = mine.push_to_hub(repo)
drawn = mine.generate(4, seed=0)
theirs = zoo.load(f"hf://{repo}@v1")
plain = keras.saving.load_model(f"hf://{repo}")
found = {
    "same": bool((theirs.generate(4, seed=0) == drawn).all()),
    "plain": bool((plain.generate(4, seed=0) == drawn).all()),
    "compiled": plain.compiled,
}
theirs.fit(np.random.RandomState(0).randint(0, 256, (8, 8, 8, 1), "uint8"), batch_size=4, verbose=0)
tuned = theirs.push_to_hub(tuned_repo, private=True, commit_message="Fine-tuned")
reloaded = zoo.GAN.from_preset(f"hf://{tuned_repo}")
painter = zoo.Pix2Pix((8, 8, 1), filters=2, stages=2, patch_stages=1)
painter.push_to_hub(tuned_repo + "-painter", private=True)
sketches = np.random.RandomState(1).randint(0, 256, (2, 8, 8, 1), "uint8")
painted = zoo.load(f"hf://{tuned_repo}-painter").translate(sketches)
coder = zoo.VQVAE((8, 8, 1), num_embeddings=6, embedding_dim=3, filters=4, residual_blocks=1)
coder.push_to_hub(tuned_repo + "-coder", private=True)
coder.build_prior(filters=4, num_blocks=2)
coder.push_to_hub(tuned_repo + "-coder")
decoded = zoo.load(f"hf://{tuned_repo}-coder").generate(2, seed=0)
illustrator = zoo.ConditionalGAN((8, 8, 1), 3, filters=2, num_classes=2)
illustrator.push_to_hub(tuned_repo + "-labelled", private=True)
metadata_of = lambda revision: presets.metadata_of(zoo.hub.fetch_texts(tuned_repo + "-labelled", revision))
on_main = metadata_of(None)
illustrator.push_to_hub(tuned_repo + "-labelled", revision="trial", weights_dtype="float16")
card = huggingface_hub.ModelCard.load(tuned_repo + "-labelled").text
api = huggingface_hub.HfApi()
labelled = {name: metadata_of(name) for name in ("main", "trial")}
print(json.dumps({
    "main_stays": labelled["main"] == on_main,
    "sizes": {name: found["files"]["model.weights.h5"]["size"] for name, found in labelled.items()},
    "decoded": bool((decoded == coder.generate(2, seed=0)).all()),
    "labelled": "model.fit((my_images, my_labels)" in card,
    "painted": bool((painted == painter.translate(sketches)).all()),
    **found,
    "first": first._asdict(),
    "again": again._asdict(),
    "tuned": tuned._asdict(),
    "tags": {tag.name: tag.target_commit for tag in api.list_repo_refs(repo).tags},
    "messages": [commit.title for commit in api.list_repo_commits(tuned_repo)],
    "private": api.model_info(tuned_repo).private,
    "shared": bool((reloaded.generate(4, seed=0) == theirs.generate(4, seed=0)).all()),
    "moved": bool((reloaded.generate(4, seed=0) != drawn).any()),
}))
"""
DELETE = """
import sys
import huggingface_hub
for repo in sys.argv[1:]:
    huggingface_hub.delete_repo(repo, missing_ok=True)
"""


class RealHub:
    """The Hub on the Internet and the user whose token is in HF_TOKEN, as far as `Python` needs a Hub."""

    def __init__(self):
        self.tokens = {os.environ["HF_TOKEN"]: huggingface_hub.whoami()["name"]}

    def environment(self, home, token, **more):
        return {**os.environ, "HF_HOME": str(home), "HF_TOKEN": token, **more}


@pytest.fixture(scope="module", params=["loopback", "real"])
def shared(request, preset, tmp_path_factory):
    """What the sharing found, on the loopback Hub and, where a person asks for it, on the real one."""
    real = request.param == "real"
    if real and not (os.environ.get("ZOO_TEST_REAL_HUB") and os.environ.get("HF_TOKEN")):
        pytest.skip("needs a network: set ZOO_TEST_REAL_HUB=1 and HF_TOKEN, a token that may write")
    hub = RealHub() if real else request.getfixturevalue("module_hub")
    token, user = next(iter(hub.tokens.items()))
    repos = [f"{user}/zoo-test-{secrets.token_hex(4)}" for _ in range(2)]
    python, home = Python(hub), tmp_path_factory.mktemp("share")
    try:
        result = python(SHARE, preset, *repos, home=home, token=token)
    finally:
        if real:
            made = [f"{repos[1]}-{name}" for name in ("painter", "coder", "labelled")]
            python(DELETE, *repos, *made, home=home, token=token)
    assert result.returncode == 0, result.stderr[-3000:]
    return {**json.loads(result.stdout.splitlines()[-1]), "repos": repos}


def test_a_model_is_pushed_once(shared):
    assert shared["first"] == {"repo_id": shared["repos"][0], "revision": shared["tags"]["v1"], "changed": True}
    assert shared["again"] == {**shared["first"], "changed": False}


def test_it_loads_elsewhere_and_draws_the_same_images(shared):
    assert shared["same"]


def test_plain_keras_loads_it_too(shared):
    assert shared["plain"] and shared["compiled"]


def test_what_was_fine_tuned_is_shared(shared):
    assert shared["shared"] and shared["moved"] and shared["private"]
    assert shared["messages"][0] == "Fine-tuned"


def test_a_model_that_draws_nothing_alone_is_shared_too(shared):
    assert shared["painted"]


def test_codes_are_shared_without_their_prior_and_with_it(shared):
    assert shared["decoded"]


def test_the_card_of_a_model_with_classes_fits_labels(shared):
    assert shared["labelled"]


def test_another_branch_takes_half_precision_and_leaves_main(shared):
    assert shared["main_stays"] and shared["sizes"]["trial"] < shared["sizes"]["main"]


def test_the_readme_shares_a_model(hub, python, tmp_path):
    readme = Path(Path(zoo.__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    blocks = [block for block in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "hf://" in block]
    assert len(blocks) == 1
    folder = tmp_path / "my_images"
    folder.mkdir()
    for index in range(70):
        pixels = np.random.RandomState(index).randint(0, 256, (28, 28), "uint8")
        Image.fromarray(pixels).save(folder / f"{index}.png")
    check = "assert (gan.generate(2, seed=0) == theirs.generate(2, seed=0)).all()"
    script = "\n".join(["import zoo", *blocks, check])
    result = python(script, home=tmp_path / "home", cwd=tmp_path, token="hf_owner")
    assert result.returncode == 0, result.stderr[-3000:]
    assert set(hub.tags("me/my-gan")) == {"v1"}


def test_the_guide_publishes_a_model(hub, python, tmp_path):
    guide = Path(zoo.__file__).parent.parent / "docs" / "guides" / "publish_to_the_hub.py"
    script = guide.read_text("utf-8").replace("REPOSITORY = None", "REPOSITORY = 'me/my-gan'")
    result = python(script, home=tmp_path / "home", cwd=tmp_path, token="hf_owner")
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.endswith("True\n") and set(hub.tags("me/my-gan")) == {"v1"}


# === Official presets and the command line ===


@pytest.fixture
def installation(preset, tmp_path):
    """A copy of the zoo that ships the tiny preset alone."""
    root = tmp_path / "installation"
    shutil.copytree(Path(zoo.__file__).parent, root / "zoo", ignore=shutil.ignore_patterns("__pycache__", "weights"))
    shutil.copytree(preset, root / "zoo" / "weights" / NAME)
    entry = {
        **presets.entry_of("classifier_mnist_28"),
        "kind": "model",
        "class": "GAN",
        "files": {name: presets.describe_file(preset / name) for name in presets.HASHED_FILES},
        "recipe": f"recipes/{NAME}.py",
    }
    (root / "weights_manifest.json").write_text(json.dumps({"presets": {NAME: entry}}))
    return root


@pytest.fixture
def zoo_command(python, installation, tmp_path):
    """Runs the command `zoo` of that installation and returns what it printed."""

    def run(*arguments, fails=False, home="home", **options):
        script = "import sys; from zoo.cli import main; sys.argv[0] = 'zoo'; main()"
        result = python(script, *arguments, home=tmp_path / home, PYTHONPATH=str(installation), **options)
        assert result.returncode == (1 if fails else 0), result.stderr
        assert "Traceback" not in result.stderr
        return result.stderr if fails else result.stdout

    return run


def manifest_of(installation):
    return json.loads((installation / "weights_manifest.json").read_text())["presets"][NAME]


def test_publishing_pins_the_manifest(hub, installation, zoo_command):
    printed = zoo_command("publish", NAME, "--tag", "v1", token="hf_owner")
    entry = manifest_of(installation)
    assert (entry["repo_id"], entry["revision"]) == (f"me/{NAME}", hub.tags(f"me/{NAME}")["v1"])
    assert printed == f"Published {NAME}: hf://me/{NAME}@{entry['revision']}\n"
    assert zoo_command("publish", "--all", token="hf_owner").startswith("Nothing changed in")
    assert manifest_of(installation) == entry


OBTAIN = """
import sys
import zoo
from zoo import presets
from zoo.errors import ZooError
try:
    print(presets.obtain(sys.argv[1], bundled=len(sys.argv) < 3).origin)
except ZooError as error:
    print(error)
"""


def test_an_official_preset_comes_from_bundle_cache_or_hub(hub, installation, zoo_command, python, tmp_path):
    def obtain(*arguments):
        return python(OBTAIN, *arguments, home=tmp_path / "home", PYTHONPATH=str(installation)).stdout.strip()

    assert "bundled, " in zoo_command("info", NAME)
    assert obtain(NAME) == "bundled"
    assert obtain(NAME, "from the Hub") == f"The preset {NAME!r} is not on the Hub yet."
    zoo_command("publish", NAME, "--repo", "me/elsewhere", token="hf_owner")
    assert obtain(NAME) == "bundled"

    shutil.rmtree(installation / "zoo" / "weights" / NAME)
    printed = zoo_command("info", NAME)
    assert "the Hub, not fetched yet" in printed and "me/elsewhere" in printed
    assert manifest_of(installation)["files"]["model.weights.h5"]["sha256"] in printed
    assert obtain(NAME) == "cached"
    assert "cached, " in zoo_command("info", NAME)
    hub.stop()
    assert obtain(NAME) == obtain(NAME, "from the Hub") == "cached"


def test_info_of_a_repository_fetches_no_weights(hub, zoo_command):
    zoo_command("publish", NAME, "--repo", "me/elsewhere", token="hf_owner")
    hub.requests.clear()
    printed = zoo_command("info", "hf://me/elsewhere", home="other")
    assert "the Hub, not fetched yet" in printed and "Apache-2.0" in printed
    assert not any(request.path.endswith(".h5") for request in hub.requests)


def test_an_official_preset_is_held_to_the_manifest_not_to_the_repository(hub, installation, zoo_command, preset):
    zoo_command("publish", NAME, token="hf_owner")
    shutil.rmtree(installation / "zoo" / "weights" / NAME)
    # A commit cannot be altered, but the manifest may have been pinned to another one.
    config = (preset / "config.json").read_bytes() + b" "
    metadata = json.loads((preset / "metadata.json").read_text())
    metadata["files"]["config.json"] = {"sha256": hashlib.sha256(config).hexdigest(), "size": len(config)}
    sha = hub.add_commit(f"me/{NAME}", {"config.json": config, "metadata.json": json.dumps(metadata).encode()})
    entries = {"presets": {NAME: {**manifest_of(installation), "revision": sha}}}
    (installation / "weights_manifest.json").write_text(json.dumps(entries))
    assert "config.json has" in zoo_command("sample", NAME, fails=True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["publish"], "NAME and --all"),
        (["publish", NAME, "--all"], "NAME and --all"),
        (["publish", "--all", "--repo", "me/x"], "--repo is 'me/x'"),
        (["publish", "tini_mnist_28"], f"did you mean {NAME}"),
        (["publish", "hf://me/x"], "no preset of this installation"),
        (["publish", NAME], "HF_TOKEN"),
        (["publish", NAME, "--repo", "x"], "--repo names the repository 'x', expected org/name"),
        (["publish", NAME, "--repo", ""], "--repo names the repository '', expected org/name"),
        (["info", "hf://me/nothing"], "no public repository 'me/nothing'"),
        (["sample", "hf://me/nothing"], "no public repository 'me/nothing'"),
    ],
)
def test_the_command_says_what_is_wrong(hub, zoo_command, arguments, says):
    assert says in zoo_command(*arguments, fails=True)
