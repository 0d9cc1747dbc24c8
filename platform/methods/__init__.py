"""Training methods, one a file; the file's name is its name in the YAML.

A file holds ``Config``, a Section with ``networks: ClassVar[int]``, and ``Method`` with ``step`` (see
:class:`Method`). Files whose name starts with an underscore are not methods.
"""

from platform.methods._discovery import SECTIONS, MethodConfig, build_method, method_names
from platform.methods._protocol import Method, MethodSection, StepOutput

__all__ = [
    "SECTIONS",
    "Method",
    "MethodConfig",
    "MethodSection",
    "StepOutput",
    "build_method",
    "method_names",
]
