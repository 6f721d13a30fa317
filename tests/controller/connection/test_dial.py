"""Connecting: the first address that takes the connection, within one deadline for all."""

import socket
import time

import pytest

from waggle_live_controller.connection.dial import dial, in_turn

from ...leftovers import descriptors, new_descriptors
from ..conftest import dead, info


def address_of(server):
    return socket.AF_INET, ("127.0.0.1", int(server.url.rpartition(":")[2]))


def test_one_that_lives_is_reached_behind_dead_ones(server, deads):
    """Each address gets its try in the time that there is for all."""
    where = address_of(server)[1]
    for count in (1, 12):
        addresses = [info(each) for each in [*deads(count), where]]
        with dial(addresses, time.monotonic() + 6) as sock:
            assert sock.getpeername() == where


def test_dead_ones_take_the_deadline_once(deads):
    """However many they are; and nothing stays open."""
    addresses = [info(each) for each in deads(20)]
    before = descriptors()
    began = time.monotonic()
    with pytest.raises(socket.timeout, match="none of its addresses"):
        dial(addresses, began + 0.5)
    assert 0.49 < time.monotonic() - began < 5
    assert not new_descriptors(before)


def test_those_that_refuse_are_passed_by_at_once():
    """Their error is told when no address is left."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can
        refusing = info(bound.getsockname())
        began = time.monotonic()
        with pytest.raises(ConnectionRefusedError):
            dial([refusing] * 50, began + 20)
        assert time.monotonic() - began < 10
    with pytest.raises(OSError, match="no address"):
        dial([], time.monotonic() + 1)


def test_a_family_that_does_not_work_costs_a_moment(server):
    """An address of a family without a route is one that fails."""
    where = address_of(server)[1]
    broken = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("100::1", 9, 0, 0))
    with dial([broken, info(where)], time.monotonic() + 5) as sock:
        assert sock.getpeername() == where


def test_families_take_turns():
    """The resolver's order within a family, and its first family first."""
    four, six = [(4, number) for number in range(3)], [(6, number) for number in range(2)]
    assert in_turn(six + four) == [(6, 0), (4, 0), (6, 1), (4, 1), (4, 2)]
    assert in_turn([]) == []


def test_a_passed_deadline_tries_nothing(server):
    """A late look-up leaves no time."""
    with dead("127.0.2.1") as where, pytest.raises(socket.timeout):
        dial([info(where)], time.monotonic() - 1)
