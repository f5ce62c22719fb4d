"""Checks the manifests in k8s/: current, valid, within policy, and true of the binary. Prints what is wrong, a line each.

What this machine cannot check is printed as "NOT RUN: …". Exit 0: nothing is wrong; 1: something is.
"""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
K8S = ROOT / "k8s"
OVERLAYS = ["dev", "production"]
# The oldest Kubernetes that the manifests are for, and one of the newest: a preStop that sleeps needs 1.30.
VERSIONS = ["1.30", "1.37"]


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document]


def name(document):
    return f"{document['kind']} {document['metadata']['name']}"


def pods(document):
    """The pod that a document makes, if it makes any."""
    if document["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
        yield document["spec"]["template"]["spec"]
    if document["kind"] == "CronJob":
        yield document["spec"]["jobTemplate"]["spec"]["template"]["spec"]


# What is wrong with one rendered overlay. Each takes all its documents, and yields a sentence for each mistake.

def valid(docs):
    """Kubernetes' own kinds by its schemas, others by ours: none is passed over."""
    for document in docs:
        group, _, version = document["apiVersion"].rpartition("/")
        schemas = HERE / "schemas" / f"{group}.yaml"
        if schemas.exists():
            known = yaml.safe_load(schemas.read_text())
            schema = known.get(f"{document['kind']}/{version}")
            if schema is None:
                yield f"{name(document)}: no schema of {document['apiVersion']} is known: write it from its documentation"
                continue
            for error in jsonschema.Draft202012Validator(schema).iter_errors(document.get("spec")):
                yield f"{name(document)}: spec.{'.'.join(map(str, error.absolute_path))}: {error.message}"
            continue
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"{name(document)}: {'.'.join(map(str, error.path))}: {error.message} (Kubernetes {version})"
            except kubernetes_validate.SchemaNotFoundError:
                yield f"{name(document)}: there is no {document['apiVersion']} in Kubernetes {version}, nor a schema here"


def restricted(docs):
    """Pod Security "restricted" (https://kubernetes.io/docs/concepts/security/pod-security-standards/), and more."""
    for document in docs:
        for pod in pods(document):
            who = name(document)
            secure = pod.get("securityContext", {})
            if secure.get("runAsNonRoot") is not True or not secure.get("runAsUser"):
                yield f"{who}: runs as root, or does not say that it does not"
            if secure.get("seccompProfile", {}).get("type") != "RuntimeDefault":
                yield f"{who}: has no seccomp profile"
            if pod.get("automountServiceAccountToken") is not False:
                yield f"{who}: is given a token for Kubernetes, which it does not need"
            for field in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
                if pod.get(field):
                    yield f"{who}: shares the node's or its containers' {field}"
            for volume in pod.get("volumes", []):
                if not set(volume) - {"name"} <= {"configMap", "secret", "emptyDir", "persistentVolumeClaim", "projected"}:
                    yield f"{who}: volume {volume['name']} is of a kind that may not be"
                if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                    yield f"{who}: volume {volume['name']} has no limit"
            for container in pod.get("initContainers", []) + pod["containers"]:
                secure = container.get("securityContext", {})
                if secure.get("allowPrivilegeEscalation") is not False or secure.get("privileged"):
                    yield f"{who}: {container['name']} may gain privileges"
                if secure.get("readOnlyRootFilesystem") is not True:
                    yield f"{who}: {container['name']} may write to its root"
                if secure.get("capabilities", {}).get("drop") != ["ALL"] or secure["capabilities"].get("add"):
                    yield f"{who}: {container['name']} has capabilities"


def bounded(docs):
    """Probes, resources and images of every container."""
    for document in docs:
        for pod in pods(document):
            for container in pod["containers"]:
                who = f"{name(document)}: {container['name']}"
                if document["kind"] != "Job":
                    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                        if probe not in container:
                            yield f"{who} has no {probe}"
                resources = container.get("resources", {})
                if not {"cpu", "memory"} <= set(resources.get("requests", {})):
                    yield f"{who} does not say what it needs"
                if "memory" not in resources.get("limits", {}):
                    yield f"{who} may take all memory"
                tag = container["image"].rpartition(":")[2] if ":" in container["image"] else ""
                if tag in ("", "latest"):
                    yield f"{who}: its image is not that of a release"
                ports = {port["name"] for port in container.get("ports", [])}
                for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                    spec = container.get(probe, {})
                    for way in ("httpGet", "tcpSocket"):
                        if way in spec and spec[way]["port"] not in ports:
                            yield f"{who}: {probe} asks at a port that is not there"


def no_secrets(docs):
    """Secrets are named and never written."""
    for document in docs:
        if document["kind"] == "Secret":
            yield f"{name(document)}: a secret is written here"
        for pod in pods(document):
            for container in pod["containers"]:
                for variable in container.get("env", []):
                    if "value" not in variable or not re.search("SECRET|PASSWORD|TOKEN|KEY|URL", variable["name"]):
                        continue
                    # An address may have its password from another variable.
                    if not re.search(r"://[^/\s:@]+:\$\(\w+\)@", variable["value"]):
                        yield f"{name(document)}: {variable['name']} is written here"
        for key, text in document.get("data", {}).items() if document["kind"] == "ConfigMap" else []:
            words = [text] if not key.endswith(".toml") else re.findall(
                r'^\s*\w*(?:secret|password|token|key)\s*=\s*"([^"]*)"', text, re.MULTILINE)
            words += re.findall(r"://[^/\s:@]+:([^@\s/]+)@", text)
            for word in words:
                if not word.startswith("not-a-secret"):
                    yield f"{name(document)}: {key} holds a secret"


def joined(docs):
    """What refers to something finds it: selectors their pods, ports their names, volumes and variables their sources."""
    templates = [doc["spec"]["template"]["metadata"]["labels"] for doc in docs if list(pods(doc))]
    config_maps = {doc["metadata"]["name"] for doc in docs if doc["kind"] == "ConfigMap"}
    deployments = {doc["metadata"]["name"] for doc in docs if doc["kind"] == "Deployment"}
    services = {doc["metadata"]["name"]: doc for doc in docs if doc["kind"] == "Service"}
    accounts = {doc["metadata"]["name"] for doc in docs if doc["kind"] == "ServiceAccount"}

    def found(selector):
        return any(selector.items() <= labels.items() for labels in templates)

    for document in docs:
        who, spec = name(document), document.get("spec", {})
        if document["kind"] == "Service" and not found(spec["selector"]):
            yield f"{who} selects nothing"
        if document["kind"] == "PodDisruptionBudget" and not found(spec["selector"]["matchLabels"]):
            yield f"{who} selects nothing"
        if document["kind"] == "Deployment":
            if not spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items():
                yield f"{who} does not select its own pods"
        if document["kind"] == "HorizontalPodAutoscaler" and spec["scaleTargetRef"]["name"] not in deployments:
            yield f"{who} scales nothing"
        if document["kind"] == "HTTPRoute":
            for rule in spec["rules"]:
                for backend in rule.get("backendRefs", []):
                    ports = [port["port"] for port in services.get(backend["name"], {"spec": {"ports": []}})["spec"]["ports"]]
                    if backend["port"] not in ports:
                        yield f"{who} leads nowhere"
        if document["kind"] == "NetworkPolicy":
            selector = spec["podSelector"].get("matchLabels", {})
            if selector and "cnpg.io/cluster" not in selector and not found(selector):
                yield f"{who} is about nobody"
        for pod in pods(document):
            volumes = {volume["name"] for volume in pod.get("volumes", [])}
            for volume in pod.get("volumes", []):
                if "configMap" in volume and volume["configMap"]["name"] not in config_maps:
                    yield f"{who}: there is no ConfigMap {volume['configMap']['name']}"
            if pod.get("serviceAccountName", "hub") not in accounts:
                yield f"{who}: there is no such account"
            for container in pod["containers"]:
                for mount in container.get("volumeMounts", []):
                    if mount["name"] not in volumes:
                        yield f"{who}: {container['name']} mounts {mount['name']}, which is not there"


def guarded(docs):
    """A namespace of Pod Security "restricted", in which nobody reaches anybody unless it is said."""
    labels = [doc["metadata"]["labels"] for doc in docs if doc["kind"] == "Namespace"]
    if [each.get("pod-security.kubernetes.io/enforce") for each in labels] != ["restricted"]:
        yield "the namespace does not enforce Pod Security `restricted`"
    policies = [doc["spec"] for doc in docs if doc["kind"] == "NetworkPolicy"]
    if not any(spec["podSelector"] == {} and set(spec["policyTypes"]) == {"Ingress", "Egress"}
               and not spec.get("ingress") and not spec.get("egress") for spec in policies):
        yield "no policy forbids what the others do not allow"


def settings_of(docs):
    for document in docs:
        if document["kind"] == "ConfigMap" and "hub.toml" in document["data"]:
            return tomllib.loads(document["data"]["hub.toml"])
    return {}


def true_of_the_hub(docs):
    """Ports, time to stop and secrets are those of hub.toml."""
    settings = settings_of(docs)
    listens = {
        "http": settings["http"]["listen"].rpartition(":")[2],
        "metrics": settings["metrics"]["listen"].rpartition(":")[2],
    }
    grace = settings["http"].get("shutdown_grace_secs", 20)
    wanted = set(re.findall(r"'env': '(\w+)'", str(settings)))
    for document in docs:
        for pod in pods(document):
            for container in pod["containers"]:
                arguments = container.get("args", [""])
                if not re.search(r"(^|/)hub:", container["image"]) or arguments[0] not in ("serve", "worker", "migrate"):
                    continue
                who = f"{name(document)}: {container['name']}"
                for port in container.get("ports", []):
                    if str(port["containerPort"]) != listens[port["name"]]:
                        yield f"{who}: port {port['name']} is not where the hub listens"
                given = {variable["name"] for variable in container.get("env", [])}
                wanted_here, named = set(wanted), set()
                for variable in container.get("env", []):
                    # Only what stands before it is put in its place.
                    for used in re.findall(r"\$\((\w+)\)", variable.get("value", "")):
                        if used not in named:
                            yield f"{who}: {variable['name']} comes before {used}"
                        wanted_here.add(used)
                    named.add(variable["name"])
                if wanted_here - given:
                    yield f"{who} lacks {', '.join(sorted(wanted_here - given))}"
                for number in given - wanted_here:
                    if not number.startswith("HUB__"):
                        yield f"{who}: nothing reads {number}"
                if arguments[0] == "serve":
                    sleep = container["lifecycle"]["preStop"]["sleep"]["seconds"]
                    if pod["terminationGracePeriodSeconds"] < sleep + grace + 5:
                        yield f"{who} is killed before its grace is over"
                paths = {container[probe]["httpGet"]["path"] for probe in
                         ("startupProbe", "livenessProbe", "readinessProbe") if "httpGet" in container.get(probe, {})}
                if not paths <= {"/livez", "/readyz"}:
                    yield f"{who}: a probe asks for what the hub does not have"


RULES = [valid, restricted, bounded, no_secrets, joined, guarded, true_of_the_hub]


def problems(docs):
    return [f"{rule.__name__}: {problem}" for rule in RULES for problem in rule(docs)]


# Each rule finds what it is for: a mistake that is made on purpose.

def find(docs, kind, called):
    return next(doc for doc in docs if doc["kind"] == kind and doc["metadata"]["name"] == called)


def gateway(docs):
    return find(docs, "Deployment", "hub-gateway")["spec"]


def container(docs):
    return gateway(docs)["template"]["spec"]["containers"][0]


def set_to(thing, key, value):
    thing[key] = value


MISTAKES = [
    (valid, lambda docs: set_to(gateway(docs), "replicsa", 2)),
    (valid, lambda docs: set_to(find(docs, "Cluster", "hub-postgres")["spec"], "instnaces", 2)),
    (valid, lambda docs: set_to(find(docs, "ScheduledBackup", "hub-postgres")["spec"], "schedule", "0 2 * * *")),
    (valid, lambda docs: set_to(find(docs, "HTTPRoute", "hub")["spec"]["rules"][0], "timeout", {"request": "1s"})),
    (valid, lambda docs: set_to(find(docs, "ServiceMonitor", "hub"), "kind", "PodMonitor")),
    (valid, lambda docs: docs.append({"apiVersion": "example.nl/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": {}})),
    (restricted, lambda docs: container(docs).pop("securityContext")),
    (restricted, lambda docs: set_to(gateway(docs)["template"]["spec"], "hostNetwork", True)),
    (restricted, lambda docs: set_to(gateway(docs)["template"]["spec"]["securityContext"], "runAsNonRoot", False)),
    (restricted, lambda docs: gateway(docs)["template"]["spec"]["volumes"].append({"name": "a", "hostPath": {"path": "/"}})),
    (bounded, lambda docs: container(docs).pop("readinessProbe")),
    (bounded, lambda docs: container(docs)["resources"].pop("limits")),
    (bounded, lambda docs: set_to(container(docs), "image", "registry.example.nl:5000/hub:latest")),
    (no_secrets, lambda docs: container(docs)["env"].append({"name": "A_PASSWORD", "value": "hush"})),
    (no_secrets, lambda docs: docs.append({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {}})),
    (no_secrets, lambda docs: docs.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"},
                                           "data": {"hub.toml": 'url = "postgres://hub:hush@db/hub"'}})),
    (joined, lambda docs: set_to(gateway(docs)["template"]["metadata"]["labels"], "app.kubernetes.io/component", "a")),
    (joined, lambda docs: container(docs)["volumeMounts"].append({"name": "a", "mountPath": "/a"})),
    (joined, lambda docs: set_to(find(docs, "HTTPRoute", "hub")["spec"]["rules"][0]["backendRefs"][0], "port", 81)),
    (guarded, lambda docs: docs.remove(find(docs, "NetworkPolicy", "nobody"))),
    (guarded, lambda docs: find(docs, "Namespace", "alliance-hub")["metadata"].pop("labels") and
     set_to(find(docs, "Namespace", "alliance-hub")["metadata"], "labels", {})),
    (true_of_the_hub, lambda docs: set_to(container(docs)["ports"][0], "containerPort", 8081)),
    (true_of_the_hub, lambda docs: set_to(gateway(docs)["template"]["spec"], "terminationGracePeriodSeconds", 30)),
    (true_of_the_hub, lambda docs: container(docs)["env"].pop()),
    (true_of_the_hub, lambda docs: container(docs)["env"].reverse()),
    (true_of_the_hub, lambda docs: container(docs)["env"].append({"name": "UNUSED", "value": "x"})),
    (no_secrets, lambda docs: container(docs)["env"].append(
        {"name": "HUB__DATABASE__REPLICA_URL", "value": "postgres://hub:hush@hub-postgres-ro:5432/hub"})),
    (true_of_the_hub, lambda docs: set_to(container(docs)["livenessProbe"]["httpGet"], "path", "/healthz")),
]


