"""Training methods, one a file; the file's name is the method's name in the YAML.

A file defines ``Config`` (a ``ConfigBase``) and ``Method`` (a :class:`TrainingMethod`). Files whose names
start with an underscore are not methods.
"""

from platform.methods._discovery import (
    SECTIONS,
    MethodConfig,
    build_method,
    method_names,
    metrics_in_words,
)
from platform.methods._protocol import (
    Learner,
    MethodSection,
    Progress,
    ProjectsFeatures,
    SampleOutcome,
    StepOutput,
    TrainingMethod,
)
from platform.methods._tables import LearntRows, Table, TableSpec

__all__ = [
    "SECTIONS",
    "Learner",
    "LearntRows",
    "MethodConfig",
    "MethodSection",
    "Progress",
    "ProjectsFeatures",
    "SampleOutcome",
    "StepOutput",
    "Table",
    "TableSpec",
    "TrainingMethod",
    "build_method",
    "method_names",
    "metrics_in_words",
]
