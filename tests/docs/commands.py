"""What stands in blocks of shell: each command is held to the program, file or route it names."""

import re
import shlex

from .programs import PROGRAMS, TOP, routes
from .tables import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
#: What a shell has, and programs of which no argument is ours.
PLAIN = {
    *(".", "base64", "bash", "cat", "cd", "chmod", "echo", "export", "grep", "head", "htpasswd"),
    *(
        "jq",
        "kill",
        "ln",
        "mkdir",
        "mkfifo",
        "mv",
        "openssl",
        "printf",
        "prometheus",
        "rm",
        "sleep",
        "socat",
    ),
    *("sudo", "touch", "trap", "umask", "wait", "xargs"),
    *("gpg", "sed", "sha256sum", "skopeo", "twine"),
}
#: For TAU, which is built from its own sources.
OF_TAU = {"git", "./configure"}
ROUTES = {path for _, path in routes()}


def commands(text):
    """Return the commands of a block, each a list of words; no comments and here-documents."""
    text = re.sub(r"<<-?'?(\w+)'?(.*\n)(?:.*\n)*?\1\n", r"\2", text.replace("\\\n", " "))
    text = re.sub(r"\$\([^()]*\)", "VALUE", text)
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();<>|&\n")
    lexer.commenters, lexer.whitespace, lexer.whitespace_split = "", " \t", True
    found, words, is_comment = [], [], False
    for word in lexer:
        if set(word) <= set("();|&\n"):
            is_comment = is_comment and "\n" not in word
            found.append(words)
            words = []
        elif word.startswith("#") or is_comment:
            is_comment = True
        else:
            words.append(word)
    return [without_redirection(words) for words in [*found, words] if words]


def without_redirection(words):
    """Return a command without ``> file`` and without the variables set before it."""
    kept, rest = [], iter(words)
    for word in rest:
        if set(word) <= set("<>"):
            next(rest, None)
        elif kept or not re.match(r"\w+=", word):
            kept.append(word)
    return kept or ["export"]


def check(words, page):
    """Assert that a command names what there is; raises KeyError for a program nobody checks."""
    name = words[0].rpartition("/")[2] if words[0].startswith("/opt/") else words[0]
    saved = "`%s`" % words[-1] in (ROOT / page).read_text(encoding="utf-8")
    if name.startswith("python") and saved:
        return  # a script that the page shows, and has saved under that name
    if name not in PLAIN | OF_TAU and not (name == "make" and words[1:] == ["install"]):
        CHECKS[name](words[1:], (ROOT / page).parent)


def _flags(parser, words, among_arguments=False):
    """Assert that the flags up to ``--`` or the first argument are those of a parser."""
    known = parser._option_string_actions
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") and among_arguments:
            continue
        if word == "--" or not word.startswith("-"):
            return
        flag, _, value = word.partition("=")
        assert flag in known, flag
        if not value and known[flag].nargs is None:
            value = next(rest)
        action = known[flag]
        if value and action.type is not None and "$" not in value:
            action.type(value)


def _waggle_live(words, folder):
    if words[0] == "top":
        _top(words[1:], folder)
    elif words[0].startswith("--"):
        assert words[0] in ("--help", "--version")
    else:
        _flags(PROGRAMS["waggle-live " + words[0]], words[1:])


def _collector(words, folder):
    _flags(PROGRAMS["waggle-live-collector"], [word for word in words if word != "…"])


def _controller(words, folder):
    _flags(PROGRAMS["waggle-live-controller"], words)


def _top(words, folder):
    _flags(TOP, words, among_arguments=True)


def _make(words, folder):
    for word in words:
        variable = re.match(r"(\w+)=", word)
        if variable:
            assert "$(%s)" % variable[1] in MAKEFILE or "$(or $(%s)" % variable[1] in MAKEFILE, word
        else:
            assert re.search(r"^%s:" % re.escape(word), MAKEFILE, re.MULTILINE), word


def _pip(words, folder):
    assert words[0] in ("install", "wheel"), words
    rest = iter(words[1:])
    for word in rest:
        if word in ("-r", "--requirement"):
            path = next(rest)
            assert (folder / path).exists() or (ROOT / path).exists(), words
        elif word in ("--wheel-dir", "--target"):
            next(rest)
        elif word.startswith("-"):
            assert word in ("-e", "--no-deps", "--upgrade", "--quiet"), word
        else:
            _distribution(word, folder)


def _distribution(word, folder):
    """Assert that what pip is to install is ours: a folder of this repository, or by its name."""
    path, _, extras = word.partition("==")[0].rstrip("]").partition("[")
    if not path.startswith("."):
        names = {"waggle-live": ".", "waggle-live-collector": "collector"}
        path, folder = {**names, "waggle-live-controller": "controller"}[path], ROOT
    folder = folder if (folder / path / "setup.cfg").exists() else ROOT
    setup = (folder / path / "setup.cfg").read_text(encoding="utf-8")
    for extra in filter(None, extras.split(",")):
        assert re.search(r"^%s =" % extra, setup, re.MULTILINE), word


def _python(words, folder):
    if words[0] == "-m":
        assert words[1] == "venv" or list(ROOT.glob(words[1].replace(".", "/") + "*")), words
    else:
        path = words[0].rpartition("/")[2] if words[0].startswith("/") else words[0]
        assert (folder / path).exists() or (ROOT / path).exists(), words


def _container(words, folder):
    if words[0] == "build":
        assert (ROOT / words[words.index("-f") + 1]).exists(), words
    else:
        assert words[0] == "compose", words
        assert (ROOT / "compose.yaml").exists()


def _kubectl(words, folder):
    manifests = "".join(path.read_text() for path in (ROOT / "deploy").rglob("*.yaml"))
    for kind, name in re.findall(r"\b(daemonset|service)/([\w-]+)", " ".join(words)):
        assert re.search(r"kind: %s\nmetadata:\n  name: %s\n" % (kind, name), manifests, re.I), (
            words
        )
    if words[0] in ("apply", "delete") and words[1] == "-k":
        assert (ROOT / words[2] / "kustomization.yaml").exists(), words
    elif words[:3] == ["create", "secret", "generic"]:
        assert "secretName: %s\n" % words[3] in manifests, words
    else:
        assert words[0] in ("get", "logs", "port-forward", "rollout", "set"), words


def _cp(words, folder):
    for path in words[:-1]:
        assert path.startswith("-") or list(ROOT.glob(path)), path


def _systemctl(words, folder):
    for unit in words[1:]:
        if not unit.startswith("-"):
            assert (ROOT / "deploy" / "systemd" / unit).exists(), unit


def _curl(words, folder):
    (url,) = [word for word in words if re.match(r"(https?://)?[\w.-]+:\d+", word)]
    if ":9095/" in url:
        return  # Prometheus, where it runs beside a collector
    path = re.sub(r"^(https?://)?[^/]*", "", url).partition("?")[0] or "/"
    path = re.sub(r"^/api/v1/leases/.+", "/api/v1/leases/{holder}", path)
    assert path in ROUTES, url


CHECKS = {
    "waggle-live": _waggle_live,
    "waggle-live-collector": _collector,
    "make": _make,
    "waggle-live-top": _top,
    "waggle-live-controller": _controller,
    "pip": _pip,
    "python": _python,
    "python3": _python,
    "docker": _container,
    "podman": _container,
    "kubectl": _kubectl,
    "cp": _cp,
    "systemctl": _systemctl,
    "curl": _curl,
    ".ci/run": lambda words, folder: None,
}
