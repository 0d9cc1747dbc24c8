"""Exported networks, and the winner made of them, against the checkpoints they were made of."""

import json
import shutil
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from platform.datasets.geometry import KeptSize
from platform.datasets.preparation.unlabelled import open_images
from platform.storage.whole_files import npz
from reports.__main__ import main
from reports.build.winner import FILE, Member, Winner
from reports.deploy.chosen import load_chosen
from reports.deploy.export import PixelsToProbabilities, export, torchscript
from reports.deploy.predict import predict_images
from reports.deploy.winner_model import WinnerModel
from reports.evaluation.checkpoints import ReportError, checkpoint_digest

DIGITS = tuple("0123456789")


@pytest.fixture
def run(reported, tmp_path):
    folder = replace(reported[0].folder, path=tmp_path / "run")
    shutil.copytree(reported[0].folder.path, folder.path)
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Files of several sizes and kinds."""
    folder, draws = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for place in range(9):
        pixels = draws.integers(0, 256, (4, 5, 3), dtype=np.uint8)
        image = Image.fromarray(pixels).resize((16 + 7 * place, 40 - 2 * place))
        image.convert("L" if place % 3 == 0 else "RGB").save(folder / f"{place}.{('png', 'jpg')[place % 2]}")
    return folder


def choose(run, rule, temperatures, learnt=None, temperature=1.0):
    checkpoints = {one: next((run.trials / one).glob("checkpoint_*")) for one in temperatures}
    members = [
        Member(
            trial=one, checkpoint=str(folder), digest=checkpoint_digest(folder), temperature=temperatures[one]
        )
        for one, folder in checkpoints.items()
    ]
    if learnt:
        (run.report / "learnt-1.npz").write_bytes(npz(learnt))
    winner = Winner(
        rule=rule,
        learnt="learnt-1.npz" if learnt else None,
        temperature=temperature,
        metric="val/accuracy",
        value=0.5,
        members=tuple(members),
        classes=DIGITS,
        kept=KeptSize.automatic(16),
    )
    (run.report / FILE).write_text(winner.model_dump_json())


def test_an_exported_network_says_what_the_original_says_of_any_number_of_images(run):
    choose(run, None, {"0000": 1.0})
    [done] = export(run.path)
    assert done.file == run.path / "export" / "1_0000.pt"
    assert done.difference < 1e-5
    [predictor] = load_chosen(run, lambda _: None).predictors
    assert len(predictor.networks) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = torch.jit.load(str(done.file))
    pixels = torch.randint(0, 256, (7, 3, 16, 16), dtype=torch.uint8)
    mean, std = (torch.tensor(one).view(3, 1, 1) for one in vars(predictor.normalisation).values())
    with torch.no_grad():
        expected = sum(net.eval()((pixels / 255 - mean) / std).softmax(1) for net in predictor.networks) / 2
        torch.testing.assert_close(again(pixels), expected, atol=1e-5, rtol=0)
    assert json.loads((run.path / "export" / "model.json").read_text())["classes"] == list(DIGITS)


@pytest.mark.parametrize(
    ("rule", "temperatures", "learnt"),
    [
        (None, {"0001": 1.7}, None),
        ("vote", {"0000": 1.0, "0002": 0.6, "0004": 2.0}, None),
        ("weighted_mean", {"0000": 1.2, "0001": 1.0}, {"weights_M": np.array([0.3, 0.7])}),
    ],
)
def test_the_winner_away_from_its_sweep_predicts_as_the_sweep_does(rule, temperatures, learnt, run, pictures):
    choose(run, rule, temperatures, learnt, temperature=1.3 if rule else 1.0)
    expected = pd.read_csv(predict_images(run.path, open_images(str(pictures))).file, dtype={"label": str})
    export(run.path)
    if learnt:
        shutil.copyfile(run.report / "learnt-1.npz", run.path / "export" / "learnt.npz")
    model = WinnerModel(run.path / "export")
    files = [pictures / path for path in expected["path"]]
    contents = [file.read_bytes() for file in files]
    for given in (
        contents,
        pd.DataFrame({"image": contents}),
        [np.asarray(Image.open(file).convert("RGB")) for file in files],
    ):
        said = model.predict(given)
        assert said["label"].tolist() == expected["label"].tolist()
        np.testing.assert_allclose(
            said.drop(columns="label").astype(float), expected.drop(columns=["path", "label"]), atol=1e-5
        )


def test_a_file_that_says_something_else_is_not_written(run):
    choose(run, None, {"0000": 1.0})
    [predictor] = load_chosen(run, lambda _: None).predictors

    class Forgetful(PixelsToProbabilities):
        """Traced with three images, it answers for three."""

        def forward(self, pixels):
            return (
                super().forward(pixels)[: min(len(pixels), 3)].mean(0)
                * torch.ones(len(pixels), 1)
                * len(pixels)
            )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ReportError, match=r"^trial 7: its TorchScript "):
            torchscript(predictor, "trial 7", Forgetful)


def test_the_command_names_the_files(run, capsys, tmp_path):
    choose(run, "vote", {"0000": 1.0, "0002": 1.0})
    assert main([str(run.path), "--export", "torchscript", "--out", str(tmp_path / "here")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" (")[0] for line in lines] == [
        f"trial 0000: {tmp_path / 'here' / '1_0000.pt'}",
        f"trial 0002: {tmp_path / 'here' / '2_0002.pt'}",
    ]
