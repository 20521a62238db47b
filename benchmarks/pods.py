"""Pods of about 6.5 KB as an API server stores them. They vary enough that they compress no better than real ones."""

import hashlib
from typing import Any

__all__ = ["NAMESPACES", "pod"]

NAMESPACES = tuple(f"bench-{number}" for number in range(20))


def pod(index: int) -> dict[str, Any]:
    """Pod number ``index`` of a fleet: an application with a sidecar, volumes, probes, tolerations and a status."""
    digest = hashlib.blake2b(str(index).encode()).hexdigest()
    app = f"app-{index % 97}"
    name = f"{app}-{digest[:10]}-{digest[10:15]}"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": NAMESPACES[index % len(NAMESPACES)],
            "labels": {
                "app": app,
                "app.kubernetes.io/name": app,
                "app.kubernetes.io/part-of": f"platform-{index % 13}",
                "app.kubernetes.io/version": f"v{index % 7}.{index % 31}.0",
                "pod-template-hash": digest[:10],
            },
            "annotations": {
                "checksum/config": digest[:64],
                "cni.example.com/address": f"10.{index % 250}.{index // 250 % 250}.{index % 240}/32",
            },
        },
        "spec": {
            "nodeName": f"node-{index % 500}",
            "serviceAccountName": app,
            "terminationGracePeriodSeconds": 30,
            "containers": [
                _container("main", app, digest, index),
                _container("proxy", "mesh-proxy", digest[16:], index),
            ],
            "volumes": [
                {"name": "config", "configMap": {"name": f"{app}-config"}},
                {"name": "cache", "emptyDir": {"sizeLimit": "1Gi"}},
            ],
            "tolerations": [
                {
                    "key": f"node.kubernetes.io/{reason}",
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": 300,
                }
                for reason in ("not-ready", "unreachable")
            ],
        },
    }


def _container(name: str, image: str, digest: str, index: int) -> dict[str, Any]:
    return {
        "name": name,
        "image": f"registry.example.com/{image}@sha256:{(digest * 2)[:64]}",
        "args": [
            f"--log-level={('info', 'debug', 'warn')[index % 3]}",
            f"--shard={index % 64}",
            "--listen=0.0.0.0:8080",
        ],
        "ports": [
            {"name": "http", "containerPort": 8080, "protocol": "TCP"},
            {"name": "metrics", "containerPort": 9090},
        ],
        "env": [
            {"name": f"{image.upper().replace('-', '_')}_SETTING_{number}", "value": f"{digest[number : number + 12]}"}
            for number in range(4)
        ]
        + [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "resources": {
            "requests": {"cpu": f"{100 + index % 9 * 50}m", "memory": "256Mi"},
            "limits": {"cpu": "2", "memory": "512Mi"},
        },
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 5},
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/config", "readOnly": True},
            {"name": "cache", "mountPath": "/var/cache"},
        ],
    }
