"""Draw people as cameras see them: each has an appearance, each camera a place and light, each image a pose.

Lengths are in heights of the figure, x to the right of its middle, y down from the top of its head. P x Q:
height and width of the canvas (px), twice those of the image. Random numbers are counter-based (see
randomness.py) and only sums, products and roots follow, so images are the same on any machine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum

import numpy as np
import numpy.typing as npt

from platform.datasets.arrays import Pixels
from platform.datasets.randomness import uniforms

HEIGHT, WIDTH = 64, 32  # px
FINER = 2  # canvas pixels per image pixel, along each side; _exposed averages them

Plane = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Rgb = npt.NDArray[np.float64]

SKINS = np.array([[0.96, 0.80, 0.69], [0.85, 0.64, 0.49], [0.62, 0.42, 0.29], [0.38, 0.25, 0.17]])
HAIRS = np.array([[0.09, 0.07, 0.06], [0.33, 0.21, 0.12], [0.76, 0.60, 0.33], [0.55, 0.54, 0.53]])
CLOTHES = np.array(
    [
        *([0.12, 0.12, 0.14], [0.92, 0.92, 0.90], [0.52, 0.53, 0.55], [0.14, 0.20, 0.42]),
        *([0.72, 0.13, 0.15], [0.16, 0.42, 0.24], [0.86, 0.70, 0.22], [0.45, 0.28, 0.52]),
        *([0.36, 0.58, 0.76], [0.56, 0.40, 0.27]),
    ]
)
SHADES = 0.1  # largest difference of a garment's colour from its palette's

Pattern = IntEnum("Pattern", "PLAIN HOOPS STRIPES CHECKS BLOCK", start=0)
Legs = IntEnum("Legs", "LONG SHORT SKIRT", start=0)
Bag = IntEnum("Bag", "NONE BACKPACK LEFT RIGHT", start=0)


class Facing(Enum):
    FRONT = "front"
    BACK = "back"
    SIDE = "side"


class Draw(IntEnum):
    """What random numbers are for: the counter's second word."""

    PERSON = 1
    POSE = 2
    GRAIN = 3


SEED = 1501


@dataclass(frozen=True)
class Camera:
    """``size``: the figure's height in the image; ``feet``: shortens its lower half, as seen from above."""

    facing: Facing
    size: float
    feet: float
    light: tuple[float, float, float]
    wall: tuple[float, float, float]
    floor: tuple[float, float, float]
    bars: float  # of the wall, as a share of the image's width
    blur: int  # how often neighbouring pixels are averaged
    grain: float


PLACES = (
    Camera(
        Facing.FRONT, 0.92, 1.00, (1.03, 1.00, 0.95), (0.62, 0.60, 0.56), (0.47, 0.45, 0.42), 0.00, 0, 0.03
    ),
    Camera(
        Facing.BACK, 0.88, 0.97, (0.78, 0.83, 0.92), (0.48, 0.52, 0.54), (0.38, 0.41, 0.40), 0.25, 1, 0.05
    ),
    Camera(
        Facing.SIDE, 0.95, 1.00, (1.10, 1.00, 0.85), (0.66, 0.59, 0.50), (0.52, 0.48, 0.41), 0.12, 0, 0.04
    ),
    Camera(
        Facing.FRONT, 0.82, 0.88, (0.87, 0.92, 0.88), (0.50, 0.55, 0.48), (0.54, 0.55, 0.54), 0.50, 1, 0.04
    ),
)
CAMERAS = len(PLACES)


