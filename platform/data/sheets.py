"""Where ``--out FILE.png`` of a command is written."""

from pathlib import Path
from typing import TYPE_CHECKING

from platform.config.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image


def save(sheet: "Image", out: Path) -> None:
    try:
        sheet.save(out)
    except OSError as error:
        raise UserError(f"--out: {out} cannot be written: {error.strerror or error}") from error


def check_out(out: Path) -> None:
    """Check --out before anything that takes long."""
    if out.suffix.lower() != ".png":
        raise UserError(f"--out: must end in .png, got {out}")
    if not out.parent.is_dir():
        raise UserError(f"--out: the folder {out.parent} does not exist")
