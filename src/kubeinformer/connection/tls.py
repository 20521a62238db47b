"""TLS as clusters use it: verified, or refused with a message that says what to do.

Rules. Verification is on unless it was switched off by name; nothing here falls back to less. TLS 1.2 is the least,
as for API servers themselves. A private key given as text touches the disk in a private directory (0700, file 0600)
for as long as OpenSSL takes to read it, since Python's ssl loads keys from files only. An encrypted key is refused:
OpenSSL would ask for its passphrase on the terminal and stop the event loop until somebody typed it.

Theory. Clusters are made for Go's verification, so ours is the same chain and name check: the common name is ignored
as Go does, and ``VERIFY_X509_STRICT``, which Python 3.13 switched on, is switched off again, because it refuses
authorities without key identifiers, as kubeadm, kind and several clouds made them for years
(https://github.com/kubernetes-client/python/issues/2394). It checks the form of certificates, not who signed them.
"""

import contextlib
import os
import ssl
import tempfile
from collections.abc import Generator
from pathlib import Path

from kubeinformer.connection.config import ConnectionConfig
from kubeinformer.connection.credentials import ClientCertificate
from kubeinformer.errors import ConfigError

__all__ = ["client_context"]


def client_context(config: ConnectionConfig, certificate: ClientCertificate | None = None) -> ssl.SSLContext:
    """Make the context for connections to the configured server. Reads files; takes milliseconds.

    Args:
        config: Whom to trust.
        certificate: What to present; None takes the configuration's.

    Raises:
        ConfigError: A file or PEM text cannot be used, or an authority is given although verification is off.
    """
    custom_ca = config.ca_data is not None or config.ca_file is not None
    if custom_ca and not config.verify:
        # kubectl and client-go refuse the pair too: one of the two settings is a mistake, and guessing which is not
        # for us.
        raise ConfigError(
            f"a certificate authority and insecure-skip-tls-verify are both given (from {config.source}): remove one"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["http/1.1"])
    if not config.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif custom_ca:
        _load_authorities(context, config)
    else:
        context.load_default_certs()
    certificate = certificate or config.client_certificate
    if certificate is not None:
        _load_certificate(context, certificate, config.source)
    return context


def _load_authorities(context: ssl.SSLContext, config: ConnectionConfig) -> None:
    what = f"certificate-authority-data (from {config.source})" if config.ca_data is not None else config.ca_file
    try:
        if config.ca_data is not None:
            context.load_verify_locations(cadata=config.ca_data)
        else:
            context.load_verify_locations(cafile=config.ca_file)
    except (OSError, TypeError, ValueError) as error:  # SSLError is an OSError; the others: not ASCII, or empty
        raise ConfigError(
            f"cannot use the certificate authority {what}: {_reason(error)}; it must be PEM text that "
            "begins with -----BEGIN CERTIFICATE-----"
        ) from error
    if not context.cert_store_stats()["x509"]:
        raise ConfigError(f"the certificate authority {what} holds no certificate")


def _load_certificate(context: ssl.SSLContext, certificate: ClientCertificate, source: str) -> None:
    what = certificate.certificate_file or f"client-certificate-data (from {source})"

    def no_passphrase() -> str:
        raise ConfigError(f"the private key of the client certificate {what} is encrypted: give it decrypted")

    with _as_files(certificate) as (certificate_file, key_file):
        try:
            context.load_cert_chain(certificate_file, key_file, password=no_passphrase)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"cannot use the client certificate {what}: {_reason(error)}; certificate and key must be PEM, "
                "readable, and belong to each other"
            ) from None  # an OSError may name our private file: of no use to anybody


@contextlib.contextmanager
def _as_files(certificate: ClientCertificate) -> Generator[tuple[str, str | None]]:
    """Both as paths, text in a private directory that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="kubeinformer-") as folder:  # made with mode 0700

        def as_file(name: str, text: str | None, path: str | None) -> str | None:
            if text is None:
                return path
            private = Path(folder, name)
            with os.fdopen(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(text)
            return str(private)

        certificate_file = as_file("tls.crt", certificate.certificate_data, certificate.certificate_file)
        if certificate_file is None:
            raise ConfigError("a client key is given without its certificate: add client-certificate(-data)")
        yield certificate_file, as_file("tls.key", certificate.key_data, certificate.key_file)


def _reason(error: Exception) -> str:
    """The words of OpenSSL or of the system, without paths."""
    if isinstance(error, ssl.SSLError):
        return error.reason or "not PEM"
    return (error.strerror if isinstance(error, OSError) else None) or "not PEM text"
