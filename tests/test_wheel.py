"""The wheel that users install: whole, and working where there is no checkout."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import run_script

import zoo
from zoo import presets

pytestmark = pytest.mark.slow

# Suffixes of the playground.
PAGE = (".js", ".css", ".html")
ROOT = Path(__file__).resolve().parent.parent
# All that a build may read: a wheel that needed anything else would differ between a checkout and an archive of it.
SOURCES = ("setup.py", "MANIFEST.in", "pyproject.toml", "README.md", "LICENSE", "weights_manifest.json", "zoo")


def run(*command, cwd):
    result = subprocess.run([*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built of the archive of a copy, so that no leftovers in build/ enter it nor the checkout gains any."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, cwd=source)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A virtual environment that holds the wheel and sees this one's packages, but no checkout."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    (own,) = folder.glob("lib/python*/site-packages")
    # The .pth files of a folder named in a .pth file are not read, so an editable install there stays unseen.
    (own / "dependencies.pth").write_text("\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}))
    return folder


def test_wheel_holds_the_manifest_and_every_file_it_names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        manifest = json.loads(archive.read("zoo/weights_manifest.json"))
        assert manifest["presets"] == presets.manifest()
        for name, entry in manifest["presets"].items():
            for file, expected in entry["files"].items():
                content = archive.read(f"zoo/weights/{name}/{file}")
                assert len(content) == expected["size"]
                assert hashlib.sha256(content).hexdigest() == expected["sha256"]


def test_wheel_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert [name for name in names if name.endswith(".dist-info/licenses/LICENSE")]
    held = {name for name in names if ".dist-info/" not in name}
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "zoo").rglob("*")
        if path.is_file() and path.suffix in (*(".py", ".typed", ".npz", ".json", ".h5", ".png", ".md"), *PAGE)
    }
    left_out = {name for name in package if re.fullmatch(r"zoo/weights/.*\.png|zoo/metrics/.*-test-\w+\.npz", name)}
    assert len(left_out) > len(zoo.list_presets())
    assert held == package - left_out | {"zoo/weights_manifest.json"}
    # PyPI takes 100 MB.
    assert wheel.stat().st_size <= 95e6


def test_installed_wheel_lists_what_the_checkout_lists(installed, tmp_path):
    script = "import json, zoo; print(json.dumps([zoo.__file__, zoo.list_presets(), zoo.list_presets(kind=None)]))"
    place, models, everything = json.loads(run(installed / "bin" / "python", "-c", script, cwd=tmp_path))
    assert Path(place).is_relative_to(installed)
    assert (models, everything) == (zoo.list_presets(), zoo.list_presets(kind=None))
    listed = run(installed / "bin" / "zoo", "list", cwd=tmp_path)
    assert [line.split()[0] for line in listed.splitlines()] == models


def test_installed_wheel_draws_what_the_checkout_draws(installed, tmp_path):
    script = "import sys, numpy, zoo; numpy.save(sys.argv[1], zoo.load(sys.argv[2]).generate(4, seed=0))"
    name = zoo.list_presets()[0]
    run(installed / "bin" / "python", "-c", script, tmp_path / "installed.npy", name, cwd=tmp_path)
    # In a process, too, since graphs of this one are not optimized, which rounds differently.
    run_script(script, tmp_path / "checkout.npy", name)
    np.testing.assert_array_equal(*(np.load(tmp_path / f"{place}.npy") for place in ("installed", "checkout")))
