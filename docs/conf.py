"""How `make docs` builds the site: the pages of this folder and a reference made of the docstrings (Sphinx)."""

import builtins
import re
import sys
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, TypeVar

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext import apidoc
from sphinx.util import logging

logger = logging.getLogger(__name__)

project = "dilated-cifar"
copyright = "dilated-cifar contributors"  # noqa: A001  # the name that Sphinx reads
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

html_theme = "furo"
html_title = project
html_show_sphinx = False
html_copy_source = False
highlight_language = "none"
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90
toc_object_entries_show_parents = "hide"
default_role = "code"
napoleon_numpy_docstring = False
napoleon_custom_sections = ["Source"]
napoleon_use_rtype = False
nitpicky = True

HERE = Path(__file__).parent
PACKAGE = "dilated_cifar"
OUTSIDE = (sys.stdlib_module_names | packages_distributions().keys() | vars(builtins).keys()) - {PACKAGE}
"""What the reference names but does not describe: the build fetches no index of other sites."""
OUTSIDE_EXCEPTIONS = {"HydraException", "OmegaConfBaseException"}
"""Exceptions of other packages that docstrings name without their module."""


def write_reference(app: Sphinx) -> None:
    """Write a page for every folder of the package as it is now, and remove those of folders that are gone."""
    options = ["-q", "--force", "--remove-old", "--no-toc", "--templatedir", str(HERE / "templates")]
    apidoc.main([*options, "--output-dir", str(HERE / "api"), str(HERE.parent / PACKAGE)])


def require_docstring(
    app: Sphinx, what: str, name: str, documented: object, options: Any, lines: list[str]
) -> None:
    """Warn, which fails the build, where a module, class, function, method or property lacks a docstring.

    Fields and constants may go without one: many say by their name and type what they are.
    """
    imported = getattr(documented, "__module__", name) or name
    if what == "module" or (what not in ("attribute", "data") and name.startswith(imported)):
        if not any(line.strip() for line in lines):
            logger.warning("%s %s has no docstring", what, name, type="docstring")


def keep_colons(
    app: Sphinx, what: str, name: str, documented: object, options: Any, lines: list[str]
) -> None:
    """Have napoleon leave `words: more words` under a field as it is, instead of reading a type from it."""
    if what in ("attribute", "data", "property"):
        lines[:0] = ["..", ""]  # an empty comment takes the place of the line that napoleon would split


def accept_outside(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: nodes.TextElement
) -> nodes.TextElement | None:
    """Show without a link what lies outside of the package, and type variables; anything else is an error."""
    target = node["reftarget"]
    if re.split(r"[.\[]", target)[0] in OUTSIDE or target in OUTSIDE_EXCEPTIONS:
        return shown
    module, _, name = target.rpartition(".")
    if module.startswith(PACKAGE) and isinstance(getattr(import_module(module), name, None), TypeVar):
        return shown
    return None


def setup(app: Sphinx) -> None:
    """Connect the above; Sphinx calls this."""
    app.connect("builder-inited", write_reference)
    app.connect("autodoc-process-docstring", require_docstring, priority=100)
    app.connect("autodoc-process-docstring", keep_colons, priority=400)
    app.connect("missing-reference", accept_outside)
