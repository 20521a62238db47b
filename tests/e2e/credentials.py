"""The identity of the API server and of its users: certificates, tokens, kubeconfigs.

A private authority signs the certificate of the server for loopback, and client certificates. (The self-signed
certificate that the server would make has no authority that could be put into a kubeconfig.) The authority is trusted
for nothing else: its key is only in memory, not in a file. Everything is valid for one day. The keys are P-256, because
such a key is made in less than a millisecond. The certificates have the extensions that the strict mode of OpenSSL
requires, which is Python's default since 3.13.
"""

import base64
import csv
import datetime as dt
import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = dt.timedelta(days=1)
_HOUR = dt.timedelta(hours=1)  # clocks of one machine agree, yet may step back once


@dataclass(frozen=True, slots=True)
class Token:
    """A static bearer token and the user it stands for."""

    value: str
    user: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate that the API server takes as a user, and its private key, both PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A kubeconfig user whose token is read from a file, which may change under the reader."""

    path: Path


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A kubeconfig user whose credential comes from a program (client.authentication.k8s.io/v1)."""

    command: str
    args: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)


Credential = Token | TokenFile | ClientCertificate | ExecPlugin

# RBAC never asks about system:masters; the others may do nothing until a test binds them to something. READER's and
# NOBODY's rights end with the test; OPERATOR keeps what manifests gave it, cluster-wide, and is for nothing else.
ADMIN = Token("e2e-admin-token", "e2e-admin", ("system:masters",))
READER = Token("e2e-reader-token", "e2e-reader")
NOBODY = Token("e2e-nobody-token", "e2e-nobody")
OPERATOR = Token("e2e-operator-token", "e2e-operator")


class Authority:
    """A certificate authority for one control plane."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubeinformer-e2e")])
        usage = _key_usage(key_cert_sign=True)
        self._certificate = (
            _builder(self._name, self._key.public_key())
            .issuer_name(self._name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def certificate(self) -> bytes:
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue_server(self) -> tuple[bytes, bytes]:
        """Certificate and key (PEM) of a server on loopback, by address and as localhost."""
        names: list[x509.GeneralName] = [
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            x509.IPAddress(ipaddress.ip_address("::1")),
            x509.DNSName("localhost"),
        ]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
        return self._issue(subject, ExtendedKeyUsageOID.SERVER_AUTH, x509.SubjectAlternativeName(names))

    def issue_client(self, user: str, groups: Sequence[str] = ()) -> ClientCertificate:
        """What makes the API server see this user, in these groups: it reads CN and O."""
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, user),
                *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups),
            ]
        )
        return ClientCertificate(*self._issue(subject, ExtendedKeyUsageOID.CLIENT_AUTH))

    def _issue(
        self, subject: x509.Name, purpose: x509.ObjectIdentifier, *extensions: x509.ExtensionType
    ) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            _builder(subject, key.public_key())
            .issuer_name(self._name)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(authority, critical=False)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM), _pem(key)


def service_account_key() -> bytes:
    """The key (PEM) that signs service account tokens; the server derives the public half itself."""
    return _pem(ec.generate_private_key(ec.SECP256R1()))


def write_token_file(path: Path, tokens: Sequence[Token]) -> None:
    """The server's --token-auth-file: token, user, uid, and the groups as one quoted column."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([t.value, t.user, t.user, ",".join(t.groups)] for t in tokens)


def write_kubeconfig(
    path: Path,
    *,
    server: str,
    authority: bytes,
    contexts: Mapping[str, Credential],
    current: str | None = None,
    namespace: str | None = None,
) -> None:
    """Write a kubeconfig with a context for each credential, all of the one cluster.

    In JSON, which is YAML too. ``current`` defaults to the first context; ``namespace`` is set on all of them.
    """
    context = {"cluster": "e2e"} | ({"namespace": namespace} if namespace else {})
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "e2e", "cluster": {"server": server, "certificate-authority-data": _base64(authority)}}],
        "users": [{"name": name, "user": _kubeconfig_user(who)} for name, who in contexts.items()],
        "contexts": [{"name": name, "context": context | {"user": name}} for name in contexts],
        "current-context": current or next(iter(contexts)),
    }
    path.write_text(json.dumps(config, indent=2))
    path.chmod(0o600)


def _kubeconfig_user(credential: Credential) -> dict[str, object]:
    match credential:
        case Token():
            return {"token": credential.value}
        case TokenFile():
            return {"tokenFile": str(credential.path)}
        case ClientCertificate():
            return {
                "client-certificate-data": _base64(credential.certificate),
                "client-key-data": _base64(credential.key),
            }
        case ExecPlugin():
            return {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": credential.command,
                    "args": list(credential.args),
                    "env": [{"name": name, "value": value} for name, value in credential.env.items()],
                    "interactiveMode": "Never",
                }
            }


def _builder(subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _HOUR)
        .not_valid_after(now + _DAY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_usage(*, digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    # Not PKCS #8: of that form the API server cannot take the public half of a service account key.
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
