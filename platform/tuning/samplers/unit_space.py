"""Samples of a space as rows of numbers between 0 and 1, to which models are fitted.

Letters: N samples, P parameters of the space (each option's counted separately), D dimensions.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from platform.config.ranges import Choice, NumberRange, Range
from platform.config.space import Parameter, Space

Array = NDArray[np.float64]
END = 0.01
"""Least distance from a range's end in the prior; nearer values count as this near."""


class UnitSpace:
    """Rows ``units_NP``: a number's place in its range, a choice's among its labels, NaN where inactive.

    For a model they become ``points_ND``, in which numbers with the same path share a dimension: ``optim.lr``
    of SGD and of AdamW, each by its place in its own range, as ranges are written around what is plausible.
    """

    def __init__(self, space: Space) -> None:
        parameters = space.parameters()
        self._places = {one.name: place for place, one in enumerate(parameters)}
        self.ranges = [one.range for one in parameters]
        self._parents = [_parent(one, parameters) for one in parameters]
        keys = [_dimension(one) for one in parameters]
        order = list(dict.fromkeys(keys))
        self._dimensions = [order.index(key) for key in keys]
        self.is_choice = [key[1] != "number" for key in order]

    def units(self, values: Mapping[str, Any]) -> Array | None:
        """A sample's row [P], from its values by parameter name; None if it is outside the space."""
        row_P = np.full(len(self.ranges), np.nan)
        for name, value in values.items():
            place = self._places.get(name)
            unit = None if place is None else _unit(self.ranges[place], value)
            if unit is None:
                return None
            row_P[place] = unit
        return row_P

    def values(self, row_P: Array) -> dict[str, Any]:
        """The values of a row's active parameters, by name."""
        return {
            name: _value(range_, unit)
            for name, range_, unit in zip(self._places, self.ranges, row_P, strict=True)
            if not math.isnan(unit)
        }

    def points(self, units_NP: Array) -> Array:
        points_ND = np.full((len(units_NP), len(self.is_choice)), np.nan)
        for place, dimension in enumerate(self._dimensions):
            active_N = ~np.isnan(units_NP[:, place])
            points_ND[active_N, dimension] = units_NP[active_N, place]
        return points_ND

    def draw(
        self,
        rng: np.random.Generator,
        count: int,
        fixed: Mapping[str, Any],
        near_NP: Array | None = None,
        *,
        shape: float = 1.0,
    ) -> Array:
        """``count`` rows with the values of ``fixed``: at random, or as changes of the rows ``near_NP``.

        A change keeps an option with probability 0.85 and a number with 0.9; it moves four in five of these
        numbers by a normal step of 0.05, 0.15 or 0.3. The rest is drawn anew. A new number's place in its
        range follows Beta(shape, shape): uniform with 1, nearer to the middle with 2.
        """
        units_NP = np.full((count, len(self.ranges)), np.nan)
        steps_N = rng.choice([0.05, 0.15, 0.3], count)
        given_P = self.units({name: value for name, value in fixed.items() if name in self._places})
        for place, range_ in enumerate(self.ranges):
            old_N = (
                np.full(count, np.nan) if near_NP is None else near_NP[np.arange(count) % len(near_NP), place]
            )
            if isinstance(range_, Choice):
                new_N = rng.integers(len(range_.labels), size=count).astype(float)
                kept_N, share = old_N, 0.85
            else:
                new_N, share = rng.beta(shape, shape, count), 0.9
                moved_N = steps_N * rng.standard_normal(count) * (rng.random(count) < 0.8)
                kept_N = 1 - np.abs(1 - np.abs(old_N + moved_N))  # reflected at both ends
            unit_N = np.where((rng.random(count) < share) & ~np.isnan(kept_N), kept_N, new_N)
            if given_P is not None and not math.isnan(given_P[place]):
                unit_N[:] = given_P[place]
            units_NP[:, place] = np.where(self._active(units_NP, place), _rounded(range_, unit_N), np.nan)
        return units_NP

    def log_prior(self, units_NP: Array) -> Array:
        """The log prior of each row [N]: the sum of log 4u(1 - u) over its numbers, as of Beta(2, 2).

        It is 0 in the middle of all active ranges, so that options with many numbers are not preferred.
        """
        numbers = [not isinstance(range_, Choice) for range_ in self.ranges]
        inside_NP = np.clip(units_NP[:, numbers], END, 1 - END)
        log_prior_N: Array = np.nansum(np.log(4 * inside_NP * (1 - inside_NP)), axis=1)
        return log_prior_N

    def _active(self, units_NP: Array, place: int) -> NDArray[np.bool_]:
        parent = self._parents[place]
        if parent is None:
            return np.ones(len(units_NP), bool)
        active: NDArray[np.bool_] = units_NP[:, parent[0]] == parent[1]
        return active


def _parent(parameter: Parameter, parameters: list[Parameter]) -> tuple[int, int] | None:
    """The innermost choice that contains it, and its option's place; both follow from the name."""
    found = [
        (len(other.name), place, option)
        for place, other in enumerate(parameters)
        if isinstance(other.range, Choice)
        for option, label in enumerate(other.range.labels)
        if parameter.name.startswith(f"{other.name}[{label}]")
    ]
    return max(found)[1:] if found else None


def _dimension(parameter: Parameter) -> tuple[str, str]:
    range_ = parameter.range
    return parameter.path, repr(range_.labels) if isinstance(range_, Choice) else "number"


def _unit(range_: Range, value: Any) -> float | None:
    if isinstance(range_, Choice):
        labels = [repr(label) for label in range_.labels]
        return float(labels.index(repr(value))) if repr(value) in labels else None
    return float(_places(range_, np.asarray(value, float))) if range_.low <= value <= range_.high else None


def _value(range_: Range, unit: float) -> Any:
    if isinstance(range_, Choice):
        return range_.labels[int(unit)]
    number = float(_numbers(range_, np.asarray(unit, float)))
    return int(number) if range_.is_int else number


def _rounded(range_: Range, units_N: Array) -> Array:
    """Round each to the place of a whole number, so that models see the values that are trained."""
    if isinstance(range_, NumberRange):
        return _places(range_, _numbers(range_, units_N)) if range_.is_int else np.clip(units_N, 0.0, 1.0)
    return units_N


def _places(range_: NumberRange, numbers_N: Array) -> Array:
    """Places between 0 and 1 of numbers in the range."""
    low, high = _ends(range_)
    scaled_N = np.log(numbers_N) if range_.is_log else numbers_N
    places_N: Array = (scaled_N - low) / (high - low)
    return places_N


def _numbers(range_: NumberRange, places_N: Array) -> Array:
    """The inverse of :func:`_places`, clipped to the range; whole numbers for a range of whole numbers."""
    low, high = _ends(range_)
    scaled_N = low + places_N * (high - low)
    numbers_N = np.exp(scaled_N) if range_.is_log else scaled_N
    within_N: Array = np.clip(np.round(numbers_N) if range_.is_int else numbers_N, range_.low, range_.high)
    return within_N


def _ends(range_: NumberRange) -> tuple[float, float]:
    """The scaled ends; for whole numbers half a step further out, so that each number has an equal share."""
    half = 0.5 if range_.is_int else 0.0
    ends = (range_.low - half, range_.high + half)
    return (math.log(ends[0]), math.log(ends[1])) if range_.is_log else ends
