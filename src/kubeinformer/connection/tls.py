"""TLS as clusters use it: the server is verified, or the connection is refused with a message that says what to do.

Rules. Verification is on, unless it was switched off explicitly. Then this is logged once for each server. Nothing here
falls back to less. TLS 1.2 is the minimum, as for API servers themselves.

Python's ssl loads keys from files only. So a private key that is given as text is put into a file in memory (memfd),
which does not need a writable disk; pods often have none. Where memfd is not available, it is put into a file (0600) in
a private directory (0700) while OpenSSL reads it. An encrypted key is refused, because OpenSSL would ask for its
passphrase on the terminal, and would block the event loop until somebody typed it.

Theory. Clusters are set up for Go's verification, so the same checks of chain and name are made here. The common name
is ignored, as in Go. Python 3.13 switched ``VERIFY_X509_STRICT`` on; it is switched off here, because it refuses
authorities without key identifiers, which kubeadm, kind and several clouds created for years
(https://github.com/kubernetes-client/python/issues/2394). This flag concerns the form of certificates, not who signed
them.
"""

import contextlib
import logging
import os
import ssl
import tempfile
from collections.abc import Generator
from pathlib import Path

from kubeinformer.connection.config import ConnectionConfig
from kubeinformer.connection.credentials import ClientCertificate
from kubeinformer.errors import ConfigError

__all__ = ["client_context"]

_log = logging.getLogger("kubeinformer.connection")
_told: set[str] = set()  # the servers that were logged as unverified


def client_context(config: ConnectionConfig, certificate: ClientCertificate | None = None) -> ssl.SSLContext:
    """Make the context for connections to the configured server. Reads files, which takes some milliseconds.

    Args:
        config: Which authorities to trust.
        certificate: The certificate to send; None for that of the configuration.

    Raises:
        ConfigError: A file or PEM text cannot be used, or an authority is given although verification is off.
    """
    custom_ca = config.ca_data is not None or config.ca_file is not None
    if custom_ca and not config.verify:
        # kubectl and client-go also refuse this combination: one of the two settings is a mistake, and only the user
        # knows which.
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
        if config.server not in _told:
            _told.add(config.server)
            _log.warning(
                "the server's certificate is not verified: anybody on the way can read and change everything",
                extra={"server": config.server, "source": config.source},
            )
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

    try:
        with contextlib.ExitStack() as files:
            certificate_file = _as_file(certificate.certificate_data, certificate.certificate_file, files)
            if certificate_file is None:
                raise ConfigError("a client key is given without its certificate: add client-certificate(-data)")
            key_file = _as_file(certificate.key_data, certificate.key_file, files)
            context.load_cert_chain(certificate_file, key_file, password=no_passphrase)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot use the client certificate {what}: {_reason(error)}; certificate and key must be PEM, "
            "readable, and belong to each other"
        ) from None  # an OSError may name the private file, which helps nobody


def _as_file(text: str | None, path: str | None, files: contextlib.ExitStack) -> str | None:
    return path if text is None else files.enter_context(_private_file(text))


@contextlib.contextmanager
def _private_file(text: str) -> Generator[str]:
    """A path from which the text can be read. Nobody else can read it, and it is removed afterwards."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").exists():
        with os.fdopen(os.memfd_create("kubeinformer"), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    with tempfile.TemporaryDirectory(prefix="kubeinformer-") as folder:  # made with mode 0700
        private = Path(folder, "tls.pem")
        descriptor = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        yield str(private)


def _reason(error: Exception) -> str:
    """The message of OpenSSL or of the system, without paths."""
    if isinstance(error, ssl.SSLError):
        return error.reason or "not PEM"
    return (error.strerror if isinstance(error, OSError) else None) or "not PEM text"
