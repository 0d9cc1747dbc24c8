"""The table of a running sweep in a notebook, drawn anew in its place."""

import sys
from importlib import import_module
from io import StringIO
from typing import Any

from rich.console import Console, RenderableType

WIDTH, HEIGHT = 110, 40
CODE = '<pre style="line-height: normal; white-space: pre; overflow-x: auto">{code}</pre>'


class NotebookTable:
    """An output of the running cell; :meth:`show` replaces what it shows."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, content: RenderableType) -> None:
        display = import_module("IPython.display")
        console = Console(file=StringIO(), record=True, width=WIDTH, force_jupyter=False)
        console.print(content)
        shown = display.HTML(console.export_html(inline_styles=True, code_format=CODE))
        if self._handle is None:
            self._handle = display.display(shown, display_id=True)
        else:
            self._handle.update(shown)


def notebook_table() -> NotebookTable | None:
    """One for the cell that runs now; None outside of a notebook's kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return None if getattr(shell, "kernel", None) is None else NotebookTable()
