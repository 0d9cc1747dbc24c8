"""Registers the winner as a model in MLflow: ``python -m reports runs/NAME --ship``.

The model holds the exported networks, the rule, and the code from an image to their input, so that it loads
without this project. N: validation samples, C: classes.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from timm.models import get_pretrained_cfg

from platform.config.invocation import script_line
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import prepare
from platform.storage.folder import Folder
from platform.storage.whole_files import npz, read_npz, write_whole
from platform.tracking.local_ui import free_port
from platform.tracking.tracking_config import ENVIRONMENT_VARIABLE
from platform.tracking.writing.registry import (
    CHALLENGER,
    CHAMPION,
    DATA,
    Alias,
    Registry,
    ShippedModel,
    Version,
)
from platform.training.evaluation.classification import Probabilities
from platform.training.trial.trial_config import TrialConfig
from reports.deploy.chosen import Chosen, load_chosen
from reports.deploy.export import write_exported
from reports.deploy.model_code import write_package
from reports.deploy.predict import Say
from reports.deploy.winner_model import ALLOWS_PATHS, DESCRIPTION, WinnerModel
from reports.ensembles.concat import judged_features, side_by_side
from reports.ensembles.logit_adjustment import fitted, known_noise, log_prior
from reports.ensembles.rules import logits_of, probabilities_of, rules
from reports.ensembles.selection import tempered
from reports.evaluation.checkpoints import ReportError
from reports.evaluation.features import kept_features
from reports.evaluation.predictions import kept_prediction
from reports.ranking.paired_bootstrap import gain
from reports.ranking.rank import number
from reports.sweeps.inputs import Inputs, read_inputs

VALIDATION = "validation.npz"
PACKAGES = ("mlflow", "torch", "numpy", "pandas", "pillow", "scipy", "scikit-learn", "pydantic")
EXAMPLE_PX = 8
SERVING_PORT = 5001
"""The first port to try: `make ui` has the one before it."""


@dataclass(frozen=True)
class Shipped:
    """A registered model.

    Attributes:
        why: How it compares with the champion.
        is_new: Whether it was not registered before.
        tracking_uri: The MLflow that holds it.
    """

    version: Version
    alias: Alias
    why: str
    is_new: bool
    licences: tuple[str, ...]
    tracking_uri: str

    @property
    def serving(self) -> str:
        """The command that serves it, in this environment and on a port that is free now."""
        model = f"models:/{self.version.name}@{self.alias}"
        options = ["--env-manager", "local", "--port", str(free_port(SERVING_PORT))]
        environment = {ENVIRONMENT_VARIABLE: self.tracking_uri}
        return script_line("mlflow", "models", "serve", "-m", model, *options, environment=environment)


def ship(run_folder: Path, *, allow_paths: bool = False, progress: Say | None = None) -> Shipped:
    """Log the winner to the sweep's parent run, and register it under the experiment's and the data's name.

    It becomes champion if there is none, or if it beats the champion on the same validation images: the 95%
    paired bootstrap interval of the difference lies above 0. Otherwise it becomes challenger. With
    ``allow_paths`` the model reads files of its server that a request names.

    Raises:
        UserError: there is no winner, or the sweep is on identities; the data are gone or have changed; a
            network cannot be exported; MLflow does not answer. Nothing is registered then.
    """
    say = progress or (lambda _: None)
    say("reading the sweep")
    inputs = read_inputs(run_folder, None)
    data, uri = _data(inputs, say), inputs.identity.tracking_uri
    registry = Registry(inputs.identity.writer_state, Path(inputs.data_config.source).stem, data.digest)
    chosen = load_chosen(inputs.folder, say)
    licences = tuple(dict.fromkeys(one for each in chosen.predictors for one in licences_of(each.config)))
    digest = hashlib.sha256(chosen.winner.model_dump_json().encode()).hexdigest()
    present = registry.bearing(CHAMPION)
    paths = {ALLOWS_PATHS: str(allow_paths).lower()}
    if present is not None and {"winner": digest, **paths}.items() <= present.tags.items():
        return Shipped(
            present,
            CHAMPION,
            "It is the champion already.",
            is_new=False,
            licences=licences,
            tracking_uri=uri,
        )
    before = registry.bearing(CHALLENGER)
    known = {"winner": digest, "champion": str(present), **paths}
    if before is not None and known.items() <= before.tags.items():
        why = f"It is the challenger already. {before.tags['against_champion']}"
        return Shipped(before, CHALLENGER, why, is_new=False, licences=licences, tracking_uri=uri)
    say("evaluating it on validation")
    predicted_NC = validation_probabilities(chosen, inputs, data)
    with TemporaryDirectory() as scratch:
        alias, why = _against(present, registry, inputs, data, predicted_NC, Path(scratch) / "present")
        model = _model(chosen, Path(scratch), predicted_NC, licences, say, allow_paths=allow_paths)
        say("logging the model")
        model_id = registry.log(model)
        if alias == CHALLENGER and before is not None:
            why = f"{why} {_replaces(before, CHALLENGER)}"
        tags = {
            **known,
            "sweep": inputs.identity.name,
            "data_digest": data.digest,
            "metric": inputs.metric,
            "value": number(chosen.winner.value),
            "against_champion": why,
        }
        registered = registry.register(model_id, alias, tags)
    return Shipped(registered, alias, why, is_new=True, licences=licences, tracking_uri=uri)


def validation_probabilities(chosen: Chosen, inputs: Inputs, data: Data) -> Probabilities:
    """[N, C] of the winner on validation; a rule that learns predicts each image by a fit without it."""
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
    if chosen.winner.kind == "adjusted":
        rate = known_noise(inputs.loaded.first().data) or 0.0
        judged_NC = fitted(logits[0], labels_N, log_prior(data.class_counts().numpy()), rate)[2]
    else:
        judged_NC = rules()[chosen.winner.rule].judged(np.stack(logits), labels_N)
    return tempered(judged_NC, chosen.winner.temperature)


def licences_of(config: TrialConfig) -> list[str]:
    """What is known about the licence of each network's initial weights."""
    if config.init_from is not None:
        return [f"initial weights of {config.init_from}: their licence is not known here"]
    found = []
    for section in config.models:
        if section.pretrained:
            published = get_pretrained_cfg(section.backbone)
            licence = published.license if published is not None else None
            found.append(f"{section.backbone}: {licence or 'timm names no licence for its weights'}")
        elif section.weights is not None:
            found.append(f"{section.backbone}, weights of {section.weights}: their licence is not known here")
        else:
            found.append(f"{section.backbone}: trained from random weights")
    return found


