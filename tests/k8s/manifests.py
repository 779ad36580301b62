"""Renders the overlays as kubectl would, and answers questions about what came out."""

import functools
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The range of Kubernetes that the manifests are for. The namespace enforces pod security as the oldest defines it.
OLDEST, NEWEST = "1.33", "1.37"

# What can be applied by itself. The first holds everything but what differs in a cloud.
OVERLAYS = ["k8s/overlays/kind", "k8s/overlays/eks", "k8s/overlays/mesh", "k8s/cluster/traefik", "k8s/cluster/metrics-server"]

# Rendered and validated, and held against no rule: they are for an engine that is no cluster, or need an Operator and its webhooks.
TEST_OVERLAYS = ["tests/containers/play", "k8s/overlays/datadog"]

SERVICES = {"inventory-service": 8001, "pricing-service": 8002, "api-gateway": 8000}

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")


def tree(root=ROOT):
    """A copy of what kustomize reads, with a dummy for each secret that is made on the spot; the caller removes it."""
    copy = pathlib.Path(tempfile.mkdtemp(prefix="hello-dd-k8s-"))
    for folder in ("k8s", "tests/containers"):
        if (root / folder).is_dir():
            shutil.copytree(root / folder, copy / folder, ignore=shutil.ignore_patterns("secrets"))
    for file in copy.rglob("kustomization.yaml"):
        for generator in yaml.safe_load(file.read_text()).get("secretGenerator") or []:
            for entry in generator.get("files") or []:
                secret = file.parent / entry.split("=")[-1]
                secret.parent.mkdir(parents=True, exist_ok=True)
                secret.write_text("a dummy\n")
    return copy


def kustomize(folder):
    """The objects that `kubectl kustomize` makes of a folder. Raises RuntimeError with what it says where it refuses."""
    kubectl = pathlib.Path(sys.executable).parent / "kubectl"
    result = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{folder} does not render: {result.stderr.strip()}")
    return [document for document in yaml.safe_load_all(result.stdout) if document]


def render(overlays=tuple(OVERLAYS), root=ROOT):
    """{overlay: Rendered}"""
    copy = tree(root)
    try:
        return {overlay: Rendered(overlay, kustomize(copy / overlay)) for overlay in overlays}
    finally:
        shutil.rmtree(copy)


class Rendered:
    """The objects of one overlay."""

    def __init__(self, overlay, objects):
        self.overlay = overlay
        self.objects = objects

    def of(self, *kinds):
        return [o for o in self.objects if o["kind"] in kinds]

    def find(self, kind, name, namespace=None):
        for candidate in self.of(kind):
            if candidate["metadata"]["name"] == name and namespace in (None, candidate["metadata"].get("namespace")):
                return candidate
        # What External Secrets makes: a Secret of that name, with those keys.
        for candidate in self.of("ExternalSecret") if kind == "Secret" else []:
            spec = candidate["spec"]
            if spec["target"]["name"] == name and namespace in (None, candidate["metadata"].get("namespace")):
                return {**candidate, "data": {entry["secretKey"]: "" for entry in spec["data"]}}
        return None

    @property
    def workloads(self):
        return [Workload(self, o) for o in self.of(*WORKLOADS)]

    def selected(self, selector, namespace):
        """The workloads whose pods a label selector selects; an empty one selects all."""
        return [w for w in self.workloads if w.namespace == namespace and matches(selector, w.labels)]

    def service_at(self, host):
        """The Service that a host name means inside the namespace; None for a name outside the cluster."""
        name, _, rest = host.partition(".")
        if rest and not rest.endswith("svc.cluster.local") and not rest.endswith(".svc"):
            return None
        return self.find("Service", name)


