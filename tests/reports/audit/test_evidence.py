"""What a sweep and local weights say of an audit's labels, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import save_file

from platform.config.errors import UserError
from platform.datasets.audit.labels.evidence import NEEDED, labelled_rows
from platform.datasets.audit.labels.stage import score_labels
from platform.models.build import build
from platform.models.model_config import ModelConfig
from platform.storage.folder import Folder
from platform.training.loop.trainer_checkpoints import SAMPLES
from reports.audit.embedding import weights_choice
from reports.audit.evidence import EvidenceOptions, evidence_of, suspicion_of
from tests.reports.audit.conftest import changed

pytestmark = pytest.mark.sweep


@pytest.fixture
def weights(tmp_path):
    file = tmp_path / "test_resnet.safetensors"
    network = build(ModelConfig(backbone="test_resnet", stem="original"), 10, 64)
    save_file(network.state_dict(), file)
    return file


def test_a_sweep_gives_embeddings_and_margins_of_its_images(audit, plain_sweep, config):
    evidence = evidence_of(audit, plain_sweep.path, EvidenceOptions(config))
    assert evidence.embedding["kind"] == "sweep"
    assert evidence.saw_labels
    embeddings = np.load(audit.embeddings_file)
    assert np.array_equal(embeddings, evidence.embeddings_ND)
    assert np.linalg.norm(embeddings.astype(np.float32), axis=1) == pytest.approx(
        np.ones(len(embeddings)), abs=0.01
    )
    manifest = pd.read_parquet(plain_sweep.manifest)
    learnt = audit.images(["path"])["path"].isin(manifest["path"][manifest["split"] == "train"]).to_numpy()
    assert np.array_equal(~np.isnan(evidence.suspicion_N), learnt)
    notes = score_labels(audit, evidence)
    assert notes["saw_labels"] == 1
    assert pd.read_parquet(audit.label_scores_file)["margin"].notna().sum() == learnt.sum()


def test_embedding_goes_on_after_a_kill(audit, plain_sweep, config, monkeypatch):
    monkeypatch.setattr("reports.audit.embedding.SHARD", 128)
    first = evidence_of(audit, plain_sweep.path, EvidenceOptions(config)).embeddings_ND
    said: list[str] = []

    def killed(text: str) -> None:
        said.append(text)
        if len(said) == 3:
            raise KeyboardInterrupt

    audit.embeddings_file.unlink()  # and not made again while it is there
    with pytest.raises(KeyboardInterrupt):
        evidence_of(audit, plain_sweep.path, EvidenceOptions(config, say=killed))
    done = sorted((audit.path / "embedding").rglob("*.npz"))
    before = [file.stat().st_mtime_ns for file in done]
    assert len(done) == 2
    assert not audit.embeddings_file.exists()
    stamps = []
    again = EvidenceOptions(config, say=lambda text: stamps.append([one.stat().st_mtime_ns for one in done]))
    assert np.array_equal(evidence_of(audit, plain_sweep.path, again).embeddings_ND, first)
    assert stamps[-1] == before


def test_the_same_images_are_not_embedded_again(audit, plain_sweep, config, weights):
    said: list[str] = []
    first = evidence_of(audit, plain_sweep.path, EvidenceOptions(config)).embeddings_ND
    again = evidence_of(audit, plain_sweep.path, EvidenceOptions(config, say=said.append)).embeddings_ND
    assert said == []
    assert np.array_equal(first, again)
    other = evidence_of(audit, plain_sweep.path, EvidenceOptions(config, str(weights), say=said.append))
    assert said
    assert other.embedding["kind"] == "timm"
    changed(audit, lambda images: images.assign(readable=images.index > 0))
    said.clear()
    evidence_of(audit, plain_sweep.path, EvidenceOptions(config, str(weights), say=said.append))
    assert said


def test_local_weights_give_embeddings_that_never_saw_the_labels(audit, weights, config):
    evidence = evidence_of(audit, None, EvidenceOptions(config, embedding=str(weights)))
    assert evidence.embedding == {"kind": "timm", "name": f"test_resnet={weights}"}
    assert not evidence.saw_labels
    assert evidence.suspicion_N is None
    assert evidence.embeddings_ND.any(axis=1).all()


def test_a_file_of_another_name_needs_the_name_of_its_network(weights, tmp_path):
    other = weights.rename(tmp_path / "mine.safetensors")
    assert weights_choice(f"test_resnet={other}").model == "test_resnet"
    with pytest.raises(UserError, match="'mine' is no network of timm; name it as BACKBONE=mine.safetensors"):
        weights_choice(str(other))
    with pytest.raises(UserError, match="there is no such file of weights"):
        weights_choice(str(tmp_path / "gone.safetensors"))


def test_nothing_to_judge_by_is_said_and_not_made_up(audit, config):
    evidence = evidence_of(audit, None, EvidenceOptions(config))
    assert evidence.embeddings_ND is None
    notes = score_labels(audit, evidence)
    assert "add --sweep or --embedding" in notes["refused"]


def test_a_sweep_of_other_images_is_refused_in_one_line(audit, plain_sweep, config):
    changed(audit, lambda images: images.assign(path="other/" + images["path"]))
    with pytest.raises(
        UserError, match="is a sweep of other data: 401 of its 401 images are not in this audit"
    ) as e:
        evidence_of(audit, plain_sweep.path, EvidenceOptions(config))
    assert "\n" not in str(e.value)


def test_a_sweep_that_learnt_other_labels_is_refused(audit, plain_sweep, config):
    changed(audit, lambda images: images.assign(label=images["label"].where(images.index > 2, "9")))
    with pytest.raises(UserError, match="learnt other labels than this audit's for"):
        evidence_of(audit, plain_sweep.path, EvidenceOptions(config))


def test_folds_need_a_sweep(audit, config):
    with pytest.raises(UserError, match=r"--folds: trains a sweep's settings: name one with --sweep"):
        evidence_of(audit, None, EvidenceOptions(config, folds=4))


def test_folds_predict_images_that_they_did_not_learn_and_are_kept(audit, plain_sweep, config):
    evidence = evidence_of(audit, plain_sweep.path, EvidenceOptions(config, folds=2))
    folds = evidence.folds
    rows = labelled_rows(audit.images(NEEDED))
    manifest = pd.read_parquet(plain_sweep.manifest)
    in_sweep = manifest["path"][manifest["split"] != "test"]
    paths = audit.images(["path"])["path"].iloc[rows.rows_R]
    assert np.array_equal(folds.known_R, paths.isin(in_sweep).to_numpy())
    assert folds.known_R[folds.planted.rows_P].all()
    assert (folds.planted.labels_N != rows.labels_R).sum() == len(folds.planted.rows_P)
    kept = sorted((audit.path / "folds").glob("*.npz"))
    before = [file.stat().st_mtime_ns for file in kept]
    assert len(kept) == 2
    again = evidence_of(audit, plain_sweep.path, EvidenceOptions(config, folds=2)).folds
    assert np.array_equal(again.probabilities.values_NK, folds.probabilities.values_NK)
    assert [file.stat().st_mtime_ns for file in kept] == before
    assert score_labels(audit, evidence)["predictions"] == "folds"


def test_losses_take_the_place_of_margins_in_records_of_older_sweeps(tmp_path):
    paths = pd.Series(["a", "b", "c", "d"])
    table = pd.DataFrame({"path": ["b", "a", "c"], "mean_loss": [0.1, 2.0, 1.0]})
    table.to_parquet(tmp_path / SAMPLES)
    found = suspicion_of([Folder.of(str(tmp_path))], paths)
    assert np.argsort(-found[:3]).tolist() == [0, 2, 1]
    assert np.isnan(found[3])
    table.assign(mean_margin=[-3.0, 4.0, 0.0]).to_parquet(tmp_path / SAMPLES)
    found = suspicion_of([Folder.of(str(tmp_path))], paths)
    assert np.argsort(-found[:3]).tolist() == [1, 2, 0]