def _data(inputs: Inputs, say: Say) -> Data:
    if inputs.data_config.identities is not None:
        raise ReportError("--ship: the sweep is on identities, so there are no classes to predict")
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
    predicted_NC: Probabilities,
    folder: Path,
) -> tuple[Alias, str]:
    """The winner's alias, and the reason."""
    if present is None:
        return CHAMPION, f"There was no champion of {registry.name}."
    folder.mkdir()
    kept = read_npz(registry.file_of(present, VALIDATION, folder))
    if kept is None:
        raise ReportError(
            f"--ship: the validation predictions of the champion ({present}) cannot be read from MLflow"
        )
    labels_N = data.evaluation_labels("val")
    found = gain(inputs.metric, predicted_NC, kept["probabilities_NC"], labels_N)
    if found is None:
        return (
            CHALLENGER,
            f"{inputs.metric} is no mean over images, so it has no test against the champion ({present}).",
        )
    comparison = (
        f"{inputs.metric} {found.difference:+.4f} against the champion ({present}), "
        f"95% interval {found.low:+.4f} to {found.high:+.4f}"
    )
    if found.low > 0:
        return CHAMPION, f"{comparison}: better beyond noise. {_replaces(present, CHAMPION)}"
    return CHALLENGER, f"{comparison}: {'worse' if found.high < 0 else 'not better beyond noise'}."


def _replaces(before: Version, alias: Alias) -> str:
    return f"It replaces {before}, of sweep {before.tags.get('sweep', '?')}, as {alias}."


def _model(
    chosen: Chosen,
    scratch: Path,
    predicted_NC: Probabilities,
    licences: Sequence[str],
    say: Say,
    *,
    allow_paths: bool,
) -> ShippedModel:
    folder, code = scratch / DATA, scratch / "code"
    write_exported(chosen, folder, say)
    description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    write_whole(folder / DESCRIPTION, json.dumps(description | {ALLOWS_PATHS: allow_paths}, indent=1))
    (folder / VALIDATION).write_bytes(npz({"probabilities_NC": predicted_NC}))
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
