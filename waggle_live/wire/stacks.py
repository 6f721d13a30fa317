"""Folded stacks on the wire: nanoseconds by ``root;caller;callee``, while somebody asks."""

from typing import Iterator, List, Mapping, Optional, Tuple

from .protocol import MAX_UPDATE_BYTES, encode_cell

#: Nanoseconds of wall clock and of CPU, the latter None where it is not known.
Times = Tuple[int, Optional[int]]


def encode_stacks(
    stacks: Mapping[str, Times], number: int, revision: int
) -> Iterator[Tuple[int, bytes]]:
    """Yield ``(number, line)`` of as many messages ``stacks`` as those given need.

    No line is longer than ``MAX_UPDATE_BYTES``; a stack that alone would be is left out. The
    numbers rise from ``number``. No line for no stacks.
    """
    prefix = '{"type":"stacks","number":%d,"revision":%d,"stacks":{'
    room = MAX_UPDATE_BYTES - len(prefix) - 40  # two numbers, the end
    line: List[str] = []
    size = 0
    for stack, times in stacks.items():
        member = "%s:%s" % (encode_cell(stack), encode_cell(list(times)))  # type: ignore[arg-type]
        if len(member) > room:
            continue
        if size + len(member) > room:
            yield number, (prefix % (number, revision) + ",".join(line) + "}}\n").encode()
            number, line, size = number + 1, [], 0
        line.append(member)
        size += len(member) + 1
    if line:
        yield number, (prefix % (number, revision) + ",".join(line) + "}}\n").encode()
