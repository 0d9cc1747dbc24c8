"""Files of weights whose zip is damaged at its end."""

import struct
from zipfile import ZipFile

from platform.models.weight_files import is_zip


def test_a_zip_whose_end_is_damaged_is_none(tmp_path):
    file = tmp_path / "state.pt"
    with ZipFile(file, "w") as whole:
        whole.writestr("a", "b")
    assert is_zip(file)
    of_two_disks = b"PK\6\7" + struct.pack("<LQL", 0, 0, 2)
    content = file.read_bytes()
    file.write_bytes(content[:-22] + of_two_disks + content[-22:])
    assert not is_zip(file)
