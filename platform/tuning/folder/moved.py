"""The record of a sweep whose folder, MLflow or data may have been moved or copied since it was written."""

from platform.tracking.writing.relocation import relocate
from platform.tuning.folder.received import check_folder
from platform.tuning.folder.sweep_folder import SweepFolder, SweepIdentity


def identity_here(folder: SweepFolder) -> tuple[SweepIdentity, str | None]:
    """The sweep's record with the MLflow that is there, written if it is another one; and a line on that.

    Raises:
        UserError: the folder is not a sweep's or leads out of itself (:func:`check_folder`); its MLflow is
            gone and cannot be made anew.
    """
    check_folder(folder)
    identity = folder.read_record()
    state, words = relocate(identity.writer_state, folder.spool)
    if words is None:
        return identity, None
    identity = identity.moved_to(state)
    folder.write_record(identity)
    return identity, words
