"""``examples/deploy`` without a server: what must agree with the programs. With one: tests/e2e/test_deploy.py."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

EXAMPLES = Path(__file__).parent.parent / "examples"
DEPLOY = EXAMPLES / "deploy"

Json = dict[str, Any]


def objects(name: str) -> list[Json]:
    return [obj for obj in yaml.safe_load_all((DEPLOY / name).read_text()) if obj]


def example(name: str) -> Any:
    specification = importlib.util.spec_from_file_location(f"examples_{name}", EXAMPLES / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_definition_is_the_operator_s() -> None:
    assert objects("crd.yaml") == [example("crd_operator").CRD]


@pytest.mark.parametrize("name", ["crd_operator", "leader_elected"])
def test_a_deployment_runs_a_program_that_is_in_the_image(name: str) -> None:
    (deployment,) = (obj for obj in objects(f"{name}.yaml") if obj["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["args"] == [f"{name}.py"]
    assert "COPY examples/*.py /app/" in (DEPLOY / "Dockerfile").read_text()


def test_the_image_s_user_is_a_number_and_what_it_copies_is_there() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    assert re.search(r"^USER (\d+):\1$", dockerfile, re.MULTILINE)
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    for pattern in " ".join(copied).split():
        assert list(EXAMPLES.parent.glob(pattern)), pattern


def test_the_readme_names_every_file() -> None:
    told = (DEPLOY / "README.md").read_text()
    assert [path.name for path in DEPLOY.iterdir() if path.name != "README.md" and f"`{path.name}`" not in told] == []
