"""Where the plugin's ``sage.yaml`` is looked for."""

import os
import tempfile
import zipapp

import pytest

from waggle_live.reporter import identity
from waggle_live.reporter.identity import find_identity

from ..helpers import environment, run_python, write_script

pytestmark = pytest.mark.oldest_and_newest

SHOW = """\
from waggle_live.reporter.identity import find_identity
print(find_identity(None, None, None, None, {}).plugin)
"""


@pytest.mark.parametrize("sage", [False, True])
def test_however_it_is_run(tmp_path, sage):
    """A module, a package, a directory and a zip file have a name, and the sage.yaml beside
    their main script; code without a script has that of the working directory."""
    app = tmp_path / "app"
    app.mkdir()
    write_script(app, SHOW, "__main__.py")
    write_script(app, SHOW, "part.py")
    zipapp.create_archive(str(app), str(tmp_path / "zipped.pyz"))
    if sage:
        (app / "sage.yaml").write_text("name: 'inner' # one")
        (tmp_path / "sage.yaml").write_text("name: outer")
    cases = [
        (("app/part.py",), "part", "inner"),
        (("-m", "app.part"), "part", "inner"),
        (("app",), "app", "inner"),
        (("-m", "app"), "app", "inner"),
        (("zipped.pyz",), "zipped", "outer"),
        (("-c", SHOW), "python", "outer"),
    ]
    for arguments, name, name_in_sage in cases:
        result = run_python(*arguments, env=environment("off"), cwd=str(tmp_path))
        assert result == (0, (name_in_sage if sage else name) + "\n", ""), arguments


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Make files below a directory; the plugin starts there, at home nearby."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def make(*paths):
        for path in paths:
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.name == "sage.yaml":
                file.write_text("name: " + file.parent.name)
            elif file.name == ".git":
                file.mkdir()
            else:
                file.touch()
        return tmp_path

    return make


#: Below a directory: the main script, other files, and the name; a sage.yaml names its folder.
PLACES = [
    ("top/app/main.py", ["top/sage.yaml"], "top"),
    ("top/src/app/main.py", ["top/sage.yaml"], "top"),
    ("top/src/app/main.py", ["top/sage.yaml", "top/src/sage.yaml"], "src"),
    ("top/src/app/main.py", ["top/sage.yaml", "top/src/app/sage.yaml"], "app"),
    ("top/a/b/c/main.py", ["top/sage.yaml"], "main"),  # three above
    ("top/app/main.py", ["top/sage.yaml", "top/.git"], "top"),
    ("top/repo/main.py", ["top/sage.yaml", "top/repo/.git"], "main"),
    ("top/repo/app/main.py", ["top/sage.yaml", "top/repo/.git"], "main"),
    ("top/repo/app/main.py", ["top/repo/sage.yaml", "top/repo/.git"], "repo"),
    ("home/app/main.py", ["home/sage.yaml"], "main"),
    ("home/a/b/main.py", ["home/sage.yaml"], "main"),
    ("home/a/b/main.py", ["home/a/sage.yaml"], "a"),
    ("home/main.py", ["home/sage.yaml"], "home"),  # beside it
    ("top/pkg/__main__.py", ["top/sage.yaml"], "top"),
    ("top/pkg/__main__.py", ["top/.git"], "pkg"),
    ("repo/.venv/bin/counter", ["repo/sage.yaml", "repo/.git"], "repo"),
]


@pytest.mark.parametrize("main, others, name", PLACES)
def test_sage_yaml_above(place, main, others, name):
    """The nearest sage.yaml counts: beside the script, up to two folders above, in the same
    repository; one in a home names nothing but what lies beside it."""
    root = place(main, *others)
    assert find_identity(None, None, None, None, {}, script=str(root / main)).plugin == name


