"""Training methods, one a file; the file's name is its name in the YAML.

A file holds ``Config``, a Section with the class variables ``networks`` and ``takes_soft_labels``, and
``Method`` with ``step`` (see :class:`Method`). Files whose name starts with an underscore are not methods.
"""

from platform.methods._discovery import SECTIONS, MethodConfig, build_method, method_names
from platform.methods._protocol import Method, MethodSection, SampleOutcome, StepOutput

__all__ = [
    "SECTIONS",
    "Method",
    "MethodConfig",
    "MethodSection",
    "SampleOutcome",
    "StepOutput",
    "build_method",
    "method_names",
]
