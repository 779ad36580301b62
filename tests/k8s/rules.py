"""What the schemas of Kubernetes cannot say: each rule takes the rendered objects of one overlay and yields a sentence per violation."""

import re

import network
from manifests import (
    OLDEST, SERVICES, default_of, keys, matches, paths_of_services, settings_of_services,
)

RULES = []

# Probe paths of images that are not built here, from their documentation.
FOREIGN_PATHS = {"traefik": {"/ping"}, "registry.k8s.io/metrics-server/metrics-server": {"/livez", "/readyz"}}

LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/part-of", "app.kubernetes.io/version")
TAGS = ("tags.datadoghq.com/env", "tags.datadoghq.com/service", "tags.datadoghq.com/version")


def rule(sentence):
    def register(check):
        check.sentence = sentence
        RULES.append(check)
        return check
    return register


def title(o):
    return f"{o['kind']}/{o['metadata']['name']}"


# --- references --------------------------------------------------------------------------------------------------------------------


@rule("every ConfigMap, Secret, key, volume and account that is named is there")
def references(r):
    def look(workload, kind, name, key=None):
        found = r.find(kind, name, workload.namespace)
        if found is None:
            yield f"{workload}: there is no {kind} {name}"
        elif key is not None and key not in keys(found):
            yield f"{workload}: {kind} {name} has no key {key}"

    for w in r.workloads:
        if not r.find("ServiceAccount", w.pod.get("serviceAccountName", "default"), w.namespace):
            yield f"{w}: there is no ServiceAccount {w.pod.get('serviceAccountName', 'default')}"
        claims = {c["metadata"]["name"] for c in w.source["spec"].get("volumeClaimTemplates") or []}
        volumes = {v["name"] for v in w.pod.get("volumes") or []} | claims
        for volume in w.pod.get("volumes") or []:
            for kind, source, name in (("Secret", "secret", "secretName"), ("ConfigMap", "configMap", "name")):
                if source in volume:
                    yield from look(w, kind, volume[source][name])
                    for item in volume[source].get("items") or []:
                        yield from look(w, kind, volume[source][name], item["key"])
        for c in w.containers:
            for mount in c.get("volumeMounts") or []:
                if mount["name"] not in volumes:
                    yield f"{w}: container {c['name']} mounts {mount['name']}, and there is no such volume"
            for source in c.get("envFrom") or []:
                for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                    if field in source:
                        yield from look(w, kind, source[field]["name"])
            for variable in c.get("env") or []:
                for kind, field in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
                    reference = (variable.get("valueFrom") or {}).get(field)
                    if reference:
                        yield from look(w, kind, reference["name"], reference["key"])


@rule("every file that a setting names is mounted")
def mounted_files(r):
    for w in r.workloads:
        for c in w.containers:
            files, folders = w.files(c)
            for name, value in w.environment(c).items():
                if name.endswith(("_FILE", "CERT")) and value not in files:
                    yield f"{w}: container {c['name']}: {name} is {value}, which no volume holds"
                if name.endswith("_DIR") and value not in folders:
                    yield f"{w}: container {c['name']}: {name} is {value}, where nothing is mounted"


@rule("a private key is only where something is signed with it")
def private_keys(r):
    allowed = {"services.pem": "api-gateway", "quotes.key": "pricing-service"}
    for w in r.workloads:
        for c in w.containers:
            for path in w.files(c)[0]:
                name = path.rsplit("/", 1)[-1]
                private = name.endswith((".pem", ".key")) and not name.endswith(".pub.pem") and name != "ca.pem"
                if private and allowed.get(name) != w.name:
                    yield f"{w}: container {c['name']} is given {name}"


@rule("names of ports lead to ports")
def ports_by_name(r):
    for service in r.of("Service"):
        for w in r.selected(service["spec"].get("selector"), service["metadata"].get("namespace")):
            for port in service["spec"]["ports"]:
                target = port.get("targetPort", port["port"])
                if w.port(target) is None:
                    yield f"{title(service)}: port {target} is not one of {w}"
    for w in r.workloads:
        for c in w.pod["containers"]:
            own = {p.get("name") for p in c.get("ports") or []} | {p["containerPort"] for p in c.get("ports") or []}
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                port = ((c.get(kind) or {}).get("httpGet") or {}).get("port")
                if port is not None and port not in own:
                    yield f"{w}: {kind} asks port {port}, which container {c['name']} does not have"
        if w.is_ours and w.port("http") != SERVICES[w.name]:
            yield f"{w}: port http is {w.port('http')}, and the service listens on {SERVICES[w.name]}"


