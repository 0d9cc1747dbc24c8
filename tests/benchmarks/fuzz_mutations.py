"""Seeded damage to a file's content: the same seed gives the same content."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

Mutate = Callable[[bytes, random.Random], bytes]

WORDS = (
    *(
        "&a ",
        "*a",
        "[",
        "]",
        "{",
        "}",
        ": ",
        "- ",
        "? ",
        "| ",
        "> ",
        "!",
        "!!int ",
        "!!python/name:os.system ",
    ),
    *(
        "\n",
        "\t",
        " ",
        "#",
        "'",
        '"',
        "\\",
        "%",
        "@",
        "`",
        "\x00",
        "\x1b[2J",
        "\u202e",
        "\ufeff",
        "\U0001f426",
        "---\n",
    ),
    *("9" * 60, "9" * 5_000, "1e999", "-0", ".nan", ".inf", "0x" + "f" * 40, "~", "null", "true", "<<: "),
    *(
        "choice: ",
        "uniform: [0, 1]",
        "loguniform: [0, 1]",
        "int: [1, 2]",
        "name: ",
        "k" * 300,
        "[" * 80,
        "a: {" * 60,
    ),
)
EDGES = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)


def mutated_bytes(content: bytes, random: random.Random) -> bytes:
    """Change up to 16 places: a bit, a byte, a number of 2 or 4 bytes, a piece left out, doubled or moved."""
    changed = bytearray(content)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        place = _place(len(changed), random)
        length = random.choice((1, 2, 4, 8, 64, 512))
        piece = bytes(changed[place : place + length])
        match random.randrange(8):
            case 0:
                changed[place] ^= 1 << random.randrange(8)
            case 1:
                changed[place] = random.randrange(256)
            case 2:
                changed[place : place + length] = bytes([random.choice(EDGES)]) * len(piece)
            case 3:
                width = random.choice((2, 4, 8))
                changed[place : place + width] = random.getrandbits(8 * width).to_bytes(width, "big")
            case 4:
                del changed[place : place + length]
            case 5:
                changed[place:place] = piece * random.choice((1, 3, 50))
            case 6:
                changed[place:place] = random.randbytes(length)
            case _:
                del changed[place + 1 : None if random.random() < 0.3 else place + 2]
        changed = changed or bytearray(b"\0")
    return bytes(changed)


def mutated_text(content: bytes, random: random.Random) -> bytes:
    """Put WORDS and lines of the text itself anywhere; sometimes damage bytes, too."""
    text = content.decode("utf-8")
    lines = text.splitlines(keepends=True)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        place = random.randrange(len(text) + 1)
        match random.randrange(4):
            case 0:
                text = text[:place] + random.choice(WORDS) + text[place:]
            case 1:
                text = text[:place] + random.choice(lines) * random.choice((1, 2, 40)) + text[place:]
            case 2:
                text = text[:place] + text[place + random.choice((1, 5, 50)) :]
            case _:
                end = text.find("\n", place)
                text = text[:place] + random.choice(WORDS) + (text[end:] if end >= 0 else "")
    damaged = text.encode("utf-8")
    return mutated_bytes(damaged or b"\0", random) if random.random() < 0.1 else damaged


def chosen(samples: Sequence[bytes], mutate: Mutate, kind: str, seed: int) -> bytes:
    """The content of case ``seed`` of a kind of file."""
    drawn = random.Random(f"{kind} {seed}")
    return mutate(drawn.choice(samples), drawn)


def _place(length: int, random: random.Random) -> int:
    """More often near the ends: there lie headers, directories and footers."""
    near = random.randrange(min(length, 200))
    return random.choice((random.randrange(length), near, length - 1 - near))


ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2**31, 2**63, 10**30, 10**400, 1e308, 0.5, float("nan"), float("inf")),
    *("", "x", "\0", "../../x", "/x", "a\nb", "\x1b[2J", "\u202e", "x" * 10_000, "é", "file:///x", "nan"),
    *([], {}, [[]], [None], {"": None}, {"x": {"x": []}}, [1, "a", {}], ["../x"] * 3),
)


def mutated_json(content: bytes, random: random.Random) -> bytes:
    """Change up to 4 values of one document, or of lines of documents; sometimes damage its text or bytes."""
    if (kind := random.random()) < 0.2:
        return mutated_text(content, random) if kind < 0.1 else mutated_bytes(content, random)
    lines = content.decode("utf-8").strip()
    documents = [lines] if lines.startswith(("{\n", "[\n")) or "\n" not in lines else lines.split("\n")
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        place = random.randrange(len(documents))
        match random.randrange(10) if len(documents) > 1 else 9:
            case 0:
                return "\n".join([*documents[:place], documents[place] * 2, *documents[place + 1 :]]).encode()
            case 1:
                documents.insert(random.randrange(len(documents)), documents[place])
            case 2:
                documents.pop(place)
            case _:
                documents[place] = json.dumps(_changed(json.loads(documents[place]), random))
    return "\n".join([*documents, ""]).encode("utf-8", "surrogatepass")


def _changed(value: Any, random: random.Random) -> Any:
    """The document with one value or key replaced, left out or added, at any depth."""
    if not isinstance(value, dict | list) or not value or random.random() < 0.1:
        alike = [one for one in ODD if type(one) is type(value)]  # is refused later than one of another type
        return random.choice(alike if alike and random.random() < 0.7 else ODD)
    if isinstance(value, list):
        place = random.randrange(len(value))
        return [*value[:place], _changed(value[place], random), *value[place + 1 :]]
    key = random.choice(list(value))
    match random.randrange(16):
        case 0:
            return {name: one for name, one in value.items() if name != key}
        case 1:
            return {
                (str(random.choice(ODD))[:100] if name == key else name): one for name, one in value.items()
            }
        case 2:
            return {**value, "new": random.choice(ODD)}
        case 3:
            return {**value, key: value[random.choice(list(value))]}
        case _:
            return {**value, key: _changed(value[key], random)}
