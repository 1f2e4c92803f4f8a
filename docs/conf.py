"""The site: `make docs` builds it into docs/_build/html.

Pages that people wrote are Markdown, which the repository shows, too. `_gallery.py`, `_arc.py` and `_reference.py`
write the others, into folders that Git ignores. The environment variable ZOO_REPOSITORY (its address) adds links to the
repository, and the playground is there where `zoo play` or ZOO_PLAYGROUND_RUNTIME (a folder) has ONNX Runtime Web.
ZOO_DOCS_GUIDES=skip shows the guides without running them.
"""

import builtins
import os
import re
import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS))

import _arc
import _docstrings
import _gallery
import _guides
import _links
import _pages
import _playground
import _reference

import zoo

project = "generative-zoo"
author = copyright = "The generative-zoo authors"
version = release = zoo.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.githubpages",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown", _links.GENERATED: "markdown"}
root_doc = "index"
default_role = "code"
exclude_patterns = ["_build", "guides", "gallery/arc.rst"]
nitpicky = True
# Keras and Python have no inventory here, since the site builds without a network.
nitpick_ignore_regex = [
    ("py:.*", r"(keras|tensorflow|numpy|collections|pathlib)\..*"),
    ("py:.*", "|".join(dir(builtins))),
    # The type of what `Run.trained` lists.
    ("py:class", r"zoo\.training\.run\.settings\.Trained"),
]

# === Text ===

myst_enable_extensions = ["attrs_block", "attrs_inline", "dollarmath", "html_image"]
myst_heading_anchors = 4
html_math_renderer = "mathml"

# === Reference ===

autodoc_typehints = "none"
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Call arguments", "params_style")]

# === Guides ===

sphinx_gallery_conf = {
    "examples_dirs": "guides",
    "gallery_dirs": "auto_guides",
    "filename_pattern": r"\.py",
    "within_subsection_order": "_guides.place",
    "first_notebook_cell": _guides.first_cell(),
    "reset_modules": ("matplotlib", "_guides.reset"),
    "reset_modules_order": "both",
    "image_srcset": ["2x"],
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    "download_all_examples": False,
    "min_reported_time": 1e9,
    "write_computation_times": False,
    "plot_gallery": os.environ.get("ZOO_DOCS_GUIDES") != "skip",
}

# === Looks ===

html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["filter.js"]
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {"index": [], "gallery/*": []}
html_theme_options = {
    "logo": {"text": project},
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": {"**": ["page-toc"], "index": [], "gallery/index": [], "models/index": []},
    "pygments_light_style": "tango",
    "pygments_dark_style": "monokai",
}
if _links.REPOSITORY:
    html_theme_options["icon_links"] = [{"name": "Repository", "url": _links.REPOSITORY, "icon": "fa-solid fa-code"}]


def write_pages(app):
    """Writes the generated pages before Sphinx looks for pages."""
    _pages.write(
        {
            **_gallery.pages(_playground.at_hand()),
            "gallery/arc.rst": _arc.table(),
            **_reference.pages(),
            **_links.project_pages(),
        }
    )


def prepare_page(app, docname, source):
    """Makes the links of a page those of the site, and lists the pages that an index in Markdown links to."""
    path = Path(app.env.doc2path(docname))
    if path.suffix == ".md":
        text = _links.relinked(source[0], path.parent)
        if path.stem == "README":
            pages = dict.fromkeys(re.findall(r"\]\(/((?!project/|concepts/)[\w/]+)\.md\)", text))
            text += "\n\n```{toctree}\n:hidden:\n\n" + "".join(f"/{page}\n" for page in pages) + "```\n"
        source[0] = text
    elif path.parent.name == "auto_guides":
        source[0] = _guides.with_links(source[0])


def visit_math(writer, node):
    """Writes a formula as MathML, which browsers show without a script."""
    math = tex2mathml(node.astext(), as_block=isinstance(node, nodes.math_block))
    # Browsers set no space between the name of a function and its argument.
    spaced = r'<mo form="prefix" rspace="0.17em">\1</mo>'
    math = re.sub(r"<mi>([a-z]{2,})</mi>\s*<mo>&ApplyFunction;</mo>", spaced, math)
    writer.body.append(f'<div class="formula">{math}</div>' if isinstance(node, nodes.math_block) else math)
    raise nodes.SkipNode


def setup(app):
    app.connect("builder-inited", write_pages, priority=100)
    app.connect("source-read", prepare_page)
    app.connect("autodoc-process-docstring", _docstrings.convert, priority=100)
    app.connect("autodoc-process-bases", _reference.public_bases)
    app.connect("autodoc-process-signature", _reference.own_signature)
    app.connect("build-finished", _guides.copy_notebooks)
    app.connect("build-finished", _playground.add)
    if _playground.at_hand():
        app.tags.add("playground")
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math, None))