@rule("every selector selects, and a workload selects its own pods only")
def selectors(r):
    for w in r.workloads:
        # A Job's selector is made with it.
        if w.source["kind"] == "Job":
            continue
        if not matches(w.source["spec"]["selector"], w.labels):
            yield f"{w}: does not select its own pods"
        others = [o for o in r.selected(w.source["spec"]["selector"], w.namespace) if str(o) != str(w)]
        if others:
            yield f"{w}: selects the pods of {others[0]} too"
        for spread in w.pod.get("topologySpreadConstraints") or []:
            if not matches(spread["labelSelector"], w.labels):
                yield f"{w}: spreads over {spread['topologyKey']} by a selector that does not select it"
    for o in r.of("Service", "PodDisruptionBudget", "NetworkPolicy"):
        selector = o["spec"].get("podSelector" if o["kind"] == "NetworkPolicy" else "selector")
        if selector != {} and not r.selected(selector, o["metadata"].get("namespace")):
            yield f"{title(o)}: selects nothing"


@rule("an autoscaler has its target, and the target leaves the number of replicas to it")
def autoscalers(r):
    for o in r.of("HorizontalPodAutoscaler"):
        target = o["spec"]["scaleTargetRef"]
        found = r.find(target["kind"], target["name"], o["metadata"]["namespace"])
        if not found or found["apiVersion"] != target["apiVersion"]:
            yield f"{title(o)}: there is no {target['apiVersion']} {target['kind']} {target['name']}"
            continue
        if "replicas" in found["spec"]:
            yield f"{title(found)}: has replicas, which undo what {title(o)} decided"
        for c in found["spec"]["template"]["spec"]["containers"]:
            if "cpu" not in (c["resources"].get("requests") or {}):
                yield f"{title(o)}: measures against the CPU request of container {c['name']}, and there is none"
        if not 2 <= o["spec"]["minReplicas"] <= o["spec"]["maxReplicas"]:
            yield f"{title(o)}: from {o['spec']['minReplicas']} to {o['spec']['maxReplicas']} replicas; one alone cannot fail"


@rule("a node can be emptied, and not all replicas at once")
def disruption(r):
    for w in r.workloads:
        if not w.is_ours:
            continue
        budgets = [o for o in r.of("PodDisruptionBudget") if matches(o["spec"]["selector"], w.labels)]
        scaler = next((o for o in r.of("HorizontalPodAutoscaler") if o["spec"]["scaleTargetRef"]["name"] == w.name), None)
        if len(budgets) != 1:
            yield f"{w}: has {len(budgets)} disruption budgets, and needs one"
        elif scaler is None:
            yield f"{w}: has no autoscaler"
        elif budgets[0]["spec"].get("maxUnavailable") != 1:
            yield f"{title(budgets[0])}: lets more or less than one go at a time"


@rule("an Ingress leads to Services, by a controller, and shows nothing of the inside")
def ingresses(r):
    for o in r.of("Ingress"):
        if not o["spec"].get("ingressClassName"):
            yield f"{title(o)}: no controller is named, so whichever is the default serves it, or none"
        for entry in o["spec"]["rules"]:
            for path in entry["http"]["paths"]:
                backend = path["backend"]["service"]
                service = r.find("Service", backend["name"], o["metadata"]["namespace"])
                ports = {p.get("name") for p in service["spec"]["ports"]} if service else set()
                if backend["port"].get("name") not in ports:
                    yield f"{title(o)}: {path['path']} leads to {backend['name']}, port {backend['port'].get('name')}, which is not there"
                known = paths_of_services().get(backend["name"], set())
                if not any(p == path["path"] or p.startswith(path["path"].rstrip("/") + "/") for p in known):
                    yield f"{title(o)}: {backend['name']} has nothing at {path['path']}"
                if path["pathType"] == "Prefix" and path["path"] in ("/", "/metrics") or path["path"] == "/metrics":
                    yield f"{title(o)}: {path['path']} shows /metrics to everybody"


# --- settings ----------------------------------------------------------------------------------------------------------------------


@rule("every environment variable is one that the service reads, and what a cluster needs is set")
def environment(r):
    known = settings_of_services()
    for w in r.workloads:
        if not w.is_ours:
            continue
        if w.pod.get("enableServiceLinks", True):
            yield f"{w}: enableServiceLinks puts variables beside the settings that look like some"
        for c in w.containers:
            values = w.environment(c)
            for name in sorted(values.keys() - known[w.name]):
                yield f"{w}: container {c['name']}: {w.name} does not read {name}"
            needed = {"DB_HOST", "DB_NAME", "DB_USER", "DB_PASSWORD_FILE", "KEYS_DIR", "DD_ENV"}
            needed |= {name for name in known[w.name] if name.endswith("_SERVICE_URL")}
            for name in sorted(n for n in needed if not values.get(n)):
                yield f"{w}: container {c['name']}: {name} is not set, and its default is for one machine"
            if values.get("DD_ENV") and values["DD_ENV"] != w.labels.get("tags.datadoghq.com/env"):
                yield f"{w}: DD_ENV is {values['DD_ENV']}, and its label says {w.labels.get('tags.datadoghq.com/env')}"
            if "DB_PASSWORD" in values or "QUOTE_SIGNING_KEY" in values:
                yield f"{w}: container {c['name']}: a secret is in the environment, which everything it starts can read"