def test_a_git_file_bounds_as_well(place):
    """A worktree or submodule has a file in place of the directory."""
    root = place("top/repo/main.py", "top/sage.yaml")
    (root / "top" / "repo" / ".git").write_text("gitdir: elsewhere")
    script = str(root / "top" / "repo" / "main.py")
    assert find_identity(None, None, None, None, {}, script=script).plugin == "main"


def test_the_root_names_no_plugin(monkeypatch):
    """A sage.yaml in ``/`` or ``/home`` is none of a plugin further down."""
    looked = []
    monkeypatch.setattr(identity, "_read_sage_yaml", looked.append)  # finds none
    for script in ("/app/main.py", "/srv/app/main.py", "/home/me/main.py"):
        assert find_identity(None, None, None, None, {}, script=script).plugin == "main"
    assert "/app/sage.yaml" in looked
    assert not {"/sage.yaml", "/home/sage.yaml"} & set(looked)
    find_identity(None, None, None, None, {}, script="/main.py")  # beside it
    assert "/sage.yaml" in looked


@pytest.mark.parametrize("sage", ["beside the link", "beside its target", "above its target"])
def test_a_linked_script(place, sage):
    """A symbolic link to the script has the sage.yaml beside itself, else that of its target."""
    root = place("bin/x", "repo/app/main.py")
    where = {"beside the link": "bin", "beside its target": "repo/app"}.get(sage, "repo")
    (root / where / "sage.yaml").write_text("name: found")
    (root / "bin" / "count").symlink_to(root / "repo" / "app" / "main.py")
    script = str(root / "bin" / "count")
    assert find_identity(None, None, None, None, {}, script=script).plugin == "found"


def test_a_plugin_that_changes_its_directory(tmp_path):
    """Where it stands when it is asked changes nothing, in its children neither."""
    app = tmp_path / "app"
    app.mkdir()
    (tmp_path / "sage.yaml").write_text("name: from-sage")
    text = """
        import multiprocessing, os
        from waggle_live.reporter.identity import find_identity
        def show():
            print(find_identity(None, None, None, None, {}).plugin, flush=True)
        if __name__ == "__main__":
            os.mkdir("gone")
            os.chdir("gone")
            show()
            for method in ("fork", "spawn", "forkserver"):
                child = multiprocessing.get_context(method).Process(target=show)
                child.start()
                child.join()
            os.rmdir(os.getcwd())
            show()
    """
    write_script(app, text)
    result = run_python("app/main.py", env=environment("off"), cwd=str(tmp_path))
    assert result == (0, "from-sage\n" * 5, "")


@pytest.mark.parametrize("argument", ["-c", "-"])
def test_a_directory_that_is_gone(tmp_path, argument):
    """Without a script and without a working directory there still is a name."""
    text = "import os, sys; os.mkdir('gone'); os.chdir('gone'); os.rmdir(os.getcwd())\n" + SHOW
    with tempfile.TemporaryFile("w+") as file:
        file.write(text)
        file.seek(0)
        arguments = ("-c", text) if argument == "-c" else ("-",)
        result = run_python(*arguments, env=environment("off"), cwd=str(tmp_path), stdin=file)
    assert result == (0, "python\n", "")


@pytest.mark.parametrize("text", [b"# caf\xe9\nname: found\n", b"version: 1\rname: found\r"])
def test_other_encodings_and_ends_of_lines(tmp_path, text):
    """A comment that is no UTF-8 hides no name, nor do line ends of another kind."""
    (tmp_path / "sage.yaml").write_bytes(text)
    script = str(tmp_path / "main.py")
    assert find_identity(None, None, None, None, {}, script=script).plugin == "found"


def test_a_pipe_in_its_place(tmp_path):
    """A named pipe that nobody writes to is no sage.yaml, and nobody waits for it."""
    os.mkfifo(str(tmp_path / "sage.yaml"))
    write_script(tmp_path, SHOW, "main.py")
    result = run_python("main.py", env=environment("off"), cwd=str(tmp_path))
    assert result == (0, "main\n", "")
