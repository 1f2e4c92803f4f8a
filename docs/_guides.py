"""How the guides run and where they lead: pictures without margins, clean folders, notebooks and Colab."""

import re
import shutil
from pathlib import Path

from _links import DOCS, REPOSITORY

GUIDES = DOCS / "guides"
# Below the site, so that the address of a notebook does not change with its content.
NOTEBOOKS = "notebooks"
ORDER = (
    "load_and_play.py",
    "fine_tune.py",
    "train_from_scratch.py",
    "edit_faces.py",
    "colour_sketches.py",
    "enlarge_photos.py",
    "write_your_own_gan.py",
    "measure_and_compare.py",
    "publish_to_the_hub.py",
    "what_goes_wrong.py",
)
COLAB = "https://colab.research.google.com"
_HINT = re.compile(r":ref:`Go to the end <sphx_glr_download_auto_guides_(\w+)\.py>`\s+to download [\w ]+")


def place(filename):
    """Returns the place of a guide in their list."""
    return ORDER.index(filename)


def reset(gallery_conf, name):
    """Prepares the run of a guide, and cleans up after it."""
    import matplotlib

    matplotlib.rcParams |= {"savefig.bbox": "tight", "savefig.pad_inches": 0.02, "figure.figsize": (9, 6)}
    for path in GUIDES.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.suffix not in (".py", ".rst"):
            path.unlink()


def first_cell():
    """Returns the cell that installs the zoo where a notebook is opened elsewhere."""
    return f"%pip install -q git+{REPOSITORY}" if REPOSITORY else "# Needs generative-zoo, as its README installs it."


def with_links(text):
    """Returns a guide's page with links to its notebook instead of a hint at its end."""
    return _HINT.sub(lambda found: f":download:`Download the notebook <{found[1]}.ipynb>` {colab(found[1])}", text)


def colab(name):
    """Returns how to open a guide in Colab, which reads notebooks from the branch of the site on GitHub."""
    if "github.com" not in REPOSITORY:
        return f"and upload it to `Colab <{COLAB}/#create=true>`__"
    address = f"{COLAB}/github/{REPOSITORY.partition('github.com/')[2]}/blob/gh-pages/{NOTEBOOKS}/{name}.ipynb"
    return f"or `open it in Colab <{address}>`__"


def copy_notebooks(app, error):
    """Handles `build-finished`: puts the notebooks where Colab looks for them."""
    if error is None and app.builder.name == "html":
        folder = Path(app.outdir) / NOTEBOOKS
        folder.mkdir(exist_ok=True)
        for notebook in (DOCS / "auto_guides").glob("*.ipynb"):
            shutil.copy(notebook, folder)