def blind(docs):
    """Rules that do not see the mistakes that they are for."""
    for number, (rule, mistake) in enumerate(MISTAKES):
        wrong = copy.deepcopy(docs)
        mistake(wrong)
        if not list(rule(wrong)):
            yield f"{rule.__name__} does not see mistake {number}"


# Beside the manifests.

def kubectl():
    """A kubectl whose kustomize knows today's fields."""
    found = shutil.which("kubectl")
    if not found:
        return None
    told = subprocess.run([found, "version", "--client", "-o", "json"], capture_output=True, text=True)
    try:
        version = json.loads(told.stdout)["clientVersion"]["gitVersion"]
    except (ValueError, KeyError):
        return None
    major, minor = map(int, re.match(r"v(\d+)\.(\d+)", version).groups())
    return found if (major, minor) >= (1, 27) else None


def current():
    """What is rendered is what the overlays say."""
    program = kubectl()
    if program is None:
        print("NOT RUN: whether k8s/rendered is current: there is no kubectl of 1.27 or newer here")
        return
    for overlay in OVERLAYS:
        rendered = subprocess.run([program, "kustomize", str(K8S / "overlays" / overlay)], capture_output=True, text=True)
        if rendered.returncode != 0:
            yield f"overlay {overlay} cannot be rendered: {rendered.stderr.strip()}"
        elif rendered.stdout != (K8S / "rendered" / f"{overlay}.yaml").read_text():
            yield (f"k8s/rendered/{overlay}.yaml is not current: run "
                   f"`kubectl kustomize k8s/overlays/{overlay} > k8s/rendered/{overlay}.yaml`")


