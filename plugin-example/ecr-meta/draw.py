"""Draw the two pictures that the Edge Code Repository shows, from nothing but this file.

The street is drawn and not filmed, so that there is no footage and nobody's face to ask leave
for; the boxes and the curve are what the plugin's own counter really found in it.
"""

import math
import sys
from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from movers import MoverCounter  # noqa: E402

# Colours are blue, green, red, as OpenCV has them.
HONEY = (48, 172, 246)
NIGHT = (44, 30, 20)
CHALK = (240, 240, 236)
DIM = (170, 152, 138)
SKY = (240, 222, 196)
HOUSES = [(128, 150, 196), (176, 196, 214), (112, 128, 168), (150, 168, 150), (196, 204, 216)]
PAVEMENT = (186, 190, 192)
ROAD = (98, 90, 86)
GLASS = (218, 200, 176)
DARK = (52, 44, 42)
LEAVES = (92, 138, 96)

FPS = 25
SECONDS = 10
SHOWN = 6  # the moment of the picture
WIDTH, HEIGHT = 1920, 1080
STREET = 760  # of the picture's height


class Canvas:
    """Drawing in the picture's own coordinates at any scale, so that large ones can be shrunk."""

    def __init__(self, width, height, scale, colour):
        self.scale = scale
        self.image = np.full((round(height * scale), round(width * scale), 3), colour, np.uint8)

    def _at(self, *points):
        return [tuple(round(side * self.scale) for side in point) for point in points]

    def box(self, x, y, width, height, colour, *, thickness=0):
        line = max(1, round(thickness * self.scale)) if thickness else cv2.FILLED
        cv2.rectangle(self.image, *self._at((x, y), (x + width, y + height)), colour, line)

    def shape(self, points, colour):
        cv2.fillPoly(self.image, [np.array(self._at(*points), np.int32)], colour)

    def disc(self, x, y, radius, colour, *, thickness=0):
        line = max(1, round(thickness * self.scale)) if thickness else cv2.FILLED
        cv2.circle(self.image, *self._at((x, y)), round(radius * self.scale), colour, line)

    def line(self, points, colour, thickness):
        for start, end in zip(self._at(*points), self._at(*points[1:])):
            cv2.line(self.image, start, end, colour, max(1, round(thickness * self.scale)))

    def text(self, words, x, y, size, colour, *, thickness=2):
        where, size = self._at((x, y))[0], size * self.scale
        font, line = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(thickness * self.scale))
        cv2.putText(self.image, words, where, font, size, colour, line, cv2.LINE_AA)

    def save(self, path, width, height):
        image = cv2.resize(self.image, (width, height), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 90])


def scenery(canvas):
    """Draw what stands still: houses, a tree, lamps, pavement and road."""
    canvas.box(0, 0, WIDTH, STREET, SKY)
    x = 0
    for number, width in enumerate((330, 270, 390, 250, 360, 330)):
        top = 60 + 34 * (number * 7 % 4)
        canvas.box(x, top, width, 420 - top, HOUSES[number % len(HOUSES)])
        canvas.box(x, top, width, 12, DARK)
        for row in range(top + 50, 280, 92):
            for window in range(x + 34, x + width - 60, 84):
                canvas.box(window, row, 44, 60, GLASS)
                canvas.box(window, row, 44, 60, DARK, thickness=3)
        canvas.box(x + 34, 350, width - 160, 52, GLASS)
        canvas.box(x + 34, 350, width - 160, 52, DARK, thickness=3)
        canvas.box(x + width - 92, 346, 50, 74, DARK)
        x += width
    canvas.box(0, 420, WIDTH, 90, PAVEMENT)
    canvas.box(0, 506, WIDTH, 8, DIM)
    canvas.box(0, 514, WIDTH, STREET - 514, ROAD)
    for dash in range(-40, WIDTH, 160):
        canvas.box(dash, 632, 90, 7, CHALK)
    for x in (610, 1570):
        canvas.box(x, 290, 18, 170, (70, 92, 116))
        for dx, dy, radius in ((0, 250, 66), (-46, 286, 50), (52, 284, 52), (8, 200, 46)):
            canvas.disc(x + 9 + dx, dy, radius, LEAVES)