class Workload:
    """A Deployment or StatefulSet, with what its pods are."""

    def __init__(self, rendered, source):
        self.rendered = rendered
        self.source = source
        self.name = source["metadata"]["name"]
        self.namespace = source["metadata"].get("namespace")
        self.template = source["spec"]["template"]
        self.pod = self.template["spec"]
        self.labels = self.template["metadata"].get("labels") or {}

    def __str__(self):
        return f"{self.source['kind']}/{self.name}"

    @property
    def is_ours(self):
        return self.name in SERVICES

    @property
    def containers(self):
        return (self.pod.get("initContainers") or []) + self.pod["containers"]

    def port(self, name):
        """The number of a port given by its name or number; None where no container has it."""
        for container in self.pod["containers"]:
            for port in container.get("ports") or []:
                if name in (port.get("name"), port["containerPort"]):
                    return port["containerPort"]
        return None

    def environment(self, container):
        """{variable: value} as the container gets it; a value from a Secret is not looked at."""
        values = {}
        for source in container.get("envFrom") or []:
            if "configMapRef" in source:
                config = self.rendered.find("ConfigMap", source["configMapRef"]["name"])
                values.update((config or {}).get("data") or {})
            if "secretRef" in source:
                secret = self.rendered.find("Secret", source["secretRef"]["name"])
                values.update({key: "" for key in (secret or {}).get("data") or {}})
        for variable in container.get("env") or []:
            reference = (variable.get("valueFrom") or {}).get("configMapKeyRef")
            config = self.rendered.find("ConfigMap", reference["name"]) if reference else None
            values[variable["name"]] = ((config or {}).get("data") or {}).get(reference["key"], "") if reference else variable.get("value", "")
        return values

    def files(self, container):
        """Every file that a ConfigMap or a Secret puts into the container, and the folders they are in."""
        volumes = {v["name"]: v for v in self.pod.get("volumes") or []}
        files, folders = set(), set()
        for mount in container.get("volumeMounts") or []:
            volume = volumes.get(mount["name"], {})
            if "secret" in volume:
                data = keys(self.rendered.find("Secret", volume["secret"]["secretName"]))
            elif "configMap" in volume:
                data = keys(self.rendered.find("ConfigMap", volume["configMap"]["name"]))
            else:
                folders.add(mount["mountPath"])
                continue
            items = (volume.get("secret") or volume.get("configMap")).get("items")
            names = [item["path"] for item in items] if items else data
            files.update(f"{mount['mountPath']}/{name}" for name in names)
            folders.add(mount["mountPath"])
        return files, folders


def keys(source):
    """The keys of a ConfigMap or Secret."""
    source = source or {}
    return {*(source.get("data") or {}), *(source.get("stringData") or {}), *(source.get("binaryData") or {})}


def matches(selector, labels):
    """Whether a LabelSelector (or a plain map of labels, as a Service has it) selects these labels."""
    selector = selector or {}
    if "matchLabels" not in selector and "matchExpressions" not in selector:
        return all(labels.get(key) == value for key, value in selector.items())
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for expression in selector.get("matchExpressions") or []:
        value, values = labels.get(expression["key"]), expression.get("values") or []
        held = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }[expression["operator"]]
        if not held:
            return False
    return True


@functools.cache
def settings_of_services():
    """{service: variables}, from .env.example: a section whose heading names services is theirs, another is everybody's. That the
    file lists exactly what the services read is for the Swift tests to see (HouseTests)."""
    known = {service: set() for service in SERVICES}
    owners = list(SERVICES)
    for line in (ROOT / ".env.example").read_text().splitlines():
        if line.startswith("# ---"):
            owners = [service for service in SERVICES if service in line] or list(SERVICES)
        name = line.lstrip("#").split("=")[0]
        if "=" in line and name.isupper() and name.replace("_", "").isalnum():
            for service in owners:
                known[service].add(name)
    return known


@functools.cache
def paths_of_services():
    """{service: paths that answer GET}, from each openapi.yaml."""
    paths = {}
    for service in SERVICES:
        document = yaml.safe_load((ROOT / service / "openapi.yaml").read_text())
        paths[service] = {path for path, operations in document["paths"].items() if "get" in operations}
    return paths


@functools.cache
def default_of(variable):
    """A setting's default, from .env.example."""
    for line in (ROOT / ".env.example").read_text().splitlines():
        if line.startswith(f"#{variable}="):
            return line.split("=", 1)[1]
    raise KeyError(variable)


def address(url):
    parts = urllib.parse.urlsplit(url)
    return parts.hostname, parts.port or {"http": 80, "https": 443, "redis": 6379, "postgres": 5432}[parts.scheme]
