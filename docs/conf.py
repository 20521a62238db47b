"""Sphinx reads this: the manual out of Markdown pages and docstrings. `make docs` builds it, without any network.

What is not Sphinx' own is in ``docs/_extensions``:

- ``repository_links``: pages are read on GitHub too, so they link to files of the repository by relative paths
- ``names``: single backticks of docstrings are cross-references, and names that nobody defines are warnings
- ``since``: says of names that came after 0.1.0 since when they are there
"""

import sys
import tomllib
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_extensions"))
_PROJECT = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = _PROJECT["name"]
version = release = _PROJECT["version"]
author = "the kubeinformer authors"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.doctest",
    "names",
    "repository_links",
    "since",
]
repository_url = _PROJECT["urls"]["Source"]
exclude_patterns = ["_build", "_extensions", "benchmarks/live-profile.md"]  # a part of live.md

# As on GitHub: headings are anchors, and a link to one that is not there is a warning.
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

default_role = "py:obj"
nitpicky = True
add_module_names = False
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_preserve_defaults = True
autoclass_content = "class"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = False
napoleon_custom_sections = [("Raises on entering", "params_style")]

html_theme = "furo"
html_title = f"kubeinformer {version}"
html_show_sphinx = False