def wheels(canvas, y, radius, *xs):
    for x in xs:
        canvas.disc(x, y, radius, DARK)
        canvas.disc(x, y, radius * 0.5, DIM)


def car(canvas, x, y, colour):
    """Draw a car whose front wheel stands on height ``y``, driving to the right."""
    cabin = [(x + 62, y - 62), (x + 104, y - 112), (x + 206, y - 112), (x + 250, y - 62)]
    canvas.shape(cabin, colour)
    canvas.shape(
        [(x + 80, y - 64), (x + 112, y - 102), (x + 150, y - 102), (x + 150, y - 64)], GLASS
    )
    canvas.shape(
        [(x + 160, y - 64), (x + 160, y - 102), (x + 200, y - 102), (x + 232, y - 64)], GLASS
    )
    body = [(x, y - 22), (x + 6, y - 60), (x + 60, y - 66), (x + 260, y - 66)]
    canvas.shape([*body, (x + 312, y - 50), (x + 320, y - 22)], colour)
    wheels(canvas, y - 24, 28, x + 70, x + 248)


def van(canvas, x, y, colour):
    """Draw a van on height ``y``, driving to the left."""
    canvas.shape([(x + 70, y - 170), (x + 380, y - 170), (x + 380, y - 22), (x, y - 22)], colour)
    canvas.shape([(x, y - 22), (x + 6, y - 84), (x + 70, y - 170), (x + 120, y - 170)], colour)
    canvas.shape(
        [(x + 30, y - 92), (x + 76, y - 154), (x + 112, y - 154), (x + 112, y - 92)], GLASS
    )
    canvas.box(x + 150, y - 104, 200, 16, HONEY)
    wheels(canvas, y - 24, 28, x + 84, x + 300)


def cyclist(canvas, x, y, clothes, turn):
    """Draw someone on a bicycle riding to the right; ``turn`` is the pedals' angle."""
    rear, front, crank = (x, y - 36), (x + 118, y - 36), (x + 54, y - 38)
    for hub in (rear, front):
        canvas.disc(*hub, 36, DARK, thickness=6)
    saddle, head = (x + 36, y - 98), (x + 100, y - 98)
    canvas.line([rear, saddle, crank, rear], DARK, 7)
    canvas.line([crank, head, front], DARK, 7)
    canvas.line([saddle, head, (x + 102, y - 118), (x + 118, y - 120)], DARK, 7)
    for side, colour in ((0, (110, 80, 60)), (math.pi, (146, 110, 84))):
        foot = (crank[0] + 17 * math.cos(turn + side), crank[1] + 17 * math.sin(turn + side))
        knee = ((saddle[0] + foot[0]) / 2 + 26, (saddle[1] + foot[1]) / 2 - 12)
        canvas.line([saddle, knee, foot, (foot[0] + 12, foot[1] + 1)], colour, 12)
    shoulder = (x + 70, y - 158)
    canvas.line([(saddle[0], saddle[1] - 6), shoulder], clothes, 28)
    canvas.line([shoulder, (x + 90, y - 126), (x + 114, y - 122)], clothes, 13)
    canvas.disc(x + 82, y - 190, 19, (104, 134, 190))
    canvas.shape(
        [(x + 60, y - 194), (x + 68, y - 212), (x + 94, y - 214), (x + 104, y - 196)], HONEY
    )


def walker(canvas, x, y, clothes, stride):
    """Draw someone walking; ``stride`` is the swing of the legs in radians."""
    hip, neck = (x, y - 70), (x, y - 128)
    for swing in (stride, -stride):
        canvas.line([hip, (x + 70 * math.sin(swing), y - 70 + 70 * math.cos(swing))], DARK, 14)
        canvas.line([neck, (x - 48 * math.sin(swing), y - 128 + 50 * math.cos(swing))], clothes, 9)
    canvas.line([hip, neck], clothes, 28)
    canvas.disc(x, y - 154, 17, (70, 96, 140))


