"""Finding what moves in a picture: background subtraction and a little tidying up."""

import cv2

#: Frames are shrunk to this many pixels across, unless :meth:`MoverCounter.find` is told another
#: width: a quarter of the work for nearly the same count.
WIDTH = 320
#: A mover covers at least this share of the picture; less is leaves, rain and noise.
SMALLEST = 0.006
#: The share of each new frame in the background: what stands still for long enough becomes a part
#: of it, and a camera that trembles a little doesn't make everything move.
PACE = 0.008
#: A mean change of more grey levels than this, from one frame to the next, is a new scene.
CUT = 35


class MoverCounter:
    """Learns the still background of a scene and finds the movers before it.

    Frames are fed in the order they were taken, all of one size. Not safe across threads.
    """

    def __init__(self):
        self._background = None
        self._last = None

    def find(self, frame, width=WIDTH):
        """Return a box ``(x, y, width, height)``, in the frame's own pixels, for each mover.

        The frame is shrunk to ``width`` pixels; another width than before begins a new background.
        """
        scale = frame.shape[1] / width
        mask = self._foreground(_shrunk(frame, (width, max(1, round(frame.shape[0] / scale)))))
        if mask is None:
            return []
        mask = _tidied(mask, width / WIDTH)
        # OpenCV 3, which older Jetson images have, returns the picture too, before the outlines.
        outlines = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[-2]
        return [
            tuple(round(side * scale) for side in cv2.boundingRect(outline))
            for outline in outlines
            if cv2.contourArea(outline) >= SMALLEST * mask.size
        ]

    def _foreground(self, small):
        """Return which pixels are not of the background, and learn it; None in a new scene."""
        if not self._is_new_scene(small):
            return self._background.apply(small, learningRate=PACE)
        # A cut, a turned camera, lights switched on: against the old background all would move.
        self._background = cv2.createBackgroundSubtractorMOG2(varThreshold=60, detectShadows=False)
        # MOG2 calls its whole first frame foreground.
        self._background.apply(small, learningRate=PACE)
        return None

    def _is_new_scene(self, small):
        last, self._last = self._last, small
        return last is None or last.shape != small.shape or cv2.absdiff(small, last).mean() > CUT


def _shrunk(frame, size):
    return cv2.GaussianBlur(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), (5, 5), 0)


def _tidied(mask, scale):
    """Return a mask without specks and with what lies close joined."""
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _ellipse(5 * scale))
    # A walker comes out of the subtraction as shirt, bag and shoes.
    return cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _ellipse(31 * scale))


def _ellipse(across):
    """Return a round brush of an odd number of pixels across."""
    side = 2 * round((across - 1) / 2) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