@dataclass(frozen=True)
class Person:
    """The features of a person that all cameras see alike."""

    skin: Rgb
    hair: Rgb
    is_long_haired: bool
    shirt: Rgb
    print_: Rgb
    pattern: int
    has_sleeves: bool
    trousers: Rgb
    legs: int
    shoes: Rgb
    bag: int
    bag_colour: Rgb
    breadth: float
    tallness: float

    @classmethod
    def of(cls, number: int) -> "Person":
        numbers = iter(_numbers(Draw.PERSON, number, 32))

        def one_of(colours: Rgb) -> Rgb:
            colour = colours[int(next(numbers) * len(colours))]
            return np.asarray(colour + SHADES * (np.array([next(numbers) for _ in range(3)]) - 0.5))

        def choice(kinds: int) -> int:
            return int(next(numbers) * kinds)

        return cls(
            skin=SKINS[choice(len(SKINS))],
            hair=HAIRS[choice(len(HAIRS))],
            is_long_haired=next(numbers) < 0.4,
            shirt=one_of(CLOTHES),
            print_=one_of(CLOTHES),
            pattern=choice(len(Pattern)),
            has_sleeves=next(numbers) < 0.6,
            trousers=one_of(CLOTHES),
            legs=choice(len(Legs)) if next(numbers) < 0.5 else Legs.LONG,
            shoes=CLOTHES[choice(3)],
            bag=choice(len(Bag)),
            bag_colour=CLOTHES[choice(len(CLOTHES))],
            breadth=0.85 + 0.35 * next(numbers),
            tallness=0.9 + 0.1 * next(numbers),
        )


class Canvas:
    """Shapes painted over a background; ``x`` [1, Q] and ``y`` [P, 1] locate pixels in the figure."""

    def __init__(self, x_1Q: Plane, y_P1: Plane) -> None:
        self.x, self.y = x_1Q, y_P1
        self._colours: list[Rgb] = [np.zeros(3)]
        self._painted_PQ = np.zeros((len(y_P1), x_1Q.shape[1]), dtype=np.uint8)  # place among the colours

    def paint(self, mask: Mask, colour: Rgb) -> None:
        self._painted_PQ[np.broadcast_to(mask, self._painted_PQ.shape)] = len(self._colours)
        self._colours.append(colour)

    def over(self, background_PQ3: Plane) -> Plane:
        """[P, Q, 3]"""
        colours_PQ3 = np.stack(self._colours)[self._painted_PQ]
        return np.where(self._painted_PQ[..., None] == 0, background_PQ3, colours_PQ3)

    def ellipse(self, x: float, y: float, across: float, down: float) -> Mask:
        return np.asarray(((self.x - x) / across) ** 2 + ((self.y - y) / down) ** 2 <= 1)

    def box(self, left: float, right: float, top: float, bottom: float) -> Mask:
        return np.asarray((self.x >= left) & (self.x <= right) & (self.y >= top) & (self.y <= bottom))

    def limb(self, start: tuple[float, float], end: tuple[float, float], thick: float) -> Mask:
        """All points at most ``thick`` from the line between two points."""
        along_x, along_y = end[0] - start[0], end[1] - start[1]
        from_x, from_y = self.x - start[0], self.y - start[1]
        share = (from_x * along_x + from_y * along_y) / (along_x**2 + along_y**2)
        share = np.clip(share, 0, 1)
        return np.asarray((from_x - share * along_x) ** 2 + (from_y - share * along_y) ** 2 <= thick**2)


def draw(number: int, camera: int, take: int, *, cut_off: bool) -> Pixels:
    """[64, 32, 3] uint8; ``cut_off``: a bad detection, which shows only a part of a person."""
    place, person = PLACES[camera - 1], Person.of(number)
    which = (number * CAMERAS + camera) * 1000 + take
    numbers = _numbers(Draw.POSE, which, 12)
    canvas = Canvas(*_lengths(place, person, numbers[:4], cut_off))
    _figure(canvas, person, place.facing, swing=0.12 * (numbers[5] - 0.5), mirrored=numbers[6] < 0.5)
    if numbers[7] < 0.15:  # somebody or something stands in front
        across = 0.7 * (numbers[8] - 0.5)
        canvas.paint(canvas.box(across - 0.05, across + 0.05, -1.0, 2.0), np.array(place.floor) * 0.6)
    colours_PQ3 = canvas.over(_background(place, numbers[4]))
    return _exposed(colours_PQ3, place, 0.85 + 0.3 * numbers[9], which)


