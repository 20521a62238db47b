import pytest

from kubeinformer.resources import Resource
from kubeinformer.testing import FakeApiError, FakeApiServer
from kubeinformer.testing._api.access import Access, Rule

PODS = Resource.parse("v1/pods")
DEPLOYMENTS = Resource.parse("apps/v1/deployments")


def deny(verb: str | None, resource: Resource | None, user: str | None, namespace: str | None) -> Rule:
    return Rule(allows=False, verb=verb, resource=resource, user=user, namespace=namespace)


def test_everything_is_allowed_until_a_rule_forbids_it() -> None:
    access = Access(None)
    assert access.allows("alice", "list", PODS.group, PODS.plural, "")
    access.rules.append(deny("list", PODS, "alice", None))
    assert not access.allows("alice", "list", PODS.group, PODS.plural, "")
    assert not access.allows("alice", "list", PODS.group, PODS.plural, "default")
    assert access.allows("bob", "list", PODS.group, PODS.plural, "")
    assert access.allows("alice", "watch", PODS.group, PODS.plural, "")
    assert access.allows("alice", "list", DEPLOYMENTS.group, DEPLOYMENTS.plural, "")


def test_a_rule_for_a_namespace_does_not_cover_requests_across_all() -> None:
    access = Access(None)
    access.rules.append(deny(None, None, None, "web"))
    assert not access.allows("alice", "list", PODS.group, PODS.plural, "web")
    assert access.allows("alice", "list", PODS.group, PODS.plural, "")
    assert access.allows("alice", "list", PODS.group, PODS.plural, "default")


def test_the_empty_namespace_stands_for_requests_across_all() -> None:
    access = Access(None)
    access.rules.append(deny(None, None, None, ""))
    assert not access.allows("alice", "list", PODS.group, PODS.plural, "")
    assert access.allows("alice", "list", PODS.group, PODS.plural, "default")


def test_the_newest_rule_decides() -> None:
    access = Access(None)
    access.rules.append(deny(None, None, "alice", None))
    access.rules.append(Rule(allows=True, verb="list", resource=PODS, user="alice", namespace="web"))
    assert access.allows("alice", "list", PODS.group, PODS.plural, "web")
    assert not access.allows("alice", "list", PODS.group, PODS.plural, "default")
    access.rules.append(deny(None, None, None, None))
    assert not access.allows("alice", "list", PODS.group, PODS.plural, "web")


def test_the_version_of_a_resource_does_not_count() -> None:
    access = Access(None)
    access.rules.append(deny(None, Resource.parse("autoscaling/v1/horizontalpodautoscalers"), None, None))
    with pytest.raises(FakeApiError, match="horizontalpodautoscalers"):
        access.authorize("alice", "get", Resource.parse("autoscaling/v2/horizontalpodautoscalers"), "", "")


def test_the_server_keeps_its_rules_until_all_are_forgotten() -> None:
    server = FakeApiServer()
    server.deny(user="alice")
    server.allow("list", "v1/pods", "alice", namespace="web")
    access = server._access
    assert access.allows("alice", "list", PODS.group, PODS.plural, "web")
    assert not access.allows("alice", "list", PODS.group, PODS.plural, "")
    server.allow_all()
    assert access.allows("alice", "list", PODS.group, PODS.plural, "")
