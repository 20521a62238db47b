"""The result of docs/tutorial on a real API server: its manifests, and its operator with the permissions in them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # PyYAML ships no types
from tests.docs import pages
from tests.e2e.control_plane import ControlPlane, StartControlPlane
from tests.e2e.deployed import AuditLog, apply, environment_of, granted, token_of
from tests.e2e.polling import wait_until

Json = dict[str, Any]
LIMIT = 60.0  # seconds


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As it is when a reader has come to the end."""
    for page in sorted((pages.DOCS / "tutorial").glob("[0-9]*.md")):
        for name, text in pages.files(f"tutorial/{page.name}").items():
            (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def documents(file: Path) -> list[Json]:
    return [document for document in yaml.safe_load_all(file.read_text("utf-8")) if document]


@contextmanager
def running(folder: Path, environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "main.py"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def install(plane: ControlPlane, folder: Path) -> list[Json]:
    (definition,) = documents(folder / "websites.yaml")
    apply(plane.client, definition, dry_run=False)
    objects = documents(folder / "deploy.yaml")
    for obj in objects:
        apply(plane.client, obj, dry_run=obj["kind"] == "Deployment")  # nobody would run it
    assert wait_until(lambda: plane.client.request("GET", "/apis/example.com/v1/websites").status == 200)
    return objects


def test_the_operator_works_with_its_rights(private_control_plane: StartControlPlane, folder: Path) -> None:
    log = AuditLog(folder)
    plane = private_control_plane(*log.flags)
    objects = install(plane, folder)
    (account,) = (obj for obj in objects if obj["kind"] == "ServiceAccount")
    (deployment,) = (obj for obj in objects if obj["kind"] == "Deployment")
    token = token_of(plane, account)
    (website,) = documents(folder / "shop.yaml")
    apply(plane.client, website, dry_run=False)
    page = "/api/v1/namespaces/default/configmaps/shop-page"
    with running(folder, environment_of(plane, folder, token, deployment, port=0)) as process:
        assert process.stdout is not None
        lines = iter(process.stdout)
        assert next(lines) == "reconciled default/shop\n"
        assert plane.client.request("GET", page).body["data"] == {"index.html": "<h1>Closed on Sundays</h1>"}
        plane.client.request("DELETE", "/apis/example.com/v1/namespaces/default/websites/shop")
        while (line := next(lines)) != "unpublished shop\n":
            assert line == "reconciled default/shop\n"
        assert next(lines) == "gone default/shop\n"
        process.terminate()
        assert process.wait(LIMIT) == 0
    assert not (folder / "public" / "default" / "shop.html").exists()
    assert log.refused(token.user) == set()
    # What it did not use: lists, for servers without watch-lists; reads of single objects, for when somebody else wrote
    # in between and for what was damaged in memory. What is not logged as such: a patch that creates is a create, too,
    # and owner references are an update of finalizers where an admission plugin asks, which is off by default.
    assert granted(objects) - log.used(token.user) == {
        *((verb, resource) for verb in ("list", "get") for resource in ("example.com/websites", "configmaps")),
        ("create", "configmaps"),
        ("update", "example.com/websites/finalizers"),
    }
