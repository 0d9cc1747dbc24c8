"""Ways to make one prediction of several members'; a rule is a file here that has ``combine``.

    combine(probabilities_MNC) -> probabilities_NC

M members, N samples, C classes; rows sum to 1, and the class predicted is the arg-max. A new file is a new
rule, named after it: nothing lists them.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float32]
Rule = Callable[[Probabilities], Probabilities]


def rules() -> dict[str, Rule]:
    """Every rule by its file's name."""
    names = sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))
    return {name: import_module(f"reports.ensemble.{name}").combine for name in names}
