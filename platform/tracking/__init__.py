"""The only part that knows MLflow: one writer for a sweep, one reader for its report.

MLflow reads these settings while it is imported, so they are made here, before any module of this folder
can import it; whoever set one of them in the environment keeps what was set. MLflow would otherwise report
its use to its makers over the network, put handlers of its own on stderr, print a line per finished run and
draw progress bars for files of a few kilobytes.
"""

import os

for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}.items():
    os.environ.setdefault(_name, _value)
