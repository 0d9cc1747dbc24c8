"""Each kind of finding in words: its title, what it is, and how it is told."""

from dataclasses import dataclass
from typing import Final

from platform.datasets.audit.findings import Kind


@dataclass(frozen=True)
class KindWords:
    """``title``: of its section; ``about``: one or two sentences on what is found and why it matters."""

    title: str
    about: str


KIND_WORDS: Final[dict[Kind, KindWords]] = {
    "unreadable": KindWords(
        "Unreadable", "The file cannot be read, or no decoder takes it for an image. No sweep uses it."
    ),
    "truncated": KindWords(
        "Truncated", "The file ends early: an interrupted download or copy. Fetch it again, or drop it."
    ),
    "wrong_ending": KindWords(
        "Wrong ending",
        "The name's ending is not that of the file's format, or there is none. The platform reads it by its "
        "content; other programs may not.",
    ),
    "tiny": KindWords("Tiny", "The shorter side is below --min-side: icons, previews, remains of a crawl."),
    "odd_shape": KindWords(
        "Odd shape", "One side is more than 1/0.35 = 2.9 times the other: banners, strips, screenshots."
    ),
    "dark": KindWords("Dark", "Even the brightest hundredth of the pixels is below 32% of full brightness."),
    "light": KindWords(
        "Light", "All but the darkest twentieth of the pixels are above 95% of full brightness."
    ),
    "blurry": KindWords("Blurry", "At 64 px there are hardly any edges."),
    "low_information": KindWords(
        "Low information",
        "The histogram of the colours has less than 3 bits of entropy: one colour, or few of them.",
    ),
    "duplicate": KindWords(
        "Duplicates", "Files with the same bytes or the same pixels. They count twice in training."
    ),
    "near_duplicate": KindWords(
        "Near duplicates",
        "The same picture compressed again, resized, cropped, mirrored or bordered, or the same scene.",
    ),
    "conflicting_labels": KindWords(
        "One picture under several labels",
        "At most one of these labels is right: the surest label error there is.",
    ),
    "placeholder": KindWords(
        "Placeholders",
        "One picture under many classes, such as the words “image not available”. Drop all of them.",
    ),
    "leak": KindWords(
        "Leaks", "The same picture in more than one of train, val and test: metrics are too good by them."
    ),
    "wrong_label": KindWords("Wrong labels", "Images whose label is probably wrong, the most suspect first."),
    "off_topic": KindWords(
        "Off-topic",
        "Images that resemble their class in nothing. They are never dropped by themselves: look first.",
    ),
}
"""In the order of the page."""
