"""Reads what a Python file imports from its source, imports inside functions and for type checkers too."""

import ast
from collections.abc import Iterator
from pathlib import Path


def module_name(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def base_of(node: ast.ImportFrom, file: Path, root: Path) -> str:
    """The absolute name of what `from … import` reads from."""
    if not node.level:
        return node.module or ""
    package = file.relative_to(root).parts[:-1]
    package = package[: len(package) - (node.level - 1)]
    return ".".join([*package, *([node.module] if node.module else [])])


def imported_by_name(node: ast.Call) -> str | None:
    """What `import_module("x")` or `__import__("x")` names, the fixed start of an f-string included."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    if name not in ("import_module", "__import__") or not node.args:
        return None
    argument = node.args[0]
    if isinstance(argument, ast.JoinedStr) and argument.values:
        argument = argument.values[0]
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value.rstrip(".")
    return None


def imports(file: Path, root: Path, *, by_name: bool = True) -> Iterator[tuple[int, str]]:
    """Line and absolute name of everything a file imports, wherever in it the import stands.

    ``by_name``: with what `import_module` is asked for, too.
    """
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = base_of(node, file, root)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif by_name and isinstance(node, ast.Call) and (named := imported_by_name(node)):
            yield node.lineno, named
