"""Kubeconfig files: found, merged and turned into a configuration as kubectl does.

Rules. With several files, the first file that names a cluster, user or context wins, and so does the first
``current-context``. Relative paths are relative to the file that contains them. Text (``…-data``) takes precedence over
files, ``tokenFile`` over ``token``, and both over a password, a plugin and a provider, as in client-go. Impersonation
(``as…``) is supported, because ignoring it would give more rights than requested.

No message shows the content of a file, only names and positions. No frame that an error passes has values of a file
among its variables. If a file contains the user's token, password or key, and others than its owner can read it, this
is logged, as helm does.

The cost of a file is limited before anything is built from it (``yaml_documents``).

Theory. The files are read once, when the cluster is looked up. For what may change later (tokens), `Credentials` is
asked from then on.

Why not kubernetes_asyncio's loader (36.1): importing it takes 65 MB in every process that has a kubeconfig. The *last*
current-context wins. Paths of the user's certificates are taken relative to the cluster's file. A context without a
user, or an empty file, makes it crash. Its errors quote whole user entries. Private keys stay in temporary files until
exit. It is used for the ``gcp`` provider only (``auth_provider``), which nothing else supports.

Source. https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/, client-go's tools/clientcmd.
"""

import base64
import contextlib
import logging
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kubeinformer.connection.auth_provider import GcpCredentials, OidcCredentials
from kubeinformer.connection.config import ConnectionConfig
from kubeinformer.connection.credentials import (
    Anonymous,
    BasicCredentials,
    ClientCertificate,
    Credentials,
    StaticToken,
    TokenFile,
)
from kubeinformer.connection.exec_plugin import API_VERSIONS, INTERACTIVE_MODES, ExecCredentials, ExecPlugin
from kubeinformer.connection.proxy import proxy_for
from kubeinformer.connection.sections import Section, has_name
from kubeinformer.connection.yaml_documents import NotYaml, load_yaml
from kubeinformer.errors import ConfigError

__all__ = ["Kubeconfig", "kubeconfig_connection", "read_kubeconfig"]

_log = logging.getLogger("kubeinformer.connection")

_SECRETS = ("token", "password", "client-key-data", "auth-provider")
_OTHERS = stat.S_IRGRP | stat.S_IROTH

_IN_NAMES = "!#$&'*+^`|"  # allowed in the name of a header, as are letters, digits, ``_.-~`` and the percent sign


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The merged files. Clusters, users and contexts by name; `files` are those that were read."""

    files: tuple[Path, ...]
    current: str | None = None
    clusters: Mapping[str, Section] = field(default_factory=dict)
    users: Mapping[str, Section] = field(default_factory=dict)
    contexts: Mapping[str, Section] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether it names no context at all, such as a new, empty file."""
        return not self.contexts


def read_kubeconfig(files: Sequence[Path]) -> Kubeconfig:
    """Read and merge files. The first file takes precedence. Blocks.

    Raises:
        ConfigError: A file cannot be read, is not YAML, or is not a kubeconfig; names the file and the position.
    """
    documents = [_document(file) for file in files]
    merged: dict[str, dict[str, Section]] = {"clusters": {}, "users": {}, "contexts": {}}
    for document in documents:
        for kind, known in merged.items():
            for key, section in document.named(kind):
                known.setdefault(key, section)
    current = next((name for document in documents if (name := document.text("current-context"))), None)
    return Kubeconfig(tuple(files), current, merged["clusters"], merged["users"], merged["contexts"])


def _document(file: Path) -> Section:
    try:
        found = load_yaml(file)
    except OSError as error:
        raise ConfigError(f"cannot read the kubeconfig {file}: {error.strerror}") from None
    if isinstance(found, NotYaml):
        raise ConfigError(f"the kubeconfig {file} {found.problem}")
    return Section(found, str(file), file)


def _warn_of_readers(user: Section) -> None:
    """Log a warning if others than its owner can read the file that contains a secret."""
    if not any(user.values.get(name) for name in _SECRETS):
        return
    with contextlib.suppress(OSError):  # the file was removed meanwhile: nobody else can read it either
        mode = user.file.stat().st_mode
        if mode & _OTHERS:
            _log.warning(
                "other users of this machine can read a kubeconfig that holds credentials: chmod 600 it",
                extra={"file": str(user.file), "mode": f"{stat.S_IMODE(mode):03o}"},
            )


def kubeconfig_connection(kubeconfig: Kubeconfig, context: str | None, environ: Mapping[str, str]) -> ConnectionConfig:
    """The configuration of one context.

    Args:
        kubeconfig: The merged files.
        context: The name of the context; None for the current one.
        environ: The environment, for proxies.

    Raises:
        ConfigError: There is no such context, or it cannot be used; names those that exist.
    """
    files = ":".join(map(str, kubeconfig.files))
    available = ", ".join(sorted(kubeconfig.contexts)) or "none"
    name = context or kubeconfig.current
    if name is None:
        raise ConfigError(f"no current-context in {files}: give context=, one of: {available}")
    if name not in kubeconfig.contexts:
        what = "context" if context else "current-context"
        raise ConfigError(f"{what} {name!r} is not in {files}; available: {available}")
    chosen = kubeconfig.contexts[name]
    cluster_name, user_name = chosen.text("cluster"), chosen.text("user")
    if cluster_name is None or cluster_name not in kubeconfig.clusters:
        raise ConfigError(f"context {name!r} in {files} names the cluster {cluster_name!r}, which is not there")
    if user_name is not None and user_name not in kubeconfig.users:
        raise ConfigError(f"context {name!r} in {files} names the user {user_name!r}, which is not there")
    cluster = kubeconfig.clusters[cluster_name]
    user = kubeconfig.users[user_name] if user_name else Section({}, files, Path())
    _warn_of_readers(user)
    server = cluster.secret("server")  # a secret until it is known to contain no password
    if server is None:
        raise ConfigError(f"{cluster.where} has no server")
    return ConnectionConfig(
        server=server,
        credentials=_credentials(kubeconfig, user, user_name, cluster),
        ca_file=cluster.path("certificate-authority"),
        ca_data=cluster.pem("certificate-authority-data"),
        client_certificate=_client_certificate(user),
        tls_server_name=cluster.text("tls-server-name"),
        verify=not cluster.flag("insecure-skip-tls-verify"),
        proxy_url=cluster.secret("proxy-url") or proxy_for(server, environ),
        namespace=chosen.text("namespace") or "default",
        headers=_impersonation(user),
        source=f"context {name!r} in {files}",
    )


