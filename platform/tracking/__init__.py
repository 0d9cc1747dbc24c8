"""The only part that knows MLflow: one writer for a sweep, one reader for its report.

MLflow reads these settings when it is imported, so they are set here, before any module of this folder can
import it; variables that you set in the environment are kept. Without them MLflow would send telemetry, add
log handlers on stderr, print a line per finished run, and draw progress bars for files of a few kilobytes.
"""

import os

for _name, _value in {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}.items():
    os.environ.setdefault(_name, _value)
