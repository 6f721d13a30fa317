"""Counting on pictures whose true count is known."""

import pytest

from .conftest import EXAMPLE, import_from

try:
    import numpy as np
except ImportError:  # then there is no OpenCV either, and the fixture says so
    np = None
WIDTH, HEIGHT = 640, 360


@pytest.fixture
def movers(cv2, monkeypatch):
    """The module under test."""
    return import_from(EXAMPLE, "movers", monkeypatch)


def still(seed=1):
    """Return a still scene with some texture."""
    blocks = np.random.RandomState(seed).randint(60, 120, (HEIGHT // 20, WIDTH // 20, 3))
    return np.kron(blocks, np.ones((20, 20, 1))).astype(np.uint8)


def noisy(scene, number):
    """Return the scene as a sensor sees it, a little different each time."""
    noise = np.random.RandomState(number).normal(0, 3, scene.shape)
    return np.clip(scene + noise, 0, 255).astype(np.uint8)


def play(counter, squares, frames=60):
    """Show a still scene, then squares that move to the right; return the boxes of each frame."""
    found = []
    for number in range(frames):
        frame = noisy(still(), number)
        if number >= 20:
            for x, y in squares:
                left = x + 4 * (number - 20)
                frame[y : y + 60, left : left + 60] = (230, 230, 40)
        found.append(counter.find(frame))
    return found


@pytest.mark.parametrize(
    "squares",
    [
        [],
        [(20, 40)],
        [(20, 30), (20, 260)],
        [(20, 30), (20, 260), (330, 140)],
        [(10, 20), (10, 270), (230, 150), (420, 20), (420, 270)],
    ],
    ids=lambda squares: "%d" % len(squares),
)
def test_as_many_movers_as_there_are(movers, squares):
    """Each square that moves before a noisy still scene is one mover, in every frame."""
    found = play(movers.MoverCounter(), squares)
    assert [len(boxes) for boxes in found[:20]] == [0] * 20
    assert [len(boxes) for boxes in found[22:]] == [len(squares)] * 38


@pytest.mark.parametrize("width", [160, 320, 640])
def test_each_resolution_finds_them(movers, width):
    """The knob's choices differ in what they cost, and not in what they find of large movers."""
    counter = movers.MoverCounter()
    find, counter.find = counter.find, lambda frame: find(frame, width)
    found = play(counter, [(20, 30), (20, 260)])
    assert [len(boxes) for boxes in found[:20]] == [0] * 20
    assert [len(boxes) for boxes in found[22:]] == [2] * 38


def test_another_resolution_begins_anew(movers):
    """The first frame of another size is a new scene, and counting goes on from there."""
    counter = movers.MoverCounter()
    for number in range(30):
        assert counter.find(noisy(still(), number), 320 if number < 15 else 160) == []
    frame = noisy(still(), 30)
    frame[100:180, 100:180] = 230
    assert len(counter.find(frame, 160)) == 1


def test_a_box_lies_where_its_mover_is(movers):
    """Boxes come in the pixels of the frame that was given, not of the shrunk one."""
    ((x, y, width, height),) = play(movers.MoverCounter(), [(20, 40)])[-1]
    centre = (x + width / 2, y + height / 2)
    assert centre == pytest.approx((20 + 4 * 39 + 30, 70), abs=12)
    assert (width, height) == pytest.approx((60, 60), abs=24)
    assert all(type(side) is int for side in (x, y, width, height))


def test_a_new_scene_is_no_mover(movers):
    """A cut to another scene is learned as background, and counting goes on in it."""
    counter = movers.MoverCounter()
    for number in range(20):
        counter.find(noisy(still(), number))
    bright = 255 - still(seed=2)
    assert [len(counter.find(noisy(bright, number))) for number in range(20)] == [0] * 20
    bright[100:180, 100:180] = 0
    assert len(counter.find(noisy(bright, 21))) == 1


def test_specks_are_no_movers(movers):
    """What covers less than the smallest share of the picture isn't counted."""
    counter = movers.MoverCounter()
    for number in range(20):
        counter.find(noisy(still(), number))
    frame = noisy(still(), 20)
    frame[50:62, 50:62] = 255
    assert counter.find(frame) == []


@pytest.mark.parametrize("shape", [(2160, 3840), (272, 640), (120, 160)])
def test_any_size_of_frame(movers, shape):
    """Frames may be large or small; the box is in their own pixels."""
    counter = movers.MoverCounter()
    frame = np.full((*shape, 3), 90, np.uint8)
    for _ in range(5):
        assert counter.find(frame) == []
    height, width = shape
    frame[height // 4 : height // 2, width // 4 : width // 2] = 250
    ((x, y, _, _),) = counter.find(frame)
    assert (x, y) == pytest.approx((width // 4, height // 4), abs=width // 20)


def test_the_clip_has_movers(movers, cv2, clip):
    """In the real clip something moves most of the time, and never absurdly much."""
    capture = cv2.VideoCapture(str(clip))
    counter, counts = movers.MoverCounter(), []
    while True:
        more, frame = capture.read()
        if not more:
            break
        counts.append(len(counter.find(frame)))
    assert len(counts) == 250
    assert max(counts) <= 10
    assert 100 <= sum(count > 0 for count in counts) <= 240