def metrics_of(expression):
    return set(re.findall(r"\bhub_[a-z_]+", expression))


def told_of():
    """What the hub counts, as its code names it."""
    names = set()
    for file in (ROOT / "gateway/src/telemetry/metrics").glob("*.rs"):
        text = file.read_text()
        for kind, named in re.findall(r'(Count|Level)::new\(\s*registry,\s*"(\w+)"', text):
            names.add(f"hub_{named}" + ("_total" if kind == "Count" else ""))
        for named in re.findall(r'\(\s*"(\w+_seconds)",\s*"', text):
            names |= {f"hub_{named}", *(f"hub_{named}_{part}" for part in ("bucket", "sum", "count"))}
        for named, kind in re.findall(r'encode_descriptor\("(\w+)",[^;]*?MetricType::(\w+)\)', text):
            names.add(f"hub_{named}" + ("_total" if kind == "Counter" else ""))
        names |= {f"hub_{named}" for named in re.findall(r'\(\s*"(cache_\w+)",\s*"', text)}
        names |= {f"hub_{named}" for named in re.findall(r'\(\s*"(source_\w+)",\s*"', text)}
    return names


def dashboards():
    """Dashboards and alerts ask for what the hub counts."""
    known = told_of()
    for file in sorted((K8S / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", []):
                for unknown in metrics_of(target["expr"]) - known:
                    yield f"{file.name}: `{panel['title']}` asks for {unknown}, which the hub does not count"
    for rule in alert_rules()["groups"][0]["rules"]:
        for unknown in metrics_of(rule["expr"]) - known:
            yield f"alert {rule['alert']} asks for {unknown}, which the hub does not count"


def alert_rules():
    docs = documents((K8S / "overlays/production/alerts.yaml").read_text())
    return docs[0]["spec"]


def alerts():
    """Alerts are raised when they should be, and not else."""
    program = shutil.which("promtool")
    if program is None:
        print("NOT RUN: tests of the alert rules: there is no promtool here (Debian's package `prometheus`)")
        return
    tested = yaml.safe_load((HERE / "alerts.yaml").read_text())
    raised = {test["alertname"] for each in tested["tests"] for test in each["alert_rule_test"] if test["exp_alerts"]}
    for rule in alert_rules()["groups"][0]["rules"]:
        if rule["alert"] not in raised:
            yield f"alert {rule['alert']} is never raised in tests/k8s/alerts.yaml"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rules.yaml").write_text(yaml.safe_dump(alert_rules()))
        shutil.copy(HERE / "alerts.yaml", folder)
        for arguments in (["check", "rules", "rules.yaml"], ["test", "rules", "alerts.yaml"]):
            told = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True)
            if told.returncode != 0:
                yield f"promtool {' '.join(arguments)}: {told.stdout}{told.stderr}"


def main():
    found = []
    for overlay in OVERLAYS:
        docs = documents((K8S / "rendered" / f"{overlay}.yaml").read_text())
        found += [f"{overlay}: {problem}" for problem in problems(docs)]
    found += list(blind(documents((K8S / "rendered/production.yaml").read_text())))
    component = documents((K8S / "components/external-secrets/secrets.yaml").read_text())
    found += [f"external-secrets: {problem}" for problem in valid(component)]
    for check in (current, dashboards, alerts):
        found += list(check())
    for problem in found:
        print(f"WRONG: {problem}")
    print(f"k8s: {len(found)} mistakes")
    return 1 if found else 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
