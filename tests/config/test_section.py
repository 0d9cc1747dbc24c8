"""What holds for every section."""

import pytest
from pydantic import ValidationError

from platform.config.section import Problem, Section, combination


def test_all_checks_of_a_section_are_said_at_once():
    class Both(Section):
        low: int
        high: int

        @combination
        def _is_small(self):
            if self.high > 9:
                yield Problem("high", "must be < 10", self.high)

        @combination
        def _is_ordered(self):
            if self.low > self.high:
                yield Problem("low", "must be <= high", self.low)

    with pytest.raises(ValidationError) as caught:
        Both(low=30, high=20)
    (error,) = caught.value.errors()
    assert [problem.path for problem in error["ctx"]["problems"]] == ["high", "low"]
