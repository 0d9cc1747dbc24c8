"""Errors of MLflow, its database and the network: which are transient, and what they say in one line."""

import re
from collections.abc import Iterator

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError, SQLAlchemyError

# MLflow gives these errors of a request the status of a server error.
_WRONG = ("INVALID_STATE", "NOT_IMPLEMENTED", "DATA_LOSS")
_PASSING = (408, 409, 425, 429, 499)
_STATUS = re.compile(r"failed with error code (\d{3}) != ")


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed later: no answer, a locked database, 5xx, 408, 409 and 429.

    Every other 4xx is about the request itself: its run or experiment is gone, or it is forbidden.
    """
    database = next((cause for cause in _causes(error) if isinstance(cause, SQLAlchemyError)), None)
    if database is not None:
        return not isinstance(database, IntegrityError | DataError | ProgrammingError)
    if isinstance(error, MlflowException):
        status = _status(error)
        return error.error_code not in _WRONG and (status >= 500 or status in _PASSING)
    return isinstance(error, OSError)


def one_line(error: BaseException) -> str:
    """The error in one line: the innermost message if the network failed, else the first."""
    *_, inner = _causes(error)
    if isinstance(inner, ModuleNotFoundError):
        return f"its driver is not installed: no module {inner.name!r}"
    if isinstance(inner, OSError) and inner is not error:
        return f"no MLflow server answers ({inner.strerror or inner})"
    text = " ".join(str(error).split())
    return re.split(r"(?<=[a-z)\]'\"])\. ", text, maxsplit=1)[0][:300] or type(error).__name__


def _status(error: MlflowException) -> int:
    """The HTTP status; MLflow reports statuses it does not know, such as a proxy's 413, as 500."""
    named = _STATUS.search(str(error))
    return int(named[1]) if named else int(error.get_http_status_code())


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, outermost first."""
    inner: BaseException | None = error
    while inner is not None:
        yield inner
        inner = inner.__cause__ or inner.__context__
