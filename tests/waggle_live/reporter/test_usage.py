"""CPU seconds and memory, from fake kernels."""

import os
import time

import pytest

from waggle_live.reporter.usage import ProcessUsage

pytestmark = pytest.mark.oldest_and_newest

PAGE = os.sysconf("SC_PAGE_SIZE")


def make(root, files):
    """Write files of a fake root and return its path."""
    for path, text in dict({"proc/self/statm": "900 123 50 1 0 100 0"}, **files).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return str(root)


V1_STAT = "cache 7\ninactive_file 5\ntotal_cache 9\ntotal_inactive_file 300\n"
V2_STAT = "anon 5\nfile 900\ninactive_file 200\nactive_file 7\n"
POD = "/kubepods/burstable/pod1234/abc"


@pytest.mark.parametrize(
    "files, memory",
    [
        (  # v2 with the host's view
            {
                "proc/self/cgroup": "0::" + POD + "\n",
                "sys/fs/cgroup" + POD + "/memory.current": "1000\n",
                "sys/fs/cgroup" + POD + "/memory.stat": V2_STAT,
            },
            800,
        ),
        (  # v2 with a cgroup namespace
            {
                "proc/self/cgroup": "0::/\n",
                ".dockerenv": "",
                "sys/fs/cgroup/memory.current": "1000\n",
                "sys/fs/cgroup/memory.stat": V2_STAT,
            },
            800,
        ),
        (  # v1, its own part mounted
            {
                "proc/self/cgroup": "12:cpu,cpuacct:%s\n5:memory:%s\n1:name=systemd:%s\n0::/\n"
                % (POD, POD, POD),
                "sys/fs/cgroup/memory/memory.usage_in_bytes": "1000\n",
                "sys/fs/cgroup/memory/memory.stat": V1_STAT,
            },
            700,
        ),
        (  # v1 with the host's view, memory mounted with another controller
            {
                "proc/self/cgroup": "5:hugetlb,memory:%s\n" % POD,
                "sys/fs/cgroup/memory" + POD + "/memory.usage_in_bytes": "1000\n",
                "sys/fs/cgroup/memory" + POD + "/memory.stat": V1_STAT,
            },
            700,
        ),
        (  # no inactive file figure
            {
                "proc/self/cgroup": "0::" + POD,
                "sys/fs/cgroup/memory.current": "1000",
                "sys/fs/cgroup/memory.stat": "anon 4\n",
            },
            1000,
        ),
        (  # more inactive than used: they are read one after the other
            {
                "proc/self/cgroup": "0::" + POD,
                "sys/fs/cgroup/memory.current": "100",
                "sys/fs/cgroup/memory.stat": V2_STAT,
            },
            0,
        ),
    ],
)
def test_container(tmp_path, files, memory):
    """The working set of the container, from cgroup v2 and v1, wherever they are mounted."""
    found = ProcessUsage(make(tmp_path, files)).read()
    assert found["memory_scope"] == "container"
    assert found["memory_bytes"] == memory


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": "0::/user.slice/session-1.scope\n"},
        {
            "proc/self/cgroup": "0::/user.slice\n",
            "sys/fs/cgroup/user.slice/memory.current": "1",
        },
        {"proc/self/cgroup": "0::" + POD},  # a container without memory files
        {"proc/self/cgroup": "garbage\n\n:::::\n"},
        {  # an unpacked image, in the cgroup of whatever runs it
            ".dockerenv": "",
            "proc/self/cgroup": "4:memory:/job/82c1f\n0::/\n",
            "sys/fs/cgroup/memory/job/82c1f/memory.usage_in_bytes": "453000000",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "453000000",
        },
        {  # beside a runtime, but in none of its containers
            "proc/self/cgroup": "0::/system.slice/docker.service\n",
            "sys/fs/cgroup/system.slice/docker.service/memory.current": "453000000",
        },
        {
            "proc/self/cgroup": "0::/user.slice/my-docker-tests.scope\n",
            "sys/fs/cgroup/user.slice/my-docker-tests.scope/memory.current": "453000000",
        },
    ],
)
def test_outside_of_a_container(tmp_path, files):
    """The resident set of the process, since the cgroup there is a whole session's."""
    found = ProcessUsage(make(tmp_path, files)).read()
    assert found["memory_scope"] == "process"
    assert found["memory_bytes"] == 123 * PAGE


def test_a_pod_s_id_makes_no_container_of_a_session(tmp_path, monkeypatch):
    """Whoever tries a plugin on a laptop may set it, and has the laptop's cgroups."""
    monkeypatch.setenv("WAGGLE_APP_ID", "uid")
    session = "/user.slice/user-1000.slice/session-1.scope"
    files = {"sys/fs/cgroup/user.slice/memory.current": "7", "proc/self/cgroup": "0::" + session}
    files["sys/fs/cgroup%s/memory.current" % session] = "453000000"
    assert ProcessUsage(make(tmp_path, files)).read()["memory_bytes"] == 123 * PAGE


def test_marks_of_a_container(tmp_path, monkeypatch):
    """In a pod of the stack the top of the cgroups that it sees is the container's."""
    files = {
        "proc/self/cgroup": "0::/\n",
        "sys/fs/cgroup/memory.current": "10",
        "sys/fs/cgroup/memory.stat": "",
    }
    root = make(tmp_path, files)
    assert ProcessUsage(root).read()["memory_scope"] == "process"
    monkeypatch.setenv("WAGGLE_APP_ID", "uid")
    assert ProcessUsage(root).read()["memory_scope"] == "container"


def test_unreadable(tmp_path):
    """What can't be read, or can't be read any more, is left out."""
    files = {"proc/self/cgroup": "0::" + POD, "sys/fs/cgroup/memory.current": "10"}
    usage = ProcessUsage(make(tmp_path, files))
    for path in ("sys/fs/cgroup/memory.current", "proc/self/statm"):
        (tmp_path / path).unlink()
    assert set(usage.read()) == {"cpu_seconds"}
    assert set(ProcessUsage(str(tmp_path / "nothing")).read()) == {"cpu_seconds"}
    (tmp_path / "proc/self/statm").write_text("no numbers\n")
    assert set(ProcessUsage(str(tmp_path)).read()) == {"cpu_seconds"}


def test_this_process():
    """On this machine: memory of a plausible size, CPU seconds that rise with work."""
    usage = ProcessUsage()
    first = usage.read()
    assert first["memory_bytes"] > 1 << 20
    until = time.process_time() + 0.02
    while time.process_time() < until:
        pass
    assert usage.read()["cpu_seconds"] >= first["cpu_seconds"] + 0.02
