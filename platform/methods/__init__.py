"""Training methods, one a file; the file's name is its name in the YAML.

A file holds ``Config``, a Section with the class variable ``networks``, and ``Method`` with ``step`` (see
:class:`TrainingMethod`). Files whose name starts with an underscore are not methods.
"""

from platform.methods._discovery import SECTIONS, MethodConfig, build_method, method_names
from platform.methods._protocol import (
    Learner,
    MethodSection,
    Progress,
    ProjectsFeatures,
    SampleOutcome,
    StepOutput,
    TrainingMethod,
)

__all__ = [
    "SECTIONS",
    "Learner",
    "MethodConfig",
    "MethodSection",
    "Progress",
    "ProjectsFeatures",
    "SampleOutcome",
    "StepOutput",
    "TrainingMethod",
    "build_method",
    "method_names",
]
