"""The error of a request that a served model cannot answer."""

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE


class BadRequest(MlflowException, ValueError):
    """A mistake in the request: MLflow's server answers with the message alone, without a stack trace."""

    def __init__(self, message: str) -> None:
        super().__init__(message, error_code=INVALID_PARAMETER_VALUE)
