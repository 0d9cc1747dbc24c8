"""Fonts of the contact sheet: Pillow's own, or one of the system for names that it cannot write."""

from functools import lru_cache

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

OF_THE_SYSTEM = (
    *(
        "NotoSansCJK-Regular.ttc",
        "NotoSansCJKsc-Regular.otf",
        "NotoSansSC-Regular.otf",
        "NotoSansJP-Regular.otf",
    ),
    *(
        "wqy-microhei.ttc",
        "wqy-zenhei.ttc",
        "DroidSansFallbackFull.ttf",
        "DroidSansFallback.ttf",
        "uming.ttc",
    ),
    *("PingFang.ttc", "Hiragino Sans GB.ttc", "AppleSDGothicNeo.ttc", "Arial Unicode.ttf"),
    *("msyh.ttc", "simsun.ttc", "malgun.ttf", "meiryo.ttc", "DejaVuSans.ttf", "NotoSans-Regular.ttf"),
)
"""Fonts of Linux, macOS and Windows with Chinese, Japanese, Korean, or with many alphabets."""

NO_CHARACTER = "\U0010ffff"
"""Fonts draw it as they draw every character that they lack."""


def font_for(text: str, size: int) -> Font | None:
    """A font that has all characters of ``text``; None if there is none here."""
    for name in (None, *OF_THE_SYSTEM):
        font = _font(name, size)
        if font is not None and _has_all(font, text):
            return font
    return None


@lru_cache
def _font(name: str | None, size: int) -> Font | None:
    if name is None:
        return ImageFont.load_default(size)
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None  # not installed


def _has_all(font: Font, text: str) -> bool:
    lacking = bytes(font.getmask(NO_CHARACTER))
    return all(
        bytes(font.getmask(character)) != lacking for character in set(text) if not character.isspace()
    )