def street(seconds, scale):
    """Return the street as it is so many seconds after the start, when it is empty."""
    canvas = Canvas(WIDTH, STREET, scale, SKY)
    scenery(canvas)
    stride = 0.5 * math.sin(seconds * 6)
    walker(canvas, 170 + 200 * (seconds - SHOWN), 486, (90, 84, 190), stride)
    walker(canvas, 1480 - 170 * (seconds - SHOWN), 490, (170, 120, 60), stride)
    van(canvas, 790 - 420 * (seconds - SHOWN), 612, CHALK)
    cyclist(canvas, 430 + 300 * (seconds - SHOWN), 740, (60, 140, 60), seconds * 5)
    car(canvas, 1570 + 520 * (seconds - SHOWN), 742, (64, 60, 200))
    return canvas


def count_street():
    """Return the boxes that the plugin's counter finds in each frame of the drawn street."""
    movers, scale = MoverCounter(), 1 / 3
    found = []
    for number in range(FPS * SECONDS):
        boxes = movers.find(street(number / FPS, scale).image)
        found.append([tuple(side / scale for side in box) for box in boxes])
    return found


def curve(canvas, counts, top):
    """Draw the counts over time, and where in it the picture was taken."""
    left, right, bottom = 130, WIDTH - 130, HEIGHT - 66
    most, step = max(counts) + 1, (right - left) / len(counts)

    def height_of(count):
        return bottom - count * (bottom - top) / most

    for count in range(most):
        canvas.line([(left, height_of(count)), (right, height_of(count))], (78, 62, 50), 2)
        canvas.text(str(count), left - 44, height_of(count) + 11, 0.9, DIM)
    steps = []
    for number, count in enumerate(counts):
        steps += [
            (left + number * step, height_of(count)),
            (left + (number + 1) * step, height_of(count)),
        ]
    canvas.line(steps, HONEY, 6)
    for second in range(0, SECONDS + 1, 2):
        canvas.text("%d s" % second, left + second * FPS * step - 18, bottom + 44, 0.8, DIM)
    shown = left + SHOWN * FPS * step
    canvas.line([(shown, top - 8), (shown, bottom)], CHALK, 3)
    canvas.disc(shown, height_of(counts[int(SHOWN * FPS)]), 13, CHALK)


def science_image(path):
    """Draw the street with the movers boxed, above the curve of their number."""
    found = count_street()
    canvas = Canvas(WIDTH, HEIGHT, 2, NIGHT)
    picture = street(SHOWN, 2).image
    canvas.image[: picture.shape[0]] = picture
    for x, y, width, height in found[int(SHOWN * FPS)]:
        canvas.box(x, y, width, height, HONEY, thickness=6)
    canvas.text("env.count.mover", 130, STREET + 64, 1.3, CHALK, thickness=3)
    curve(canvas, [len(boxes) for boxes in found], STREET + 100)
    canvas.save(path, WIDTH, HEIGHT)


def icon(path):
    """Draw a cyclist hurrying through a cell of the comb."""
    canvas = Canvas(340, 340, 6, NIGHT)
    for radius, colour in ((164, HONEY), (146, CHALK)):
        angles = [math.pi / 3 * corner + math.pi / 6 for corner in range(6)]
        cell = [
            (170 + radius * math.cos(angle), 170 + radius * math.sin(angle)) for angle in angles
        ]
        canvas.shape(cell, colour)
    cyclist(canvas, 116, 264, (150, 96, 40), 0.9)
    for start, end, y in ((76, 138, 116), (52, 120, 146), (66, 108, 176)):
        canvas.line([(start, y), (end, y)], HONEY, 9)
    canvas.save(path, 512, 512)


if __name__ == "__main__":
    icon(HERE / "ecr-icon.jpg")
    science_image(HERE / "ecr-science-image.jpg")
