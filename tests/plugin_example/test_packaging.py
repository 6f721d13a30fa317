"""What the Edge Code Repository asks of a plugin's directory."""

import re

from .conftest import EXAMPLE, import_from, need


def test_sage_yaml_has_what_is_needed():
    """The fields that the repository demands or shows are there, and of the types it takes."""
    yaml = need("yaml", "PyYAML")
    sage = yaml.safe_load((EXAMPLE / "sage.yaml").read_text(encoding="utf-8"))
    for field in ("name", "version", "description", "authors", "keywords", "homepage", "license"):
        assert isinstance(sage[field], str) and sage[field], field
    assert re.match(r"[a-z0-9-]+\Z", sage["name"])
    source = sage["source"]
    assert set(source["architectures"]) == {"linux/amd64", "linux/arm64"}
    assert source["url"].endswith(".git") and source["branch"]
    assert (source["directory"], source["dockerfile"]) == ("plugin-example", "Dockerfile")
    types = {"boolean", "int", "long", "float", "double", "string", "File"}
    assert all(set(item) == {"id", "type"} and item["type"] in types for item in sage["inputs"])
    assert all(re.match(r"[a-zA-Z0-9_. -]+\Z", word) for word in sage["testing"]["command"])


def test_sage_yaml_and_main_agree():
    """Inputs are the options of main.py; the ontology is the name that it publishes."""
    yaml = need("yaml", "PyYAML")
    sage = yaml.safe_load((EXAMPLE / "sage.yaml").read_text(encoding="utf-8"))
    main = (EXAMPLE / "main.py").read_text(encoding="utf-8")
    options = set(re.findall(r'"--([a-z-]+)"', main))
    assert {item["id"] for item in sage["inputs"]} == options
    assert '"%s"' % sage["metadata"]["ontology"] in main


def test_the_dockerfile_builds_on_any_base():
    """The base is a named release and an argument; the plugin is what the image runs."""
    lines = (EXAMPLE / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert "ARG BASE_IMAGE=waggle/plugin-base:1.1.1-base" in lines
    assert [line for line in lines if line.startswith("FROM")] == ["FROM ${BASE_IMAGE}"]
    assert lines[-1] == 'ENTRYPOINT ["python3", "main.py"]'


def test_requirements_name_all_that_is_imported():
    """requirements.txt has what main.py and pywaggle's Camera import."""
    text = (EXAMPLE / "requirements.txt").read_text(encoding="utf-8")
    names = set(re.findall(r"^[a-z][a-z-]*", text, re.MULTILINE))
    wanted = {"waggle-live", "pywaggle", "opencv-python-headless", "ffmpeg-python", "numpy"}
    assert names == wanted


def test_pictures_have_the_sizes_asked_for(cv2):
    """The icon is 512 by 512, the science picture at least 1920 by 1080, both JPEG."""
    for name, width, height in (("icon", 512, 512), ("science-image", 1920, 1080)):
        path = EXAMPLE / "ecr-meta" / ("ecr-%s.jpg" % name)
        assert path.read_bytes()[:3] == b"\xff\xd8\xff"
        assert cv2.imread(str(path)).shape == (height, width, 3)


def test_pictures_can_be_drawn_again(cv2, monkeypatch, tmp_path):
    """draw.py draws pictures like those that are here, on any version of OpenCV."""
    draw = import_from(EXAMPLE / "ecr-meta", "draw", monkeypatch)
    for name, function in (("icon", draw.icon), ("science-image", draw.science_image)):
        function(tmp_path / "new.jpg")
        new = cv2.imread(str(tmp_path / "new.jpg"))
        old = cv2.imread(str(EXAMPLE / "ecr-meta" / ("ecr-%s.jpg" % name)))
        assert cv2.absdiff(new, old).mean() < 3


def test_the_science_description_is_there():
    """The description has a title, the published name and the live names."""
    text = (EXAMPLE / "ecr-meta" / "ecr-science-description.md").read_text(encoding="utf-8")
    main = (EXAMPLE / "main.py").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert "`env.count.mover`" in text
    for name in re.findall(r'live\.\w+\("(\w+)"', main):
        assert "`%s" % name in text, name
