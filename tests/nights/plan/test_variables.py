"""Environment variables that the notices of a plan need are checked with the plan."""

import re

import pytest

from platform.config.errors import ConfigError
from platform.nights.plan.load_plan import check_variables, load_plan

NOTIFY = """notify:
  to:
  - webhook: $HOOK_URL
  - command: [sh, -c, 'echo "$NIGHT $OCCASION"']
  alive: ${ALIVE_URL}
"""


def test_a_variable_that_is_not_set_is_told_with_its_line_and_a_commands_own_are_left_to_it(root, tmp_path):
    file = tmp_path / "digits.yaml"
    space = root / "search_spaces" / "canaries" / "digits.yaml"
    night = f'nights: {{digits: {{at: "30 22 * * *", canary: {{space: {space}}}}}}}\n'
    file.write_text(f"time_zone: UTC\n{NOTIFY}{night}")
    plan = load_plan(file)
    check_variables(plan, {"HOOK_URL": "https://x.org/1", "ALIVE_URL": "https://x.org/2"})
    with pytest.raises(ConfigError) as caught:
        check_variables(plan, {"HOOK_URL": ""})
    assert [re.sub(r"^.*digits\.yaml:", "", line) for line in caught.value.lines] == [
        "4:14: notify.to.0.webhook: the environment variable HOOK_URL is not set",
        "6:10: notify.alive: the environment variable ALIVE_URL is not set",
    ]
