"""Reports of the real sweep in which one kind of ensemble is let win, and its images as files."""

from dataclasses import replace

import pytest
from PIL import Image

from platform.datasets.preparation.prepare import prepare
from reports.sweeps.inputs import read_inputs
from reports.build.winner import write_winner


@pytest.fixture(scope="package")
def data(finished_sweep):
    return prepare(read_inputs(finished_sweep.folder.path, None).data_config, 16)


@pytest.fixture(scope="session")
def ask():
    """``ask(sweep, report)`` writes the section ``report`` of the sweep's YAML anew."""

    def write(sweep, report):
        space = sweep.folder.space
        text = space.read_text()
        assert "report: {top: 3, soup: false}" in text
        space.write_text(text.replace("{top: 3, soup: false}", report))

    return write


@pytest.fixture(scope="session")
def let_win():
    """``let_win(sweep, report, kind, into)``: a copy whose report chose its best ensemble of that kind."""

    def chosen(sweep, report, kind, into):
        folder = sweep.copy(into).folder
        [best] = [one for one in report.ensembles.best if one.kind == kind]
        write_winner(read_inputs(folder.path, 2), report.ranking, replace(report.ensembles, winner=best))
        return folder, best

    return chosen


@pytest.fixture(scope="session")
def pictures_of():
    """``pictures_of(data, split, folder)``: the split's images as files, by name in its order."""

    def save(data, split, folder):
        folder.mkdir()
        for place, row in enumerate(data.rows(split)):
            Image.fromarray(data.images.image(row)).save(folder / f"{place:05d}.png")
        return folder

    return save