def _numbers(what: Draw, which: int, count: int) -> npt.NDArray[np.float64]:
    numbers: Plane = uniforms(SEED, int(what), np.array([which]), count)[0]
    return numbers


def _lengths(place: Camera, person: Person, numbers: Plane, cut_off: bool) -> tuple[Plane, Plane]:
    """x [1, Q] and y [P, 1] of the pixels: the figure stands near the middle, its feet near the end."""
    rows, columns = HEIGHT * FINER, WIDTH * FINER
    size = place.size * person.tallness * (0.94 + 0.12 * numbers[0]) * rows
    size *= 1.9 if cut_off else 1
    x_Q = (np.arange(columns) + 0.5 - columns * (0.5 + 0.2 * (numbers[1] - 0.5))) / size
    y_P = (np.arange(rows) + 0.5 - rows * (0.97 + 0.04 * (numbers[2] - 0.5))) / size + 1
    y_P = y_P + (0.9 * (numbers[3] - 0.5) if cut_off else 0)
    return x_Q[None, :], np.where(y_P > 0.5, 0.5 + (y_P - 0.5) / place.feet, y_P)[:, None]


def _background(place: Camera, shift: float) -> Plane:
    rows, columns = np.arange(HEIGHT * FINER), np.arange(WIDTH * FINER)
    is_wall_P = rows < len(rows) * (0.6 + 0.15 * shift)
    wall_Q3 = np.tile(np.array(place.wall), (len(columns), 1))
    if place.bars:
        period = place.bars * len(columns)
        wall_Q3[(columns + shift * len(columns)) % period < period * 0.4] *= 0.7
    colours_PQ3 = np.where(is_wall_P[:, None, None], wall_Q3, np.array(place.floor))
    return np.asarray(colours_PQ3 * (1.1 - 0.2 * rows / len(rows))[:, None, None])


def _figure(canvas: Canvas, person: Person, facing: Facing, *, swing: float, mirrored: bool) -> None:
    if mirrored and facing is Facing.SIDE:
        canvas.x = -canvas.x
    half = 0.11 * person.breadth * (0.7 if facing is Facing.SIDE else 1)
    if person.bag == Bag.BACKPACK and facing is Facing.SIDE:
        canvas.paint(canvas.ellipse(-half - 0.03, 0.3, 0.06, 0.12), person.bag_colour)
    _legs(canvas, person, half, swing * (2 if facing is Facing.SIDE else 1))
    _arms(canvas, person, half, swing)
    _torso(canvas, person, facing, half)
    _head(canvas, person, facing)
    if person.bag == Bag.BACKPACK and facing is Facing.BACK:
        canvas.paint(canvas.box(-half * 0.8, half * 0.8, 0.18, 0.42), person.bag_colour)
    if person.bag in (Bag.LEFT, Bag.RIGHT):
        on_the_left = (person.bag == Bag.LEFT) != (facing is Facing.BACK)
        at = (-half - 0.05) if on_the_left else (half + 0.05)
        canvas.paint(canvas.box(at - 0.045, at + 0.045, 0.46, 0.58), person.bag_colour)


def _legs(canvas: Canvas, person: Person, half: float, swing: float) -> None:
    hip, thick = half * 0.5, 0.048 * person.breadth
    for side in (-1, 1):
        foot = (side * hip + side * swing, 0.95)
        knee = (side * hip + side * swing * 0.5, 0.72)
        canvas.paint(canvas.limb((side * hip, 0.5), foot, thick * 0.8), person.skin)
        covered = foot if person.legs == Legs.LONG else knee
        canvas.paint(canvas.limb((side * hip, 0.5), covered, thick), person.trousers)
        canvas.paint(canvas.ellipse(foot[0], 0.975, 0.05, 0.028), person.shoes)
    if person.legs == Legs.SKIRT:
        flared = np.abs(canvas.x) <= half * 0.8 + 0.25 * (canvas.y - 0.48)
        canvas.paint(flared & (canvas.y >= 0.48) & (canvas.y <= 0.72), person.trousers)


