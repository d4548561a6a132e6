"""The Kubernetes manifest, held against what it starts: no cluster is needed for that."""

import re
from dataclasses import fields

import httpx
import pytest
import yaml

from mockapi.scenario.load import load_text
from mockapi.settings import Settings
from mockapi.stores.redis.link import Address

from .conftest import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
PARTS = {
    (each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all((ROOT / "deploy/kubernetes.yaml").read_text())
}
WORKLOADS = {
    name: part["spec"]["template"]["spec"] for (kind, name), part in PARTS.items() if kind in ("Deployment", "StatefulSet")
}
POD = WORKLOADS["mockapi"]
(CONTAINER,) = POD["containers"]
(REDIS,) = WORKLOADS["mockapi-redis"]["containers"]


def test_it_has_all_that_is_needed():
    assert [kind for kind, _ in PARTS] == [
        "Secret", "ConfigMap", "Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "StatefulSet", "Service",
    ]  # fmt: skip


def test_probes_ask_what_the_server_answers(serve):
    server = serve("steps: [{reply: x}]")
    probes = {name: CONTAINER[name]["httpGet"] for name in ("readinessProbe", "livenessProbe", "startupProbe")}
    assert {name: each["path"] for name, each in probes.items()} == {
        "readinessProbe": "/_mock/ready", "livenessProbe": "/_mock/health", "startupProbe": "/_mock/health",
    }  # fmt: skip
    for each in probes.values():
        answer = httpx.get(f"{server.url}{each['path']}", headers={"host": "10.1.2.3:7357", "user-agent": "kube-probe/1.33"})
        assert answer.status_code == 200


def test_ports_lead_to_the_server():
    (port,) = CONTAINER["ports"]
    assert port["containerPort"] == Settings().port == int(re.search(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE)[1])
    names = {each["httpGet"]["port"] for name, each in CONTAINER.items() if name.endswith("Probe")}
    names |= {each["targetPort"] for each in PARTS["Service", "mockapi"]["spec"]["ports"]}
    assert names == {port["name"]}
    assert PARTS["Service", "mockapi-redis"]["spec"]["ports"][0]["targetPort"] == REDIS["ports"][0]["name"]


def test_variables_are_settings():
    known = {f"MOCKAPI_{each.name.upper()}" for each in fields(Settings)}
    names = {each["name"] for each in CONTAINER["env"]}
    assert "MOCKAPI_STORE" in names
    assert names <= known


def test_the_store_is_the_redis_that_is_started():
    secret = PARTS["Secret", "mockapi"]["stringData"]
    address = Address(secret["store"])
    service, port = PARTS["Service", "mockapi-redis"]["metadata"]["name"], REDIS["ports"][0]["containerPort"]
    assert address.name == f"redis://{service}:{port}/0"
    assert f":{secret['redis-password']}@" in secret["store"]
    arguments = dict(zip(REDIS["args"][::2], REDIS["args"][1::2], strict=True))
    assert arguments["--maxmemory-policy"] == "noeviction"
    assert arguments["--appendonly"] == "yes"
    assert "redis" in re.search(r"pip install --no-cache-dir '\.\[(.*?)\]'", DOCKERFILE)[1].split(",")


def test_what_is_referred_to_is_there():
    secret = PARTS["Secret", "mockapi"]["stringData"]
    for container in (CONTAINER, REDIS):
        for each in container["env"]:
            if "valueFrom" in each:
                assert each["valueFrom"]["secretKeyRef"]["name"] == "mockapi"
                assert each["valueFrom"]["secretKeyRef"]["key"] in secret
    (volume,), (mount,) = POD["volumes"], CONTAINER["volumeMounts"]
    assert (mount["name"], mount["mountPath"]) == (volume["name"], re.search(r'CMD \["serve", "(.*)"\]', DOCKERFILE)[1])
    scenarios = PARTS["ConfigMap", volume["configMap"]["name"]]["data"]
    assert [load_text(text, name).steps[0].endpoint for name, text in scenarios.items()] == ["responses.create"]
    scaled = PARTS["HorizontalPodAutoscaler", "mockapi"]["spec"]
    assert (scaled["scaleTargetRef"]["kind"], scaled["scaleTargetRef"]["name"]) in PARTS
    assert scaled["minReplicas"] == PARTS["Deployment", "mockapi"]["spec"]["replicas"] > 1


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_labels_and_rights(name):
    pod = WORKLOADS[name]
    (part,) = [each for (kind, own), each in PARTS.items() if own == name and kind in ("Deployment", "StatefulSet")]
    labels = part["spec"]["template"]["metadata"]["labels"]
    assert part["spec"]["selector"]["matchLabels"] == labels == PARTS["Service", name]["spec"]["selector"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert {"cpu", "memory"} == set(container["resources"]["requests"])
        assert "memory" in container["resources"]["limits"]


def test_the_user_is_the_images_own():
    user = int(re.search(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)[1])
    assert POD["securityContext"]["runAsUser"] == user
    assert POD["terminationGracePeriodSeconds"] > 3 + 5 + 5  # before SIGTERM, for streams, and to say goodbye
