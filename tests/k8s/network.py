"""The calls that are made, from settings and Ingresses, against the calls that the network policies allow."""

from manifests import address, matches

# Pods outside these manifests that everybody may call, with the labels their namespace and they have, and their ports.
DNS = ({"kubernetes.io/metadata.name": "kube-system"}, {"k8s-app": "kube-dns"}, {53})
ISTIOD = ({"kubernetes.io/metadata.name": "istio-system"}, {"app": "istiod"}, {15012})

# The pods of an Ingress controller, by its class; None where it calls from addresses and not from pods.
CONTROLLERS = {
    "traefik": ({"kubernetes.io/metadata.name": "traefik"}, {"app.kubernetes.io/name": "traefik"}),
    "alb": None,
}


def calls(r):
    """(caller, callee or None, host, port) of every setting that names another one's address; the port is the callee's pods'."""
    for w in r.workloads:
        for name, value in w.environment(w.pod["containers"][0]).items():
            if name == "PGHOST":
                host, port = value, 5432
            elif not w.is_ours:
                continue
            elif name == "DB_HOST":
                values = w.environment(w.pod["containers"][0])
                host, port = value, int(values.get("DB_PORT", 5432))
            elif name == "REDIS_HOST":
                values = w.environment(w.pod["containers"][0])
                host, port = value, int(values.get("REDIS_PORT", 6379))
            elif name.endswith("_URL"):
                host, port = address(value)
            else:
                continue
            service = r.service_at(host)
            if service is None:
                yield w, None, host, port
                continue
            target = next((p.get("targetPort", p["port"]) for p in service["spec"]["ports"] if p["port"] == port), None)
            selected = r.selected(service["spec"].get("selector"), service["metadata"]["namespace"])
            yield w, (selected[0] if selected else None), host, (selected[0].port(target) if selected and target is not None else None)


def policies(r, workload, direction):
    """The rules of one direction that hold for a workload's pods; None where no policy holds, so that everything is allowed."""
    found, rules = False, []
    for o in r.of("NetworkPolicy"):
        spec = o["spec"]
        if o["metadata"]["namespace"] != workload.namespace or direction not in spec["policyTypes"]:
            continue
        if matches(spec["podSelector"], workload.labels):
            found = True
            rules += [(o["metadata"]["name"], entry) for entry in spec.get(direction.lower()) or []]
    return rules if found else None


def ports_of(entry, workload):
    """The numbers of a rule's ports, names looked up on the workload that is called; None for all."""
    if not entry.get("ports"):
        return None
    return {workload.port(p["port"]) if isinstance(p["port"], str) else p["port"] for p in entry["ports"]}


def allows(entry, side, port, callee, labels=None, namespace=None, outside=False):
    """Whether a rule lets through a call to or from pods with these labels, or an address outside."""
    numbers = ports_of(entry, callee) if callee else {p["port"] for p in entry.get("ports") or []} or None
    if numbers is not None and port not in numbers:
        return False
    for peer in entry.get(side) or []:
        if outside:
            if "ipBlock" in peer:
                return True
        elif "ipBlock" not in peer:
            same_place = "namespaceSelector" not in peer if namespace is None else \
                "namespaceSelector" in peer and matches(peer["namespaceSelector"], namespace)
            if same_place and matches(peer.get("podSelector"), labels or {}):
                return True
    return False


def violations(r):
    if not r.of("NetworkPolicy") and not any(w.is_ours for w in r.workloads):
        return
    everywhere = [o for o in r.of("NetworkPolicy") if o["spec"]["podSelector"] == {}]
    if not any(set(o["spec"]["policyTypes"]) == {"Ingress", "Egress"} and not o["spec"].get("ingress") and not o["spec"].get("egress")
               for o in everywhere):
        yield "nothing denies by default"
    needed = list(calls(r))
    yield from missing(r, needed)
    yield from missing_entries(r)
    yield from needless(r, needed)


