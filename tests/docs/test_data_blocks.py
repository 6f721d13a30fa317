"""Each block of JSON, YAML and PromQL in our pages is one that what it is for takes."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from waggle_live_controller.service import config as controller_config

from ..collector.web.orders import TOKEN
from ..programs import needs, program
from .blocks import of
from .test_http import schema

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("block", of("json"), ids=str)
def test_json_is_as_the_schema_says(block):
    """An answer that is shown could be one of a collector."""
    shown = json.loads(block.text)
    name = "history" if "step" in shown else "plugins"
    schema(name + ".schema.json").validate(shown)


def promtool(tmp_path, *arguments):
    """Have promtool check something."""
    tool = program("promtool", "prometheus")
    done = subprocess.run(
        [tool, "check", *arguments], check=False, capture_output=True, text=True, cwd=str(tmp_path)
    )
    assert done.returncode == 0, done.stdout + done.stderr


def for_prometheus(text, tmp_path):
    """A configuration of Prometheus."""
    shutil.copytree(ROOT / "deploy" / "prometheus" / "rules", tmp_path / "rules")
    (tmp_path / "prometheus.yml").write_text(text)
    promtool(tmp_path, "config", "prometheus.yml")


def for_the_controller(text, tmp_path):
    """A file of waggle-live-controller."""
    token = tmp_path / "token"
    token.write_text(TOKEN)
    text = re.sub("(control_token_file:) .*", r"\1 %s" % token, text)
    (tmp_path / "controller.yaml").write_text(text)
    assert controller_config.load(str(tmp_path / "controller.yaml")).deadlines


def for_the_web(text, tmp_path):
    """A file of ``--web.config.file``."""
    needs("cryptography", "bcrypt")
    import bcrypt

    from waggle_live_collector.web import config

    from ..collector.certificates import Authority

    Authority(tmp_path).server()
    shutil.copy(tmp_path / "ca.crt", tmp_path / "scrapers-ca.crt")
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    (tmp_path / "web.yml").write_text(text.replace("$2y$10$…", hashed))
    assert config.load(str(tmp_path / "web.yml")).users


#: What takes a file, by a key of it.
FILES = {
    "scrape_configs": for_prometheus,
    "deadlines": for_the_controller,
    "tls_server_config": for_the_web,
}


@pytest.mark.parametrize("block", of("yaml"), ids=str)
def test_yaml_is_taken(block, tmp_path):
    """By the program that it is for."""
    document = yaml.safe_load(block.text)
    (take,) = [take for key, take in FILES.items() if key in document]
    take(block.text, tmp_path)


@pytest.mark.parametrize("block", of("promql"), ids=str)
def test_promql_is_taken(block, tmp_path):
    """By Prometheus."""
    rules = {"groups": [{"name": "a", "rules": [{"record": "a", "expr": block.text}]}]}
    (tmp_path / "rules.yml").write_text(json.dumps(rules))
    promtool(tmp_path, "rules", "rules.yml")
