"""The notebook of the docs, run from its first cell to its last in an empty folder."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"


@pytest.mark.slow  # `make docs` runs it as well, and fails where a cell does
def test_the_notebook_runs_and_its_results_show_themselves(tmp_path: Path) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)  # kept without results
    # A cell that fails raises.
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [
        output.data.get("text/html", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "execute_result"
    ]
    assert sum("<img" in html for html in shown) == 2
    assert sum("<table" in html for html in shown) == 9
    assert (tmp_path / "outputs" / "notebook" / "plain" / "summary.json").is_file()
