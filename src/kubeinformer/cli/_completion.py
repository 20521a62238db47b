"""Shell completion of resources and contexts; and suggestions for resources that are written as kubectl accepts them.

Rules. Completion never asks a cluster, because a key press must not wait for a network. Nothing here raises, because a
shell has nowhere to show an error.
"""

import os
from pathlib import Path

import typer

from kubeinformer import KubeInformerError

__all__ = ["complete_context", "complete_resource", "meant"]

# Resources that every cluster serves and that people watch. The names of custom resources have to be typed in full.
_RESOURCES = (
    "v1/pods",
    "v1/nodes",
    "v1/namespaces",
    "v1/services",
    "v1/endpoints",
    "v1/configmaps",
    "v1/secrets",
    "v1/events",
    "v1/serviceaccounts",
    "v1/persistentvolumes",
    "v1/persistentvolumeclaims",
    "v1/replicationcontrollers",
    "v1/resourcequotas",
    "v1/limitranges",
    "apps/v1/deployments",
    "apps/v1/replicasets",
    "apps/v1/statefulsets",
    "apps/v1/daemonsets",
    "batch/v1/jobs",
    "batch/v1/cronjobs",
    "autoscaling/v2/horizontalpodautoscalers",
    "policy/v1/poddisruptionbudgets",
    "networking.k8s.io/v1/ingresses",
    "networking.k8s.io/v1/networkpolicies",
    "discovery.k8s.io/v1/endpointslices",
    "coordination.k8s.io/v1/leases",
    "events.k8s.io/v1/events",
    "storage.k8s.io/v1/storageclasses",
    "storage.k8s.io/v1/volumeattachments",
    "scheduling.k8s.io/v1/priorityclasses",
    "rbac.authorization.k8s.io/v1/roles",
    "rbac.authorization.k8s.io/v1/rolebindings",
    "rbac.authorization.k8s.io/v1/clusterroles",
    "rbac.authorization.k8s.io/v1/clusterrolebindings",
    "apiextensions.k8s.io/v1/customresourcedefinitions",
)


def complete_resource(incomplete: str) -> list[str]:
    """Resources that begin with what was typed. A shell only shows those, so a plural without its group finds none."""
    return [name for name in _RESOURCES if name.startswith(incomplete)]


def meant(text: str) -> list[str]:
    """Resources that kubectl could understand this as: ``pods``, ``deployment``, ``ingresses.networking.k8s.io``."""
    name = text.rpartition("/")[2].partition(".")[0].lower()
    return [found for found in _RESOURCES if found.rpartition("/")[2] in {name, f"{name}s", f"{name}es"}]


def complete_context(context: typer.Context, incomplete: str) -> list[str]:
    """Contexts of the kubeconfig that the command line names, or of the default kubeconfig files.

    Args:
        context: Typer's context of the command, with the options typed so far.
        incomplete: The beginning of the name, as typed so far.
    """
    # Imported here, because YAML and the connection's modules are only needed to complete a context.
    from kubeinformer.connection.kubeconfig import read_kubeconfig  # noqa: PLC0415 - see above

    given = context.params.get("kubeconfig")
    names = [given] if given else (os.environ.get("KUBECONFIG") or "~/.kube/config").split(os.pathsep)
    files = [Path(name).expanduser() for name in names if name]
    try:
        found = read_kubeconfig([file for file in files if file.is_file()])
    except KubeInformerError:
        return []
    return sorted(name for name in found.contexts if name.startswith(incomplete))
