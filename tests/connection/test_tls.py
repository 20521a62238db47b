"""The TLS context: what is checked, and what is refused before there is a connection."""

from __future__ import annotations

import os
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kubeinformer.connection import ConnectionConfig
from kubeinformer.connection.credentials import ClientCertificate
from kubeinformer.connection.tls import client_context
from kubeinformer.errors import ConfigError

if TYPE_CHECKING:
    from tests.connection.conftest import Authority


def test_what_is_checked(authority: Authority) -> None:
    context = client_context(ConnectionConfig(server="https://a", ca_file=str(authority.file)))
    assert context.hostname_checks_common_name is False
    assert context.check_hostname is True
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def refused(**options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        client_context(ConnectionConfig(server="https://a", source="here", **options))
    return str(caught.value)


def test_bad_authorities(tmp_path: Path) -> None:
    rubbish = tmp_path / "ca.crt"
    rubbish.write_text("rubbish")
    assert f"cannot use the certificate authority {rubbish}" in refused(ca_file=str(rubbish))
    assert "No such file or directory" in refused(ca_file=str(tmp_path / "missing"))
    assert "certificate-authority-data (from here)" in refused(ca_data="rubbish")
    assert "certificate-authority-data (from here)" in refused(ca_data="")
    assert "-----BEGIN CERTIFICATE-----" in refused(ca_data="rübbish")


def test_an_authority_and_no_verification_exclude_each_other(authority: Authority) -> None:
    assert "insecure-skip-tls-verify are both given (from here)" in refused(ca_data=authority.pem, verify=False)


def test_bad_client_certificates(authority: Authority, tmp_path: Path) -> None:
    one, other = authority.issue("one"), authority.issue("other")
    mixed = ClientCertificate(certificate_data=one.certificate, key_data=other.key)
    assert "belong to each other" in refused(client_certificate=mixed)
    missing = ClientCertificate(certificate_file=str(tmp_path / "missing"), key_file=str(one.key_file))
    assert f"{tmp_path / 'missing'}: No such file" in refused(client_certificate=missing)
    assert "without its certificate" in refused(client_certificate=ClientCertificate(key_data=one.key))
    encrypted = ClientCertificate(certificate_data=one.certificate, key_data=one.encrypted_key)
    assert "is encrypted: give it decrypted" in refused(client_certificate=encrypted)


@pytest.mark.parametrize("way", ["in memory", "in files"])
@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_keys_given_as_text_are_private_and_leave_nothing_behind(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, mask: int
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    if way == "in files":
        monkeypatch.delattr(os, "memfd_create")
    seen: list[int] = []
    on_disk: list[int] = []
    load = ssl.SSLContext.load_cert_chain

    def spy(self: ssl.SSLContext, certificate: str, key: str, **more: Any) -> None:
        seen.extend(Path(path).stat().st_mode & 0o777 for path in (certificate, key))
        on_disk.extend(path.stat().st_mode & 0o777 for path in tmp_path.iterdir())
        load(self, certificate, key, **more)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", spy)
    mine = authority.issue("admin")
    certificate = ClientCertificate(certificate_data=mine.certificate, key_data=mine.key)
    kept = os.umask(mask)
    try:
        client_context(ConnectionConfig(server="https://a", client_certificate=certificate))
    finally:
        os.umask(kept)
    assert seen == [0o600, 0o600]
    assert on_disk == ([] if way == "in memory" else [0o700, 0o700])
    assert list(tmp_path.iterdir()) == []
    refused(client_certificate=ClientCertificate(certificate_data="rubbish", key_data=mine.key))
    assert list(tmp_path.iterdir()) == []
