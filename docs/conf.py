"""How `make docs` builds the site with Sphinx: the pages of this folder and a reference from docstrings."""

import builtins
import inspect
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import TypeVar

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext import apidoc
from sphinx.util import logging

logger = logging.getLogger(__name__)

project = "dilated-cifar"
copyright = "dilated-cifar contributors"  # noqa: A001  # the name that Sphinx reads
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

html_theme = "furo"
html_title = project
html_show_sphinx = False
html_copy_source = False
highlight_language = "none"
myst_heading_anchors = 3

nb_execution_mode = "force"  # the notebook is kept without its results
nb_execution_in_temp = True
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_output_stderr = "remove"  # warnings of other packages about the notebook's bars

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
nitpicky = True  # every reference must be found
# Names that a module imports for type checkers alone, so that it can be used before torch is loaded.
ONNX = ("GraphProto", "ModelProto", "NodeProto", "TensorProto", "ValueInfoProto")
nitpick_ignore = [
    ("py:class", name)
    for name in ("DataFrame", "Figure", "Tensor", "nn.Module", "ProcessGroup", "Checked", *ONNX)
]

HERE = Path(__file__).parent
PACKAGE = "dilated_cifar"
OUTSIDE = (sys.stdlib_module_names | packages_distributions().keys() | vars(builtins).keys()) - {PACKAGE}
"""What the reference names but does not describe: the build fetches no index of other sites."""
OUTSIDE_EXCEPTIONS = {"HydraException", "OmegaConfBaseException"}
"""Exceptions of other packages that docstrings name without their module."""


def write_reference(_app: Sphinx) -> None:
    """Write a page for every folder of the package, and remove the pages of folders that are gone."""
    options = ["-q", "--force", "--remove-old", "--no-toc", "--templatedir", str(HERE / "templates")]
    apidoc.main([*options, "--output-dir", str(HERE / "api"), str(HERE.parent / PACKAGE)])


def skip_imported(
    _app: Sphinx, what: str, _name: str, member: object, _skip: bool, _options: object
) -> bool | None:
    """Pass over what a module imports from other packages before autodoc looks into it."""
    named = isinstance(member, type) or inspect.isroutine(member)
    return True if what == "module" and named and not str(member.__module__).startswith(PACKAGE) else None


def prepare_docstring(
    _app: Sphinx, what: str, name: str, documented: object, _options: object, lines: list[str]
) -> None:
    """Warn, which fails the build, where a module, class, function, method or property has no docstring.

    Fields and constants may go without one: many say by their name and type what they are.
    """
    if what in ("attribute", "data", "property") and any(lines):
        # Napoleon would read `words: more words` as a type and its meaning; the empty comment prevents it.
        lines[:0] = ["..", ""]
    # Without a docstring a dataclass has its signature for one.
    made = isinstance(documented, type) and lines and lines[0].startswith(f"{documented.__name__}(")
    if (made or not any(lines)) and what not in ("attribute", "data"):
        logger.warning("%s %s has no docstring", what, name, type="docstring")


def shorten_signature(
    _app: Sphinx,
    _what: str,
    _name: str,
    _object: object,
    _options: object,
    signature: str | None,
    returns: str,
) -> tuple[str, str] | None:
    """Write `...` for a default that a dataclass makes, in place of `<factory>`, which is no Python."""
    return (signature.replace("<factory>", "..."), returns) if signature and "<f" in signature else None


def drop_object(_app: Sphinx, doctree: nodes.document) -> None:
    """Leave out `Bases: object`, which says nothing."""
    for paragraph in list(doctree.findall(nodes.paragraph)):
        if paragraph.astext() == "Bases: object":
            paragraph.parent.remove(paragraph)


def accept_outside(
    _app: Sphinx, _env: BuildEnvironment, node: pending_xref, shown: nodes.TextElement
) -> nodes.TextElement | None:
    """Show what lies outside of the package, and type variables, without a link; all else must be found."""
    target = node["reftarget"]
    if re.split(r"[.\[]", target)[0] in OUTSIDE or target in OUTSIDE_EXCEPTIONS:
        return shown
    module, _, name = target.rpartition(".")
    return shown if isinstance(getattr(sys.modules.get(module), name, None), TypeVar) else None


def setup(app: Sphinx) -> None:
    """Connect the above; Sphinx calls this."""
    app.connect("builder-inited", write_reference)
    app.connect("autodoc-skip-member", skip_imported)
    app.connect("autodoc-process-docstring", prepare_docstring, priority=400)  # before napoleon's, at 500
    app.connect("autodoc-process-signature", shorten_signature)
    app.connect("doctree-read", drop_object)
    app.connect("missing-reference", accept_outside)
