"""The grammar of ``search.constraints``: conditions on a trial's settings, parsed but never executed."""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Any, NoReturn

Values = Mapping[str, Any]
"""A trial's settings by dotted path."""

LONGEST = 300
"""Most characters of a constraint: several short ones show more clearly which of them is broken."""
LITERALS = {"true": True, "false": False, "null": None}
UNDEFINED = 1.0
"""The violation if an expression has no value, such as a division by zero."""
LEAST = 1e-9
"""The violation if two numbers are equal and must not be."""

_WORDS = re.compile(r"""'[^']*'|"[^"]*"|(?<![\w.])[A-Za-z_]\w*(?:\.\w+)*""")
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
_SIGNS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
_GRAMMAR = "numbers, text, settings, + - * / ** ( ), < <= > >= == !=, and, or, not"


@dataclass(frozen=True)
class Constraint:
    """``text`` as written; ``paths``: the settings that it names."""

    text: str
    tree: ast.expr
    paths: tuple[str, ...]

    def violation(self, values: Values) -> float:
        """0 if the settings fulfil it, else a distance in (0, 1].

        The distance of two numbers is |a - b| / (|a| + |b|), so that constraints of different magnitudes have
        equal weight. A constraint on a setting that the trial does not have (of an option that is not chosen)
        does not apply: 0. Raises ValueError for text in place of a number.
        """
        if any(path not in values for path in self.paths):
            return 0.0
        try:
            return _violation(self.tree, values, negated=False)
        except (ZeroDivisionError, OverflowError):
            return UNDEFINED

    def texts(self) -> Iterator[tuple[str, str]]:
        """Each setting that is compared with a text, and the text."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Compare):
                terms = [node.left, *node.comparators]
                for one, other in pairwise(terms):
                    for path, text in ((_path(one), other), (_path(other), one)):
                        if path and isinstance(text, ast.Constant) and isinstance(text.value, str):
                            yield path, text.value


def parse_constraint(text: str) -> Constraint:
    """Raises ValueError, in one line, for anything but comparisons of settings, numbers and text."""
    if len(text) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what is a warning in Python is a mistake here
            tree = ast.parse(_WORDS.sub(_with_indices, text.strip()), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"is not an expression of {_GRAMMAR}, got {text!r}") from None
    paths = dict.fromkeys(_check(tree, text))
    if not paths:
        raise ValueError(f"names no setting, got {text!r}")
    return Constraint(text, tree, tuple(paths))


def _with_indices(match: re.Match[str]) -> str:
    """``stages.0.epochs`` in Python's syntax: a numeric part becomes an index."""
    word = match[0]
    return word if word[0] in "'\"" else re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", word)


def _check(node: ast.expr, text: str) -> Iterator[str]:
    """The settings that a condition names; raises ValueError if it is not a condition."""
    match node:
        case ast.BoolOp(values=parts):
            for part in parts:
                yield from _check(part, text)
        case ast.UnaryOp(op=ast.Not(), operand=part):
            yield from _check(part, text)
        case ast.Compare(left=left, ops=ops, comparators=others):
            if any(type(op) not in _OPPOSITE for op in ops):
                _refuse(node, text)
            for term in (left, *others):
                yield from _check_term(term, text)
        case ast.Call():
            _refuse(node, text)
        case _:
            raise ValueError(f"{ast.unparse(node)!r} is no comparison, got {text!r}")


def _check_term(node: ast.expr, text: str) -> Iterator[str]:
    path = _path(node)
    if path in LITERALS:
        return
    if path is not None:
        yield path
        return
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None):
            return
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=part):
            yield from _check_term(part, text)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.Pow(), right=right):
            yield from _check_term(left, text)
            yield from _check_term(right, text)
        case _:
            _refuse(node, text)


def _refuse(node: ast.expr, text: str) -> NoReturn:
    what = "calls a function" if isinstance(node, ast.Call) else f"{ast.unparse(node)!r} is not understood"
    raise ValueError(f"{what}: a constraint has {_GRAMMAR}; got {text!r}")


def _path(node: ast.expr) -> str | None:
    """The dotted path of a setting; None for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=owner, attr=name):
            before = _path(owner)
            return None if before is None else f"{before}.{name}"
        case ast.Subscript(value=owner, slice=ast.Constant(value=int() as index)):
            before = _path(owner)
            return None if before is None else f"{before}.{index}"
    return None


def _violation(node: ast.expr, values: Values, *, negated: bool) -> float:
    match node:
        case ast.UnaryOp(operand=part):
            return _violation(part, values, negated=not negated)
        case ast.BoolOp(op=op, values=parts):
            each = (_violation(part, values, negated=negated) for part in parts)
            if isinstance(op, ast.And) != negated:  # not (a and b) is (not a) or (not b)
                return next((one for one in each if one > 0), 0.0)
            nearest = UNDEFINED
            for one in each:
                nearest = min(nearest, one)
                if nearest == 0:
                    break
            return nearest
        case ast.Compare(left=left, ops=ops, comparators=others):
            terms = [_value(term, values) for term in (left, *others)]
            each = (
                _distance(_OPPOSITE[type(op)] if negated else type(op), one, other)
                for op, (one, other) in zip(ops, pairwise(terms), strict=True)
            )
            return min(each) if negated else next((one for one in each if one > 0), 0.0)
    raise AssertionError(f"{ast.unparse(node)} was not checked")


def _distance(op: type[ast.cmpop], one: Any, other: Any) -> float:
    if _is_number(one) and _is_number(other):
        if not (isfinite(one) and isfinite(other)):
            raise OverflowError
        holds = {
            ast.Lt: one < other,
            ast.LtE: one <= other,
            ast.Gt: one > other,
            ast.GtE: one >= other,
            ast.Eq: one == other,
            ast.NotEq: one != other,
        }[op]
        gap = abs(one - other) / (abs(one) + abs(other)) if one != other else 0.0
        return 0.0 if holds else max(gap, LEAST)
    if op in _SIGNS:
        raise ValueError(f"compares {one!r} with {other!r} by {_SIGNS[op]}, which is for numbers")
    is_same = type(one) is type(other) and one == other
    return 0.0 if is_same == (op is ast.Eq) else 1.0


def _value(node: ast.expr, values: Values) -> Any:
    path = _path(node)
    if path is not None:
        value = LITERALS[path] if path in LITERALS else values[path]
        return _plain(value)
    match node:
        case ast.Constant(value=value):
            return _plain(value)
        case ast.UnaryOp(op=op, operand=part):
            value = _number(part, values)
            return -value if isinstance(op, ast.USub) else value
        case ast.BinOp(left=left, op=op, right=right):
            return _calculate(op, _number(left, values), _number(right, values))
    raise AssertionError(f"{ast.unparse(node)} was not checked")


def _plain(value: Any) -> Any:
    return float(value) if _is_number(value) else value


def _number(node: ast.expr, values: Values) -> float:
    value = _value(node, values)
    if not _is_number(value):
        raise ValueError(f"calculates with {ast.unparse(node)}, which is {value!r}")
    return float(value)


def _calculate(op: ast.operator, one: float, other: float) -> float:
    match op:
        case ast.Add():
            return one + other
        case ast.Sub():
            return one - other
        case ast.Mult():
            return one * other
        case ast.Div():
            return one / other
    power = one**other
    if isinstance(power, complex):
        raise OverflowError
    return float(power)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
