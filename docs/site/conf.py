"""The documentation site. Sphinx reads the repository as it is; the lessons are shown as they were executed."""

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # for links.py and players.py

project = "mpsearch"
release = metadata.version("mpsearch")
copyright = "2026, the mpsearch authors"
root_doc = "docs/site/index"
include_patterns = [
    *("README*.md", "RESULTS.md", "CHANGELOG.md", "CONTRIBUTING.md", "page/README.md", "docs/*.md", "docs/site/*.md"),
    *("notebooks/*.ipynb", "notebooks/zh/*.ipynb"),
]
extensions = [
    *("myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"),
    *("links", "players"),
]
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
autodoc_member_order = "bysource"
autodoc_typehints = "description"
html_theme = "furo"
html_title = "mpsearch"
html_css_files = ["site.css"]
html_static_path = [
    "site.css",
    "../../page/node_modules/mathjax/es5/tex-svg.js",
]  # formulas without a network: npm ci in page/
mathjax_path = "tex-svg.js"
html_extra_path = ["../../mpsearch/web"]  # the page where the cheetah adapts is the front door, if it is built


def link_front_door(app, exception):
    """Show the link to the course on the page, which is hidden where the page stands alone."""
    front = app.outdir / "index.html"
    if exception is None and front.is_file():
        html = front.read_text(encoding="utf-8")
        front.write_text(html.replace('<p id="course" hidden>', '<p id="course">'), encoding="utf-8")


def setup(app):
    app.connect("build-finished", link_front_door)