def _client_certificate(user: Section) -> ClientCertificate | None:
    certificate = ClientCertificate(
        certificate_file=user.path("client-certificate"),
        key_file=user.path("client-key"),
        certificate_data=user.pem("client-certificate-data"),
        key_data=user.pem("client-key-data"),
    )
    return None if certificate == ClientCertificate() else certificate


def _credentials(kubeconfig: Kubeconfig, user: Section, name: str | None, cluster: Section) -> Credentials:
    if (path := user.path("tokenFile")) is not None:
        return TokenFile(path)
    if (token := user.secret("token")) is not None:
        return StaticToken(token, source=user.where)
    username, password = user.text("username"), user.secret("password")
    if username is not None and password is not None:
        return BasicCredentials(username, password)
    if (plugin := user.section("exec")) is not None:
        return ExecCredentials(_plugin(plugin, cluster))
    if (provider := user.section("auth-provider")) is not None:

        def read_again() -> Mapping[str, Any]:
            again = read_kubeconfig(kubeconfig.files).users.get(name or "")
            section = again.section("auth-provider") if again else None
            settings = section.section("config") if section else None
            return settings.values if settings else {}

        match provider.text("name"):
            case "oidc":
                return OidcCredentials(read_again, source=user.where)
            case "gcp":
                return GcpCredentials(read_again, source=user.where)
            case other:
                raise ConfigError(
                    f"{provider.where} {other!r} is not supported (kubectl dropped it as well): use a credential "
                    "plugin (exec) in its place"
                )
    return Anonymous()


def _plugin(section: Section, cluster: Section) -> ExecPlugin:
    command, api_version = section.text("command"), section.text("apiVersion")
    if command is None or api_version is None:
        raise ConfigError(f"{section.where} needs command and apiVersion")
    interactive_mode = section.text("interactiveMode") or "IfAvailable"
    for name, value, accepted in (
        ("apiVersion", api_version, API_VERSIONS),
        ("interactiveMode", interactive_mode, INTERACTIVE_MODES),
    ):
        if value not in accepted:
            raise ConfigError(f"{section.where}: {name} must be one of {', '.join(accepted)}")
    if "/" in command:  # a name without a slash is looked up on PATH
        command = str(section.file.absolute().parent / command)
    if not all(map(has_name, section.list("env"))):
        raise ConfigError(f"{section.where}: each entry of env must be a mapping with a name")
    return ExecPlugin(
        command=command,
        args=tuple(str(argument) for argument in section.list("args")),
        env=tuple((item["name"], str(item.get("value", ""))) for item in section.list("env")),
        api_version=api_version,
        interactive_mode=interactive_mode,
        cluster=_cluster_info(cluster) if section.flag("provideClusterInfo") else None,
        install_hint=section.text("installHint") or "",
        source=section.where,
    )


def _cluster_info(cluster: Section) -> dict[str, Any]:
    """``spec.cluster`` of an ExecCredential: the cluster section with the content of its files, and its extension."""
    told = {
        name: cluster.values[name]
        for name in ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url")
        if cluster.values.get(name)
    }
    authority = cluster.path("certificate-authority")
    if authority is not None and "certificate-authority-data" not in told:
        try:
            told["certificate-authority-data"] = base64.b64encode(Path(authority).read_bytes()).decode()
        except OSError as error:
            raise ConfigError(f"cannot read the certificate authority {authority}: {error.strerror}") from None
    for extension in cluster.list("extensions"):
        if isinstance(extension, dict) and extension.get("name") == "client.authentication.k8s.io/exec":
            told["config"] = extension.get("extension")
    return told


def _impersonation(user: Section) -> tuple[tuple[str, str], ...]:
    """https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation."""
    name = user.text("as")
    groups, extra, uid = user.list("as-groups"), user.section("as-user-extra"), user.text("as-uid")
    if name is None:
        if groups or extra or uid:
            raise ConfigError(f"{user.where}: as-groups, as-uid and as-user-extra need as")
        return ()
    headers = [("Impersonate-User", name), *(("Impersonate-Group", str(group)) for group in groups)]
    if uid is not None:
        headers.append(("Impersonate-Uid", uid))
    if extra is not None:
        # Keys such as example.com/scopes are not valid in the name of a header, so they are percent-encoded, as in
        # client-go.
        names = {key: f"Impersonate-Extra-{quote(str(key), safe=_IN_NAMES)}" for key in extra.values}
        headers += [(names[key], str(value)) for key in extra.values for value in extra.list(key)]
    return tuple(headers)