@rule("no secret stands in a manifest")
def plain_secrets(r):
    for o in r.of("ConfigMap"):
        for name, value in (o.get("data") or {}).items():
            if re.search(r"-----BEGIN|PASSWORD=|://[^/\s:]+:[^@\s]+@", f"{name}={value}"):
                yield f"{title(o)}: {name} looks like a secret"


@rule("the time a pod is given to end is as long as it takes")
def grace(r):
    for w in r.workloads:
        if not w.is_ours:
            continue
        c = w.pod["containers"][0]
        values = w.environment(c)
        pause = ((c.get("lifecycle") or {}).get("preStop") or {}).get("sleep", {}).get("seconds", 0)
        drain = float(values.get("DRAIN_SECONDS", default_of("DRAIN_SECONDS")))
        shutdown = float(values.get("SHUTDOWN_TIMEOUT_SECONDS", default_of("SHUTDOWN_TIMEOUT_SECONDS")))
        given = w.pod.get("terminationGracePeriodSeconds", 30)
        if pause + drain <= 0:
            yield f"{w}: ends before those who call it know"
        if given < pause + drain + shutdown + 5:
            yield f"{w}: is given {given} s to end, and may take {pause + drain + shutdown:g} s"


@rule("all replicas together stay below the database's connections")
def connections(r):
    server = next((w for w in r.workloads if w.name == "postgres"), None)
    if server is None:
        return
    found = re.search(r"max_connections=(\d+)", " ".join(server.pod["containers"][0].get("args") or []))
    most = int(found[1]) if found else 100
    needed = 0
    for w in r.workloads:
        scaler = next((o for o in r.of("HorizontalPodAutoscaler") if o["spec"]["scaleTargetRef"]["name"] == w.name), None)
        if w.is_ours and scaler:
            pool = int(w.environment(w.pod["containers"][0]).get("DATABASE_POOL_SIZE", 8))
            surge = (w.source["spec"]["strategy"].get("rollingUpdate") or {}).get("maxSurge", 1)
            # One more replica while they roll over, and its migration before it.
            needed += (scaler["spec"]["maxReplicas"] + surge) * pool + surge * pool
    if needed > most - 3:
        yield f"{server}: has {most} connections, 3 of them for superusers, and the replicas may ask for {needed}"


# --- probes, images, rights, bounds -------------------------------------------------------------------------------------------------


@rule("every probe asks a path that the container answers")
def probes(r):
    paths = paths_of_services()
    for w in r.workloads:
        # A Job ends, and that it does is what is asked of it.
        for c in w.pod["containers"] if w.source["kind"] != "Job" else []:
            known = paths[w.name] if w.is_ours else FOREIGN_PATHS.get(repository(c["image"]), set())
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                probe = c.get(kind)
                if not probe:
                    yield f"{w}: container {c['name']} has no {kind}"
                elif "httpGet" in probe and probe["httpGet"]["path"] not in known:
                    yield f"{w}: {kind} asks {probe['httpGet']['path']}, which {c['name']} does not have"
            if w.is_ours and ((c.get("livenessProbe") or {}).get("httpGet") or {}).get("path") != "/health/live":
                yield f"{w}: is restarted for other reasons than that the process hangs"


def repository(image):
    name = image.split("@")[0]
    return name.rsplit(":", 1)[0] if ":" in name.rsplit("/", 1)[-1] else name


def pinned(image):
    """A digest, or a tag that begins with a version's number."""
    if re.search(r"@sha256:[0-9a-f]{64}$", image):
        return True
    tag = image.rsplit("/", 1)[-1].partition(":")[2]
    return re.match(r"v?\d", tag) is not None


@rule("every image is pinned")
def images(r):
    for w in r.workloads:
        for c in w.containers:
            if not pinned(c["image"]):
                yield f"{w}: container {c['name']}: {c['image']} may be another image tomorrow"
            if c.get("imagePullPolicy") == "Always":
                yield f"{w}: container {c['name']}: Always pulls what is pinned already, and cannot start without the registry"


