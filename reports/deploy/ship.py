"""The winner as a model in MLflow: ``python -m reports runs/NAME --ship``.

The model is what --export writes, the rule, and the code between an image and these, so that it loads where
nothing of this project is. N: validation samples, C: classes.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from timm.models import get_pretrained_cfg

from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import prepare
from platform.tracking.writing.registry import CHALLENGER, CHAMPION, DATA, Alias, Registry, ShippedModel, Version
from platform.training.evaluation.classification import Probabilities
from platform.storage.folder import Folder
from platform.training.trial.trial_config import TrialConfig
from reports.deploy.chosen import Chosen, load_chosen
from reports.ensembles.concat import judged_features, side_by_side
from reports.ensembles.rules import logits_of, probabilities_of, rules
from reports.evaluation.checkpoints import ReportError
from reports.deploy.export import write_exported
from reports.evaluation.features import kept_features
from platform.storage.whole_files import npz, read_npz
from reports.sweeps.inputs import Inputs, read_inputs
from reports.deploy.model_code import write_package
from reports.ranking.paired_bootstrap import gain
from reports.deploy.predict import Say
from reports.evaluation.predictions import kept_prediction
from reports.ranking.rank import number
from reports.ensembles.selection import tempered
from reports.deploy.winner_model import WinnerModel

VALIDATION = "validation.npz"
PACKAGES = ("mlflow", "torch", "numpy", "pandas", "pillow", "scipy", "scikit-learn", "pydantic")
EXAMPLE_PX = 8


@dataclass(frozen=True)
class Shipped:
    """``why``: a sentence on how it compares with the champion; ``is_new``: not registered before."""

    version: Version
    alias: Alias
    why: str
    is_new: bool
    licences: tuple[str, ...]


def ship(run_folder: Path, *, progress: Say | None = None) -> Shipped:
    """Log the winner to the sweep's parent run, and register it under the experiment's name.

    It becomes champion where there is none, or where it is better than the champion on the same validation
    images: where the 95 % paired bootstrap interval of the difference lies above 0. Else it is challenger.

    Raises:
        UserError: no winner, or one of identities; the validation data are gone or other ones; a network
            cannot be exported; MLflow does not answer. Nothing is registered then.
    """
    say = progress or (lambda _: None)
    say("reading the sweep")
    inputs = read_inputs(run_folder, None)
    registry = Registry(inputs.identity.writer_state)
    data = _data(inputs, say)
    chosen = load_chosen(inputs.folder, say)
    licences = tuple(dict.fromkeys(one for each in chosen.predictors for one in licences_of(each.config)))
    digest = hashlib.sha256(chosen.winner.model_dump_json().encode()).hexdigest()
    present = registry.bearing(CHAMPION)
    if present is not None and present.tags.get("winner") == digest:
        return Shipped(present, CHAMPION, "It is champion already.", is_new=False, licences=licences)
    before = registry.bearing(CHALLENGER)
    known = {"winner": digest, "champion": str(present)}
    if before is not None and known.items() <= before.tags.items():
        why = f"It is challenger already. {before.tags['against_champion']}"
        return Shipped(before, CHALLENGER, why, is_new=False, licences=licences)
    say("evaluating it on validation")
    said_NC = validation_probabilities(chosen, inputs, data)
    with TemporaryDirectory() as made:
        alias, why = _against(present, registry, inputs, data, said_NC, Path(made) / "present")
        model = _model(chosen, Path(made), said_NC, licences, say)
        say("logging the model")
        model_id = registry.log(model)
        tags = {
            **known,
            "sweep": inputs.identity.name,
            "data_digest": data.digest,
            "metric": inputs.metric,
            "value": number(chosen.winner.value),
            "against_champion": why,
        }
        registered = registry.register(model_id, alias, tags)
    return Shipped(registered, alias, why, is_new=True, licences=licences)


def validation_probabilities(chosen: Chosen, inputs: Inputs, data: Data) -> Probabilities:
    """[N, C]: what the winner says of validation; of a rule that learns, by fits without the image judged."""
    labels_N, root = data.evaluation_labels("val"), Folder.of(inputs.folder.path)
    if chosen.winner.kind == "concat":
        features_MND = [
            kept_features(root.at(member.checkpoint), member.digest, data, inputs.folder.path)
            for member in chosen.winner.members
        ]
        features_ND = side_by_side(features_MND)
        judged_NC = judged_features(features_ND, labels_N, len(data.classes))
        return tempered(judged_NC, chosen.winner.temperature)
    logits = []
    for member in chosen.winner.members:
        checkpoint = root.at(member.checkpoint)
        kept = kept_prediction(checkpoint, member.digest, data, inputs.folder.path, member.view)
        logits.append(logits_of(kept.mean_NC) / np.float32(member.temperature))
    if chosen.winner.rule is None:
        return probabilities_of(logits[0]).astype(np.float32)
    judged_NC = rules()[chosen.winner.rule].judged(np.stack(logits), labels_N)
    return tempered(judged_NC, chosen.winner.temperature)


def licences_of(config: TrialConfig) -> list[str]:
    """Of each network's initial weights, what is known of their licence."""
    if config.init_from is not None:
        return [f"initial weights of {config.init_from}: their licence is not known here"]
    found = []
    for section in config.models:
        if section.pretrained:
            published = get_pretrained_cfg(section.backbone)
            licence = published.license if published is not None else None
            found.append(f"{section.backbone}: {licence or 'timm names no licence of its weights'}")
        elif section.weights is not None:
            found.append(f"{section.backbone}, weights of {section.weights}: their licence is not known here")
        else:
            found.append(f"{section.backbone}: trained from random weights")
    return found