def missing(r, needed):
    for caller, callee, host, port in needed:
        if callee is None and r.service_at(host):
            yield f"{caller}: calls {host}, a Service that selects nothing"
        elif port is None:
            yield f"{caller}: calls {host} at a port that the Service does not have"
        elif callee is None:
            rules = policies(r, caller, "Egress")
            if rules is not None and not any(allows(entry, "to", port, None, outside=True) for _, entry in rules):
                yield f"{caller}: may not call {host}:{port}"
        else:
            out = policies(r, caller, "Egress")
            if out is not None and not any(allows(entry, "to", port, callee, callee.labels) for _, entry in out):
                yield f"{caller}: may not call {callee}:{port}"
            into = policies(r, callee, "Ingress")
            if into is not None and not any(allows(entry, "from", port, callee, caller.labels) for _, entry in into):
                yield f"{callee}: may not be called by {caller} at {port}"
    for w in r.workloads:
        rules = policies(r, w, "Egress")
        if w.is_ours and rules is not None and not any(allows(entry, "to", 53, None, DNS[1], DNS[0]) for _, entry in rules):
            yield f"{w}: may not ask for names"


def backends(r):
    """(class, workload, port) of every backend of an Ingress."""
    for o in r.of("Ingress"):
        for entry in o["spec"]["rules"]:
            for path in entry["http"]["paths"]:
                service = r.find("Service", path["backend"]["service"]["name"], o["metadata"]["namespace"])
                for w in r.selected(service["spec"]["selector"], o["metadata"]["namespace"]) if service else []:
                    for port in service["spec"]["ports"]:
                        yield o["spec"].get("ingressClassName"), w, w.port(port["targetPort"])


def missing_entries(r):
    for controller, w, port in sorted(set((c, str(w), p) for c, w, p in backends(r))):
        workload = next(x for x in r.workloads if str(x) == w)
        rules = policies(r, workload, "Ingress")
        if rules is None or controller not in CONTROLLERS:
            continue
        pods = CONTROLLERS[controller]
        ok = any(allows(entry, "from", port, workload, outside=True) for _, entry in rules) if pods is None else \
            any(allows(entry, "from", port, workload, pods[1], pods[0]) for _, entry in rules)
        if not ok:
            yield f"{w}: the Ingress controller {controller} may not call it at {port}"


def needless(r, needed):
    """Every opening of every policy must have a call that needs it."""
    made = {(str(a), str(b), port) for a, b, _, port in needed if b}
    outside = {(str(a), port) for a, b, _, port in needed if b is None}
    entries = {(str(w), port) for _, w, port in backends(r)}
    for o in r.of("NetworkPolicy"):
        name, spec = o["metadata"]["name"], o["spec"]
        own = r.selected(spec["podSelector"], o["metadata"]["namespace"])
        for direction, side in (("egress", "to"), ("ingress", "from")):
            for entry in spec.get(direction) or []:
                if not entry.get(side):
                    yield f"NetworkPolicy/{name}: {direction} to or from everybody"
                if not entry.get("ports"):
                    yield f"NetworkPolicy/{name}: {direction} at every port"
                for peer in entry.get(side) or []:
                    yield from needless_peer(r, name, own, direction, entry, peer, made, outside, entries)


def needless_peer(r, name, own, direction, entry, peer, made, outside, entries):
    numbers = [p["port"] for p in entry.get("ports") or []]
    if "ipBlock" in peer:
        for port in numbers:
            if direction == "egress":
                used = any((str(w), port) in outside for w in own)
            else:
                used = any((str(w), w.port(port)) in entries for w in own)
            if not used:
                yield f"NetworkPolicy/{name}: {direction} {peer['ipBlock']['cidr']} at {port}, which nothing uses"
        return
    if "namespaceSelector" in peer:
        known = [DNS, *([ISTIOD] if r.of("PeerAuthentication") else [])]
        for namespace, pods, ports in known:
            if direction == "egress" and is_exactly(peer, namespace, pods) and set(numbers) <= ports:
                return
        for controller in filter(None, CONTROLLERS.values()):
            if direction == "ingress" and is_exactly(peer, *controller) and all((str(w), w.port(p)) in entries for w in own for p in numbers):
                return
        yield f"NetworkPolicy/{name}: {direction} with another namespace, which nothing uses"
        return
    others = r.selected(peer.get("podSelector"), own[0].namespace if own else None)
    if not others:
        yield f"NetworkPolicy/{name}: {direction} with pods that are not there"
    for w in own:
        for other in others:
            caller, callee = (w, other) if direction == "egress" else (other, w)
            for port in numbers:
                if (str(caller), str(callee), callee.port(port)) not in made:
                    yield f"NetworkPolicy/{name}: {caller} may call {callee} at {port}, and never does"


def is_exactly(peer, namespace, pods):
    """A wider selector lets others in too."""
    return peer["namespaceSelector"] == {"matchLabels": namespace} and peer.get("podSelector") == {"matchLabels": pods}
