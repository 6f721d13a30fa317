"""Folded stacks, times by ``root;caller;callee``: on the wire, and in the form of flame graphs."""

from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from .protocol import MAX_UPDATE_BYTES, encode_cell

#: The most stacks of a process, and bytes of their text. The rest is added up in
#: ``protocol.OTHER_FUNCTIONS``.
MAX_STACKS, MAX_STACKS_BYTES = 1000, 256 * 1024

#: Nanoseconds of wall clock and of CPU; the latter is None if unknown.
Times = Tuple[int, Optional[int]]


def encode_stacks(
    stacks: Mapping[str, Times], number: int, revision: int
) -> Iterator[Tuple[int, bytes]]:
    """Yield ``(number, line)`` for as many messages ``stacks`` as these need; none for no stacks.

    No line is longer than ``MAX_UPDATE_BYTES``; a stack that alone is longer is left out. The
    numbers rise from ``number``.
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


def flame_graph(processes: Iterable[Mapping[str, Times]]) -> Tuple[str, str]:
    """Return the lines ``a;b;c N`` that flame graphs are drawn from, and the meaning of N.

    N is microseconds of ``cpu``, or of ``wall`` if a process knows no CPU time at all. Stacks below
    one microsecond are left out.
    """
    told = list(processes)
    has_cpu = all(any(cpu is not None for _, cpu in each.values()) for each in told)
    sums: Dict[str, int] = {}
    for stacks in told:
        for stack, (wall, cpu) in stacks.items():
            sums[stack] = sums.get(stack, 0) + ((cpu or 0) if has_cpu else wall)
    lines = ["%s %d\n" % (_one_line(each), sums[each] // 1000) for each in sorted(sums)]
    text = "".join([line for line in lines if not line.endswith(" 0\n")])
    return text, "cpu" if has_cpu else "wall"


def _one_line(stack: str) -> str:
    return "".join([each if each.isprintable() else "?" for each in stack])
