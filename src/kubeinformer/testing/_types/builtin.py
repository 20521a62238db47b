"""The resources that are served from the start: those that controllers commonly use.

Rules. Names, scopes, short names, categories and verbs are those of the discovery of a real server; a row of the
conformance suite compares them. Subresources are those that the fake serves.

Source. Discovery and refusals of a real kube-apiserver 1.37.
"""

from kubeinformer.resources import Resource
from kubeinformer.testing._types.fields import Field, field
from kubeinformer.testing._types.kinds import VERBS, ResourceType

__all__ = ["BUILT_IN", "GROUPS"]

_ALL = ("all",)
_STATUS = ("status",)


def _type(
    resource: str,
    kind: str,
    *short_names: str,
    namespaced: bool = True,
    categories: tuple[str, ...] = (),
    verbs: tuple[str, ...] = VERBS,
    subresources: tuple[str, ...] = (),
    fields: tuple[Field, ...] = (),
    updates_need_version: bool = False,
) -> ResourceType:
    return ResourceType(
        Resource.parse(resource),
        kind,
        namespaced,
        short_names=short_names,
        categories=categories,
        verbs=verbs,
        subresources=subresources,
        fields=fields,
        updates_need_version=updates_need_version,
    )


def _reference(name: str) -> tuple[Field, ...]:
    parts = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    return tuple(field(f"{name}.{part}") for part in parts)


_POD_FIELDS = (
    field("spec.nodeName"),
    field("spec.restartPolicy"),
    field("spec.schedulerName"),
    field("spec.serviceAccountName"),
    field("spec.hostNetwork", absent="false"),
    field("status.phase"),
    field("status.podIP"),
    Field("status.podIPs", ()),  # accepted, and empty for every pod
    field("status.nominatedNodeName"),
)
_EVENT_FIELDS = (
    *_reference("involvedObject"),
    field("reason"),
    field("reportingComponent"),
    Field("source", (("source", "component"), ("reportingComponent",))),
    field("type"),
)
_NEW_EVENT_FIELDS = (*_reference("regarding"), field("reason"), field("reportingController"), field("type"))

BUILT_IN = (
    _type("v1/configmaps", "ConfigMap", "cm"),
    _type("v1/endpoints", "Endpoints", "ep"),
    _type("v1/events", "Event", "ev", fields=_EVENT_FIELDS),
    _type("v1/limitranges", "LimitRange", "limits"),
    _type(
        "v1/namespaces",
        "Namespace",
        "ns",
        namespaced=False,
        verbs=tuple(verb for verb in VERBS if verb != "deletecollection"),
        subresources=_STATUS,
        fields=(field("status.phase"),),
    ),
    _type(
        "v1/nodes",
        "Node",
        "no",
        namespaced=False,
        subresources=_STATUS,
        fields=(field("spec.unschedulable", absent="false"),),
    ),
    _type("v1/persistentvolumeclaims", "PersistentVolumeClaim", "pvc", subresources=_STATUS),
    _type("v1/persistentvolumes", "PersistentVolume", "pv", namespaced=False, subresources=_STATUS),
    _type("v1/pods", "Pod", "po", categories=_ALL, subresources=_STATUS, fields=_POD_FIELDS),
    _type("v1/podtemplates", "PodTemplate"),
    _type(
        "v1/replicationcontrollers",
        "ReplicationController",
        "rc",
        categories=_ALL,
        subresources=_STATUS,
        fields=(field("status.replicas", absent="0"),),
    ),
    _type("v1/resourcequotas", "ResourceQuota", "quota", subresources=_STATUS),
    _type("v1/secrets", "Secret", fields=(field("type"),)),
    _type("v1/serviceaccounts", "ServiceAccount", "sa"),
    _type(
        "v1/services",
        "Service",
        "svc",
        categories=_ALL,
        subresources=_STATUS,
        fields=(field("spec.clusterIP"), field("spec.type")),
    ),
    _type("apps/v1/controllerrevisions", "ControllerRevision"),
    _type("apps/v1/daemonsets", "DaemonSet", "ds", categories=_ALL, subresources=_STATUS),
    _type("apps/v1/deployments", "Deployment", "deploy", categories=_ALL, subresources=_STATUS),
    _type("apps/v1/replicasets", "ReplicaSet", "rs", categories=_ALL, subresources=_STATUS),
    _type("apps/v1/statefulsets", "StatefulSet", "sts", categories=_ALL, subresources=_STATUS),
    _type("events.k8s.io/v1/events", "Event", "ev", fields=_NEW_EVENT_FIELDS),
    _type(
        "autoscaling/v2/horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        "hpa",
        categories=_ALL,
        subresources=_STATUS,
    ),
    _type("batch/v1/cronjobs", "CronJob", "cj", categories=_ALL, subresources=_STATUS),
    _type(
        "batch/v1/jobs",
        "Job",
        categories=_ALL,
        subresources=_STATUS,
        fields=(field("status.successful", "status.succeeded", absent="0"),),
    ),
    _type("networking.k8s.io/v1/ingressclasses", "IngressClass", namespaced=False),
    _type("networking.k8s.io/v1/ingresses", "Ingress", "ing", subresources=_STATUS),
    _type("networking.k8s.io/v1/networkpolicies", "NetworkPolicy", "netpol"),
    _type(
        "policy/v1/poddisruptionbudgets",
        "PodDisruptionBudget",
        "pdb",
        subresources=_STATUS,
        updates_need_version=True,
    ),
    _type("rbac.authorization.k8s.io/v1/clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    _type("rbac.authorization.k8s.io/v1/clusterroles", "ClusterRole", namespaced=False),
    _type("rbac.authorization.k8s.io/v1/rolebindings", "RoleBinding"),
    _type("rbac.authorization.k8s.io/v1/roles", "Role"),
    _type(
        "apiextensions.k8s.io/v1/customresourcedefinitions",
        "CustomResourceDefinition",
        *("crd", "crds"),
        namespaced=False,
        categories=("api-extensions",),
        subresources=_STATUS,
        updates_need_version=True,
    ),
    _type("scheduling.k8s.io/v1/priorityclasses", "PriorityClass", "pc", namespaced=False),
    _type("storage.k8s.io/v1/storageclasses", "StorageClass", "sc", namespaced=False),
    _type("coordination.k8s.io/v1/leases", "Lease", updates_need_version=True),
    _type("discovery.k8s.io/v1/endpointslices", "EndpointSlice"),
)
"""Sorted by group as a real server's discovery is, and by name within one."""

GROUPS = frozenset(type_.resource.group for type_ in BUILT_IN) | {"authorization.k8s.io"}
"""The groups that come with the server."""
