"""The page of Python: each public name of platform/api.py, with the arguments as one writes them."""

import re

import pytest

from platform import api
from platform.reference import python_page
from platform.reference.python_page import Undocumented


@pytest.fixture(scope="module")
def page() -> str:
    return python_page.python_page()["python.md"]


def test_every_public_name_has_its_heading(page: str):
    for name in [*api.__all__, "BestNetwork"]:
        assert f"### `{name}` {{ #{name} }}" in page


def test_a_call_is_shown_as_one_writes_it(page: str):
    assert "api.trials(sweep: Sweep | str | Path) -> DataFrame\n" in page
    assert '    out: str | Path = "runs",\n' in page
    assert "settings: Settings = ()," in page
    assert not re.search(r"pathlib|Mapping\[|Forward|platform\.api_results", page)


def test_arguments_are_a_list(page: str):
    assert '**Arguments**\n\n- `settings`: settings of the section data, `{"data.label": "worse"}`.' in page


def test_a_name_without_docstring_stops_the_build(monkeypatch: pytest.MonkeyPatch):
    def silent(sweep: str) -> None: ...

    monkeypatch.setattr(api, "trials", silent)
    with pytest.raises(Undocumented, match="has no docstring"):
        python_page.python_page()