@rule("nothing may run as root, become root, write to its image or touch its node")
def rights(r):
    for w in r.workloads:
        pod = w.pod.get("securityContext") or {}
        for name in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
            if w.pod.get(name):
                yield f"{w}: {name}"
        for volume in w.pod.get("volumes") or []:
            if not {"configMap", "secret", "emptyDir", "projected", "persistentVolumeClaim", "downwardAPI"} & volume.keys():
                yield f"{w}: volume {volume['name']} is of the node"
        for c in w.containers:
            own = c.get("securityContext") or {}
            what = f"{w}: container {c['name']}"
            if not own.get("runAsNonRoot", pod.get("runAsNonRoot")):
                yield f"{what} may run as root"
            if not own.get("runAsUser", pod.get("runAsUser", 0)):
                yield f"{what} has no number of a user, or root's"
            if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
                yield f"{what} may gain rights"
            if (own.get("capabilities") or {}).get("drop") != ["ALL"] or (own.get("capabilities") or {}).get("add"):
                yield f"{what} has capabilities"
            if own.get("readOnlyRootFilesystem") is not True:
                yield f"{what} may write to its root file system"
            if (own.get("seccompProfile") or pod.get("seccompProfile") or {}).get("type") != "RuntimeDefault":
                yield f"{what} has no seccomp profile"
            for port in c.get("ports") or []:
                if "hostPort" in port:
                    yield f"{what} has a port of its node"
    for o in r.of("Namespace"):
        wanted = {"enforce": "restricted", "enforce-version": f"v{OLDEST}"}
        for name, value in wanted.items():
            if o["metadata"]["labels"].get(f"pod-security.kubernetes.io/{name}") != value:
                yield f"{title(o)}: pod-security.kubernetes.io/{name} is not {value}"


@rule("no pod gets a token for the API server unless it says what for")
def tokens(r):
    for w in r.workloads:
        account = r.find("ServiceAccount", w.pod.get("serviceAccountName", "default"), w.namespace) or {}
        automatic = w.pod.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True))
        if automatic and not (w.template["metadata"].get("annotations") or {}).get("hello-dd/token"):
            yield f"{w}: gets a token of the API server, and no annotation hello-dd/token says what for"


@rule("every container has requests and limits, and every limit is explained")
def limits(r):
    for w in r.workloads:
        because = (w.template["metadata"].get("annotations") or {}).get("hello-dd/limits", "")
        for c in w.containers:
            resources = c.get("resources") or {}
            for kind in ("requests", "limits"):
                for name in ("cpu", "memory"):
                    if name not in (resources.get(kind) or {}):
                        yield f"{w}: container {c['name']} has no {kind} of {name}"
            for name, value in (resources.get("limits") or {}).items():
                if not re.search(rf"\b{name} {re.escape(str(value))}: \S", because):
                    yield f"{w}: hello-dd/limits does not say why '{name} {value}: '"


@rule("everything carries its labels")
def labels(r):
    for o in r.objects:
        given = o["metadata"].get("labels") or {}
        for name in (*LABELS, *TAGS):
            if not given.get(name):
                yield f"{title(o)}: has no label {name}"
    for w in r.workloads:
        for name in (*LABELS, *TAGS):
            if not w.labels.get(name):
                yield f"{w}: its pods have no label {name}"
        for claim in w.source["spec"].get("volumeClaimTemplates") or []:
            if any(name.endswith("/version") for name in claim["metadata"].get("labels") or {}):
                yield f"{w}: its claims carry a version, and can never get another"


@rule("everything is in its namespace, once")
def places(r):
    cluster_wide = {"Namespace", "ClusterRole", "ClusterRoleBinding", "IngressClass", "APIService"}
    seen = set()
    for o in r.objects:
        key = (o["apiVersion"], o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"])
        if key in seen:
            yield f"{title(o)}: is there twice"
        seen.add(key)
        if (o["kind"] in cluster_wide) == ("namespace" in o["metadata"]):
            yield f"{title(o)}: has no namespace, or has one and needs none"


@rule("a rule of the mesh names a Service, and asks for mutual TLS")
def mesh(r):
    for o in r.of("DestinationRule"):
        service = r.service_at(o["spec"]["host"])
        if service is None or o["spec"]["host"] != f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc.cluster.local":
            yield f"{title(o)}: there is no Service {o['spec']['host']}"
        if o["spec"]["trafficPolicy"]["tls"]["mode"] != "ISTIO_MUTUAL":
            yield f"{title(o)}: leaves mutual TLS"
    for o in r.of("PeerAuthentication"):
        if o["spec"]["mtls"]["mode"] != "STRICT":
            yield f"{title(o)}: lets others in without mutual TLS"


@rule("the network policies open exactly the calls that are made")
def edges(r):
    yield from network.violations(r)