def _data(inputs: Inputs, say: Say) -> Data:
    if inputs.data_config.identities is not None:
        raise ReportError("--ship: the sweep is on identities: there are no classes to answer with")
    say(f"decoding {inputs.data_config.source}")
    data = prepare(inputs.data_config, inputs.image_size)
    if data.digest != inputs.identity.data_digest:
        raise ReportError(
            f"--ship: {inputs.data_config.source} is no longer what the sweep learnt from, so the winner "
            "cannot be compared with the champion"
        )
    return data


def _against(
    present: Version | None,
    registry: Registry,
    inputs: Inputs,
    data: Data,
    said_NC: Probabilities,
    folder: Path,
) -> tuple[Alias, str]:
    """Its alias, and why."""
    if present is None:
        return CHAMPION, f"There was no champion of {registry.name}."
    if present.tags.get("data_digest") != data.digest:
        return CHALLENGER, f"The champion ({present}) was measured on other data."
    folder.mkdir()
    kept = read_npz(registry.file_of(present, VALIDATION, folder))
    if kept is None:
        raise ReportError(f"--ship: what the champion ({present}) says of validation cannot be read")
    labels_N = data.evaluation_labels("val")
    found = gain(inputs.metric, said_NC, kept["probabilities_NC"], labels_N)
    if found is None:
        return (
            CHALLENGER,
            f"{inputs.metric} is no mean over images: nothing says whether it beats {present}.",
        )
    words = (
        f"{inputs.metric} {found.difference:+.4f} against the champion ({present}), "
        f"95 % interval {found.low:+.4f} to {found.high:+.4f}"
    )
    if found.low > 0:
        return CHAMPION, f"{words}: better beyond noise."
    return CHALLENGER, f"{words}: {'worse' if found.high < 0 else 'not better beyond noise'}."


def _model(
    chosen: Chosen, made: Path, said_NC: Probabilities, licences: Sequence[str], say: Say
) -> ShippedModel:
    folder, code = made / DATA, made / "code"
    write_exported(chosen, folder, say)
    (folder / VALIDATION).write_bytes(npz({"probabilities_NC": said_NC}))
    loader = write_package("reports.deploy.winner_model", code)
    pixels = np.random.default_rng(0).integers(0, 256, (EXAMPLE_PX, EXAMPLE_PX, 3))
    example = pd.DataFrame({"image": [pixels.tolist()]})
    return ShippedModel(
        data=folder,
        code=code,
        loader=loader,
        requirements=[f"{name}=={version(name).partition('+')[0]}" for name in PACKAGES],
        example=example,
        says=WinnerModel(folder).predict(example),
        metadata={"winner": str(chosen.winner), "licences": "; ".join(licences)},
    )
