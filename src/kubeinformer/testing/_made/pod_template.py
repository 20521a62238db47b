"""The template of synthetic pods: a pod of a Deployment with two containers, and with everything that a server adds.

Placeholders such as ``«name»`` are filled in by ``_made.synthetic.Template``, with values from ``_made.fleet``.
"""

from kubeinformer.resources import RawObject

__all__ = ["pod_template"]


def pod_template() -> RawObject:
    """Make the template."""
    labels = {"app": "«app»", "pod-template-hash": "«hash»", "app.kubernetes.io/part-of": "shop", "tier": "backend"}
    return {
        "metadata": {
            "name": "«name»",
            "generateName": "«app»-«hash»-",
            "namespace": "«namespace»",
            "uid": "«uid»",
            "resourceVersion": "«version»",
            "generation": 1,
            "creationTimestamp": "«created»",
            "labels": labels,
            "annotations": {
                "checksum/config": "«checksum»",
                "prometheus.io/scrape": "true",
                "prometheus.io/port": "9102",
                "cni.projectcalico.org/podIP": "«pod_ip»/32",
            },
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": "«app»-«hash»",
                    "uid": "«owner»",
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
            "managedFields": _managed_fields(labels),
        },
        "spec": _pod_spec(),
        "status": _pod_status(),
    }


def _managed_fields(labels: dict[str, str]) -> list[RawObject]:
    container: RawObject = {
        ".": {},
        "f:env": {".": {}, **{f'k:{{"name":"{name}"}}': {".": {}, "f:name": {}, "f:value": {}} for name in _ENV}},
        **{f"f:{name}": {} for name in ("image", "imagePullPolicy", "name", "terminationMessagePath")},
        "f:resources": {".": {}, "f:limits": {".": {}, "f:memory": {}}, "f:requests": {".": {}, "f:cpu": {}}},
    }
    condition: RawObject = {".": {}, "f:lastProbeTime": {}, "f:lastTransitionTime": {}, "f:status": {}, "f:type": {}}
    return [
        {
            "manager": "kube-controller-manager",
            "operation": "Update",
            "apiVersion": "v1",
            "time": "«created»",
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:metadata": {
                    "f:annotations": {".": {}, "f:checksum/config": {}, "f:prometheus.io/scrape": {}},
                    "f:generateName": {},
                    "f:labels": {".": {}, **{f"f:{label}": {} for label in labels}},
                    "f:ownerReferences": {".": {}, 'k:{"uid":"«owner»"}': {}},
                },
                "f:spec": {
                    "f:containers": {'k:{"name":"«app»"}': container, 'k:{"name":"proxy"}': container},
                    **{f"f:{name}": {} for name in ("dnsPolicy", "enableServiceLinks", "restartPolicy")},
                    "f:securityContext": {},
                },
            },
        },
        {
            "manager": "kubelet",
            "operation": "Update",
            "apiVersion": "v1",
            "time": "«ready»",
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:status": {
                    "f:conditions": {f'k:{{"type":"{type_}"}}': condition for type_ in ("Ready", "Initialized")},
                    **{f"f:{name}": {} for name in ("containerStatuses", "hostIP", "phase", "podIP", "startTime")},
                }
            },
            "subresource": "status",
        },
    ]


_ENV = {
    "LOG_LEVEL": "info",
    "DATABASE_URL": "postgres://«app».«namespace».svc:5432/«app»",
    "CONFIG_CHECKSUM": "«checksum»",
}


def _container(name: str, image: str) -> RawObject:
    return {
        "name": name,
        "image": image,
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "env": [{"name": key, "value": value} for key, value in _ENV.items()],
        "resources": {"limits": {"memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
        "volumeMounts": [
            {"name": "config", "readOnly": True, "mountPath": "/etc/config"},
            {
                "name": "kube-api-access-x7k2p",
                "readOnly": True,
                "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
            },
        ],
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 10, "failureThreshold": 3},
        "terminationMessagePath": "/dev/termination-log",
        "imagePullPolicy": "IfNotPresent",
    }


def _pod_spec() -> RawObject:
    return {
        "volumes": [
            {"name": "config", "configMap": {"name": "«app»-config", "defaultMode": 420}},
            {
                "name": "kube-api-access-x7k2p",
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                    ],
                    "defaultMode": 420,
                },
            },
        ],
        "containers": [
            _container("«app»", "registry.example.com/shop/«app»:«hash»"),
            _container("proxy", "registry.example.com/mesh/proxy:1.29.3"),
        ],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "nodeSelector": {"topology.kubernetes.io/zone": "eu-west-1«zone»"},
        "serviceAccountName": "«app»",
        "nodeName": "«node»",
        "securityContext": {"runAsNonRoot": True},
        "schedulerName": "default-scheduler",
        "tolerations": [
            {
                "key": f"node.kubernetes.io/{taint}",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            }
            for taint in ("not-ready", "unreachable")
        ],
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }


def _pod_status() -> RawObject:
    def condition(type_: str, moment: str) -> RawObject:
        return {"type": type_, "status": "True", "lastProbeTime": None, "lastTransitionTime": moment}

    def container(name: str, image: str, container_id: str) -> RawObject:
        return {
            "name": name,
            "state": {"running": {"startedAt": "«ready»"}},
            "lastState": {},
            "ready": True,
            "restartCount": "«#restarts»",
            "image": image,
            "imageID": f"{image.partition(':')[0]}@sha256:«digest»",
            "containerID": f"containerd://{container_id}",
            "started": True,
        }

    return {
        "phase": "Running",
        "conditions": [
            condition("Initialized", "«scheduled»"),
            condition("Ready", "«ready»"),
            condition("ContainersReady", "«ready»"),
            condition("PodScheduled", "«created»"),
        ],
        "hostIP": "«host_ip»",
        "podIP": "«pod_ip»",
        "podIPs": [{"ip": "«pod_ip»"}],
        "startTime": "«scheduled»",
        "containerStatuses": [
            container("«app»", "registry.example.com/shop/«app»:«hash»", "«container»"),
            container("proxy", "registry.example.com/mesh/proxy:1.29.3", "«sidecar»"),
        ],
        "qosClass": "Burstable",
    }
