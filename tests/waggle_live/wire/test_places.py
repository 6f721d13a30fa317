"""Where the socket stands if nothing names another place."""

import pytest

from waggle_live.wire.places import DEFAULT_SOCKET_PATHS, fits, user_socket_paths


def test_the_documented_paths():
    """The paths are a contract with deployments."""
    assert DEFAULT_SOCKET_PATHS == (
        "/run/waggle/live-metrics/live_metrics.sock",
        "/app/live_metrics.sock",
    )


@pytest.mark.parametrize(
    "environ, directories",
    [
        ({}, ["/run/user/7/waggle"]),
        ({"XDG_RUNTIME_DIR": "", "HOME": "/home/a"}, ["/run/user/7/waggle", "/home/a/.waggle"]),
        ({"XDG_RUNTIME_DIR": "/x", "HOME": "/home/a"}, ["/x/waggle", "/home/a/.waggle"]),
        ({"XDG_RUNTIME_DIR": "relative", "HOME": "a"}, []),
        ({"XDG_RUNTIME_DIR": "/" + "x" * 100, "HOME": "/" + "y" * 100}, []),
        ({"XDG_RUNTIME_DIR": "/a\0b", "HOME": "/home/\udcff"}, ["/home/\udcff/.waggle"]),
    ],
)
def test_the_places_of_a_user(environ, directories):
    """The runtime directory, then the home; what is relative or too long for a socket is none."""
    paths = [each + "/live_metrics.sock" for each in directories]
    assert user_socket_paths(environ, 7) == paths


@pytest.mark.parametrize("length, answer", [(107, True), (108, False)])
def test_the_longest_path(length, answer):
    """The kernel takes 107 bytes and the zero behind them."""
    assert fits("/" + "x" * (length - 1)) is answer
    assert fits("/" + "\u00e9" * ((length - 1) // 2) + "x" * ((length - 1) % 2)) is answer
