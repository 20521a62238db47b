"""Proxies of the environment, row by row as golang.org/x/net/http/httpproxy has them."""

from __future__ import annotations

import pytest

from kubeinformer.connection.proxy import proxy_for

PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("server", "environ", "proxy"),
    [
        ("https://kube.example", {}, None),
        ("https://kube.example", {"HTTPS_PROXY": PROXY}, PROXY),
        ("https://kube.example", {"https_proxy": PROXY}, PROXY),
        ("https://kube.example", {"HTTPS_PROXY": ""}, None),
        ("https://kube.example", {"HTTPS_PROXY": "proxy.example:3128"}, PROXY),
        ("https://kube.example", {"HTTP_PROXY": PROXY}, None),
        ("http://kube.example", {"HTTP_PROXY": PROXY}, PROXY),
        ("http://kube.example", {"HTTPS_PROXY": PROXY}, None),
        ("https://localhost:6443", {"HTTPS_PROXY": PROXY}, None),
        ("https://127.0.0.1:6443", {"HTTPS_PROXY": PROXY}, None),
        ("https://[::1]:6443", {"HTTPS_PROXY": PROXY}, None),
        ("https://kube.example:port", {"HTTPS_PROXY": PROXY}, None),
    ],
)
def test_which_variable(server: str, environ: dict[str, str], proxy: str | None) -> None:
    assert proxy_for(server, environ) == proxy


@pytest.mark.parametrize(
    ("host", "exceptions", "direct"),
    [
        ("kube.example", "", False),
        ("kube.example", "*", True),
        ("kube.example", "kube.example", True),
        ("kube.example.", "kube.example", True),
        ("kube.example", "KUBE.EXAMPLE", True),
        ("kube.example", "example", True),
        ("kube.example", ".example", True),
        ("kube.example", "*.example", True),
        ("kube.example", ".kube.example", False),
        ("kube.example", "be.example", False),
        ("kube.example", "other.example, kube.example", True),
        ("kube.example:6443", "kube.example:6443", True),
        ("kube.example:6443", "kube.example:443", False),
        ("kube.example", "kube.example:443", True),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.4", False),
        ("10.1.2.3:6443", "10.1.2.3:6443", True),
        ("10.1.2.3", "2.3", False),
        ("10.1.2.3", "10.0.0.0/99", False),
        ("kube.example", "10.0.0.0/8", False),
        ("[fd00::1]:6443", "fd00::/8", True),
        ("[fd00::1]:6443", "fd00::1", True),
        ("[fd00::1]:6443", "[fd00::1]:6443", True),
        ("[fd00::1]:6443", "[fd00::1]:443", False),
        ("[fd00::1]", "10.0.0.0/8", False),
    ],
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_exceptions(host: str, exceptions: str, direct: bool, name: str) -> None:  # noqa: FBT001 - a table's column
    assert (proxy_for(f"https://{host}", {"HTTPS_PROXY": PROXY, name: exceptions}) is None) is direct