def _arms(canvas: Canvas, person: Person, half: float, swing: float) -> None:
    for side in (-1, 1):
        shoulder = (side * (half - 0.01), 0.2)
        elbow = (side * (half + 0.035), 0.34)
        hand = (side * (half + 0.045 + swing), 0.48)
        canvas.paint(canvas.limb(elbow, hand, 0.026), person.shirt if person.has_sleeves else person.skin)
        canvas.paint(canvas.limb(shoulder, elbow, 0.034), person.shirt)
        canvas.paint(canvas.ellipse(hand[0], 0.49, 0.024, 0.024), person.skin)


PRINTS: dict[int, Callable[[Plane, Plane], Mask]] = {
    Pattern.PLAIN: lambda x, y: np.zeros((1, 1), dtype=np.bool_),
    Pattern.HOOPS: lambda x, y: np.asarray(y % 0.1 < 0.05),
    Pattern.STRIPES: lambda x, y: np.asarray(x % 0.08 < 0.04),
    Pattern.CHECKS: lambda x, y: np.asarray((x % 0.12 < 0.06) != (y % 0.12 < 0.06)),
    Pattern.BLOCK: lambda x, y: np.asarray(y > 0.33),
}


def _torso(canvas: Canvas, person: Person, facing: Facing, half: float) -> None:
    torso = canvas.box(-half, half, 0.19, 0.52) | canvas.ellipse(0, 0.2, half, 0.045)
    canvas.paint(torso, person.shirt)
    canvas.paint(torso & PRINTS[person.pattern](canvas.x, canvas.y), person.print_)
    if person.bag == Bag.BACKPACK and facing is Facing.FRONT:
        straps = np.abs(np.abs(canvas.x) - half * 0.6) <= 0.014
        canvas.paint(torso & straps & (canvas.y <= 0.4), person.bag_colour)


def _head(canvas: Canvas, person: Person, facing: Facing) -> None:
    canvas.paint(canvas.box(-0.03, 0.03, 0.12, 0.19), person.skin)
    face = canvas.ellipse(0, 0.08, 0.062, 0.08)
    canvas.paint(face, person.skin)
    if person.is_long_haired:
        behind = np.abs(canvas.x) >= 0.04 if facing is Facing.FRONT else canvas.x <= 0.01
        hair = canvas.ellipse(0, 0.11, 0.08, 0.11)
        canvas.paint(hair if facing is Facing.BACK else hair & behind, person.hair)
    is_hair = {Facing.FRONT: canvas.y <= 0.045, Facing.BACK: canvas.y <= 0.13}.get(
        facing, (canvas.y <= 0.045) | (canvas.x <= -0.015)
    )
    canvas.paint(face & is_hair, person.hair)


def _exposed(colours_PQ3: Plane, place: Camera, gain: float, which: int) -> Pixels:
    """The image [64, 32, 3] that the camera takes of the canvas."""
    columns = colours_PQ3[0::FINER] + colours_PQ3[1::FINER]
    picture = (columns[:, 0::FINER] + columns[:, 1::FINER]) / FINER**2
    for _ in range(place.blur):
        edged = np.pad(picture, ((1, 1), (1, 1), (0, 0)), mode="edge")
        picture = (edged[:-2, 1:-1] + edged[2:, 1:-1] + edged[1:-1, :-2] + edged[1:-1, 2:]) / 8 + picture / 2
    grain = _numbers(Draw.GRAIN, which, picture.size).reshape(picture.shape) - 0.5
    exposed = picture * np.array(place.light) * gain + 2 * place.grain * grain
    return np.asarray((np.clip(exposed, 0, 1) * 255 + 0.5).astype(np.uint8))
