#!/usr/bin/env python3
"""The checks' own tests: what is here passes, and for each rule at least one broken manifest is caught by it."""

import copy
import dataclasses
import unittest

import containers
import manifests
import rules
import schemas

RENDERED = manifests.render()
KIND, EKS, MESH = (RENDERED[f"k8s/overlays/{name}"] for name in ("kind", "eks", "mesh"))
TRAEFIK = RENDERED["k8s/cluster/traefik"]


class Broken:
    """A copy of an overlay to break."""

    def __init__(self, rendered):
        self.rendered = manifests.Rendered(rendered.overlay, copy.deepcopy(rendered.objects))

    def get(self, kind, name):
        """An object by its name, without the hash that a generator appends."""
        for o in self.rendered.of(kind):
            own = o["metadata"]["name"]
            if own == name or kind in ("ConfigMap", "Secret") and own.rsplit("-", 1)[0] == name:
                return o
        raise KeyError(f"{kind}/{name}")

    def pod(self, name="inventory-service", kind="Deployment"):
        return self.get(kind, name)["spec"]["template"]["spec"]

    def container(self, name="inventory-service", kind="Deployment"):
        return self.pod(name, kind)["containers"][0]

    def config(self, name):
        return self.get("ConfigMap", name)["data"]

    def remove(self, kind, name):
        self.rendered.objects.remove(self.get(kind, name))


# (the rule that must catch it, the overlay, what is broken, a part of what the rule must say)
FAULTS = []


def fault(rule, says, overlay=KIND):
    def register(change):
        FAULTS.append((rule, says, overlay, change))
        return change
    return register


@fault(rules.references, "there is no Secret nothing")
def _(b): b.pod()["volumes"][0]["secret"]["secretName"] = "nothing"


@fault(rules.references, "there is no ConfigMap")
def _(b): b.remove("ConfigMap", "shop-settings")


@fault(rules.references, "has no key pasword")
def _(b): b.pod()["volumes"][0]["secret"]["items"] = [{"key": "pasword", "path": "password"}]


@fault(rules.references, "has no key")
def _(b):
    secret = b.get("Secret", "inventory-service-database")["metadata"]["name"]
    b.container()["env"] = [{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": secret, "key": "nothing"}}}]


@fault(rules.references, "mounts nothing, and there is no such volume")
def _(b): b.container()["volumeMounts"] = [{"name": "nothing", "mountPath": "/x"}]


@fault(rules.references, "there is no ServiceAccount")
def _(b): b.remove("ServiceAccount", "pricing-service")


@fault(rules.mounted_files, "DB_PASSWORD_FILE is /run/secrets/elsewhere, which no volume holds")
def _(b): b.config("shop-settings")["DB_PASSWORD_FILE"] = "/run/secrets/elsewhere"


@fault(rules.mounted_files, "DB_PASSWORD_FILE is /run/secrets/database/password")
def _(b): b.get("Secret", "inventory-service-database")["data"] = {"word": "eA=="}


@fault(rules.mounted_files, "KEYS_DIR is /keys, where nothing is mounted")
def _(b): b.config("shop-settings")["KEYS_DIR"] = "/keys"


@fault(rules.private_keys, "is given services.pem")
def _(b): b.get("Secret", "inventory-service-keys")["data"]["services.pem"] = "eA=="


@fault(rules.private_keys, "is given users.pem")
def _(b): b.get("Secret", "api-gateway-keys")["data"]["users.pem"] = "eA=="


@fault(rules.ports_by_name, "port htpp is not one of")
def _(b): b.get("Service", "api-gateway")["spec"]["ports"][0]["targetPort"] = "htpp"


@fault(rules.ports_by_name, "readinessProbe asks port web")
def _(b): b.container()["readinessProbe"]["httpGet"]["port"] = "web"


@fault(rules.ports_by_name, "and the service listens on 8001")
def _(b): b.container()["ports"][0]["containerPort"] = 8080


@fault(rules.selectors, "Service/pricing-service: selects nothing")
def _(b): b.get("Service", "pricing-service")["spec"]["selector"] = {"app.kubernetes.io/name": "pricing"}


@fault(rules.selectors, "PodDisruptionBudget/pricing-service: selects nothing")
def _(b): b.get("PodDisruptionBudget", "pricing-service")["spec"]["selector"]["matchLabels"] = {"app": "pricing"}


@fault(rules.selectors, "does not select its own pods")
def _(b): b.get("Deployment", "pricing-service")["spec"]["selector"]["matchLabels"] = {"app": "pricing"}


@fault(rules.selectors, "selects the pods of")
def _(b): b.get("Deployment", "pricing-service")["spec"]["selector"]["matchLabels"] = {"app.kubernetes.io/part-of": "hello-dd"}


@fault(rules.selectors, "spreads over")
def _(b): b.pod()["topologySpreadConstraints"][0]["labelSelector"] = {"matchLabels": {"app": "x"}}


@fault(rules.autoscalers, "there is no apps/v1 Deployment inventory")
def _(b): b.get("HorizontalPodAutoscaler", "inventory-service")["spec"]["scaleTargetRef"]["name"] = "inventory"


@fault(rules.autoscalers, "has replicas")
def _(b): b.get("Deployment", "inventory-service")["spec"]["replicas"] = 3


@fault(rules.autoscalers, "there is none")
def _(b): del b.container()["resources"]["requests"]["cpu"]


@fault(rules.autoscalers, "one alone cannot fail")
def _(b): b.get("HorizontalPodAutoscaler", "api-gateway")["spec"]["minReplicas"] = 1


@fault(rules.disruption, "has 0 disruption budgets")
def _(b): b.remove("PodDisruptionBudget", "api-gateway")


@fault(rules.disruption, "more or less than one")
def _(b): b.get("PodDisruptionBudget", "api-gateway")["spec"] = {"maxUnavailable": 0, "selector": {}}


@fault(rules.disruption, "has no autoscaler")
def _(b): b.remove("HorizontalPodAutoscaler", "api-gateway")


@fault(rules.ingresses, "leads to api-gateway, port web, which is not there")
def _(b): b.get("Ingress", "api-gateway")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["port"]["name"] = "web"


@fault(rules.ingresses, "leads to gateway")
def _(b): b.get("Ingress", "api-gateway")["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] = "gateway"


@fault(rules.ingresses, "no controller is named")
def _(b): del b.get("Ingress", "api-gateway")["spec"]["ingressClassName"]


@fault(rules.ingresses, "shows /metrics to everybody")
def _(b): b.get("Ingress", "api-gateway")["spec"]["rules"][0]["http"]["paths"][0]["path"] = "/"


@fault(rules.ingresses, "has nothing at /shop")
def _(b): b.get("Ingress", "api-gateway")["spec"]["rules"][0]["http"]["paths"][0]["path"] = "/shop"


@fault(rules.environment, "api-gateway does not read INVENTORY_URL")
def _(b): b.config("api-gateway-settings")["INVENTORY_URL"] = "http://inventory-service:8001"


@fault(rules.environment, "api-gateway does not read RESERVATION_SWEEP_SECONDS")
def _(b): b.config("api-gateway-settings")["RESERVATION_SWEEP_SECONDS"] = "2"


@fault(rules.environment, "PRICING_SERVICE_URL is not set")
def _(b): del b.config("api-gateway-settings")["PRICING_SERVICE_URL"]


@fault(rules.environment, "DB_HOST is not set")
def _(b): del b.config("shop-settings")["DB_HOST"]


@fault(rules.environment, "enableServiceLinks")
def _(b): del b.pod()["enableServiceLinks"]


@fault(rules.environment, "and its label says kind")
def _(b): b.config("shop-settings")["DD_ENV"] = "production"


@fault(rules.environment, "a secret is in the environment")
def _(b): b.container()["env"] = [{"name": "DB_PASSWORD", "value": "x"}]


@fault(rules.plain_secrets, "looks like a secret")
def _(b): b.config("pricing-service-settings")["DATABASE_URL"] = "postgres://pricing:hunter2@postgres/pricing"


@fault(rules.plain_secrets, "looks like a secret")
def _(b): b.config("pricing-service-settings")["KEY"] = "-----BEGIN PRIVATE KEY-----"


@fault(rules.grace, "is given 20 s to end, and may take 25 s")
def _(b): b.pod()["terminationGracePeriodSeconds"] = 20


@fault(rules.grace, "may take 110 s")
def _(b): b.config("shop-settings")["DRAIN_SECONDS"] = "90"


@fault(rules.grace, "ends before those who call it know")
def _(b):
    del b.container()["lifecycle"]
    b.config("shop-settings")["DRAIN_SECONDS"] = "0"


@fault(rules.connections, "has 100 connections")
def _(b): b.container("postgres", "StatefulSet")["args"] = ["postgres"]


@fault(rules.connections, "the replicas may ask for")
def _(b): b.config("shop-settings")["DATABASE_POOL_SIZE"] = "50"


@fault(rules.probes, "readinessProbe asks /ready")
def _(b): b.container()["readinessProbe"]["httpGet"]["path"] = "/ready"


@fault(rules.probes, "has no startupProbe")
def _(b): del b.container()["startupProbe"]


@fault(rules.probes, "is restarted for other reasons")
def _(b): b.container()["livenessProbe"]["httpGet"]["path"] = "/health/ready"


@fault(rules.probes, "livenessProbe asks /pong", TRAEFIK)
def _(b): b.container("traefik")["livenessProbe"]["httpGet"]["path"] = "/pong"


for _image in ("hello-dd/inventory-service", "hello-dd/inventory-service:latest", "host:5000/inventory-service", "x:stable"):
    fault(rules.images, "may be another image tomorrow")(lambda b, image=_image: b.container().update(image=image))


@fault(rules.images, "Always pulls")
def _(b): b.pod()["initContainers"][0]["imagePullPolicy"] = "Always"


@fault(rules.rights, "may run as root")
def _(b): b.pod()["securityContext"]["runAsNonRoot"] = False


@fault(rules.rights, "or root's")
def _(b): b.container()["securityContext"]["runAsUser"] = 0


@fault(rules.rights, "may gain rights")
def _(b): b.container("redis", "StatefulSet")["securityContext"]["allowPrivilegeEscalation"] = True


@fault(rules.rights, "has capabilities")
def _(b): b.container()["securityContext"]["capabilities"] = {"drop": ["ALL"], "add": ["NET_ADMIN"]}


@fault(rules.rights, "may write to its root file system")
def _(b): b.pod()["initContainers"][0]["securityContext"].pop("readOnlyRootFilesystem")


@fault(rules.rights, "has no seccomp profile")
def _(b): b.pod("postgres", "StatefulSet")["securityContext"].pop("seccompProfile")


@fault(rules.rights, "is of the node")
def _(b): b.pod()["volumes"].append({"name": "node", "hostPath": {"path": "/"}})


@fault(rules.rights, "hostNetwork")
def _(b): b.pod()["hostNetwork"] = True


@fault(rules.rights, "has a port of its node")
def _(b): b.container()["ports"][0]["hostPort"] = 8001


@fault(rules.rights, "is not restricted")
def _(b): b.get("Namespace", "hello-dd")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "baseline"


@fault(rules.tokens, "gets a token of the API server")
def _(b): b.pod()["automountServiceAccountToken"] = True


@fault(rules.tokens, "gets a token of the API server", TRAEFIK)
def _(b): b.get("Deployment", "traefik")["spec"]["template"]["metadata"]["annotations"].pop("hello-dd/token")


@fault(rules.limits, "has no limits of memory")
def _(b): b.container()["resources"]["limits"].pop("memory")


@fault(rules.limits, "has no requests of cpu")
def _(b): b.container("redis", "StatefulSet")["resources"]["requests"].pop("cpu")


@fault(rules.limits, "does not say why 'memory 1Gi: '")
def _(b): b.container()["resources"]["limits"]["memory"] = "1Gi"


@fault(rules.labels, "has no label app.kubernetes.io/part-of")
def _(b): b.get("Service", "redis")["metadata"]["labels"].pop("app.kubernetes.io/part-of")


@fault(rules.labels, "its pods have no label tags.datadoghq.com/env")
def _(b): b.get("Deployment", "api-gateway")["spec"]["template"]["metadata"]["labels"].pop("tags.datadoghq.com/env")


@fault(rules.labels, "its claims carry a version")
def _(b): b.get("StatefulSet", "postgres")["spec"]["volumeClaimTemplates"][0]["metadata"]["labels"]["app.kubernetes.io/version"] = "17"


@fault(rules.places, "is there twice")
def _(b): b.rendered.objects.append(b.get("Service", "redis"))


@fault(rules.places, "has no namespace")
def _(b): b.get("Service", "redis")["metadata"].pop("namespace")


@fault(rules.mesh, "there is no Service", MESH)
def _(b): b.get("DestinationRule", "api-gateway")["spec"]["host"] = "gateway.hello-dd.svc.cluster.local"


@fault(rules.mesh, "leaves mutual TLS", MESH)
def _(b): b.get("DestinationRule", "api-gateway")["spec"]["trafficPolicy"]["tls"]["mode"] = "DISABLE"


@fault(rules.mesh, "without mutual TLS", MESH)
def _(b): b.get("PeerAuthentication", "strict")["spec"]["mtls"]["mode"] = "PERMISSIVE"


@fault(rules.edges, "nothing denies by default")
def _(b): b.remove("NetworkPolicy", "deny-by-default")


@fault(rules.edges, "Deployment/api-gateway: may not call Deployment/pricing-service:8002")
def _(b): b.get("NetworkPolicy", "api-gateway")["spec"]["egress"].pop()


@fault(rules.edges, "Deployment/inventory-service: may not be called by Deployment/api-gateway at 8001")
def _(b): b.get("NetworkPolicy", "inventory-service")["spec"]["ingress"][0]["ports"][0]["port"] = 8080


@fault(rules.edges, "Deployment/pricing-service: may not call StatefulSet/redis:6379")
def _(b): b.remove("NetworkPolicy", "pricing-service-redis")


@fault(rules.edges, "StatefulSet/redis: may not be called by Deployment/api-gateway at 6379")
def _(b): b.get("NetworkPolicy", "redis")["spec"]["ingress"][0]["from"].pop()


@fault(rules.edges, "may not ask for names")
def _(b): b.remove("NetworkPolicy", "allow-names")


@fault(rules.edges, "may call Deployment/pricing-service at 8002, and never does")
def _(b):
    b.get("NetworkPolicy", "inventory-service")["spec"]["egress"].append(
        {"to": [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "pricing-service"}}}], "ports": [{"protocol": "TCP", "port": 8002}]})


@fault(rules.edges, "to or from everybody")
def _(b): b.get("NetworkPolicy", "inventory-service")["spec"]["ingress"] = [{}]


@fault(rules.edges, "at every port")
def _(b): b.get("NetworkPolicy", "inventory-service")["spec"]["ingress"][0].pop("ports")


@fault(rules.edges, "the Ingress controller traefik may not call it")
def _(b): b.remove("NetworkPolicy", "api-gateway-ingress")


@fault(rules.edges, "the Ingress controller alb may not call it", EKS)
def _(b): b.remove("NetworkPolicy", "api-gateway-ingress")


@fault(rules.edges, "with another namespace, which nothing uses")
def _(b): b.get("NetworkPolicy", "api-gateway-ingress")["spec"]["ingress"][0]["from"][0]["namespaceSelector"] = {}


@fault(rules.edges, "with another namespace, which nothing uses")
def _(b): b.rendered.objects.append(copy.deepcopy(Broken(MESH).get("NetworkPolicy", "allow-mesh")))


@fault(rules.edges, "at a port that the Service does not have")
def _(b): b.config("api-gateway-settings")["PRICING_SERVICE_URL"] = "http://pricing-service:80"


@fault(rules.edges, "may not call hello-dd.example.eu-west-1.rds.amazonaws.com:5432", EKS)
def _(b): b.get("NetworkPolicy", "inventory-service")["spec"].pop("egress")


@fault(rules.edges, "which nothing uses", EKS)
def _(b): b.config("shop-settings")["DB_PORT"] = "5433"


@fault(rules.edges, "Job/database-roles: may not call hello-dd.example.eu-west-1.rds.amazonaws.com:5432", EKS)
def _(b): b.get("NetworkPolicy", "database-roles")["spec"]["egress"].pop()


@fault(rules.mounted_files, "PGSSLROOTCERT is /run/secrets/database-roles/ca.pem, which no volume holds", EKS)
def _(b): b.get("ExternalSecret", "database-roles")["spec"]["data"].pop()


@fault(rules.references, "there is no Secret api-gateway-keys", EKS)
def _(b): b.remove("ExternalSecret", "api-gateway-keys")


# --- docker-compose.yml and the Dockerfile ------------------------------------------------------------------------------------------

CONTAINER_FAULTS = []


def container_fault(rule, says):
    def register(change):
        CONTAINER_FAULTS.append((rule, says, change))
        return change
    return register


def text(old, new):
    def change(files):
        assert old in files.dockerfile, old
        return dataclasses.replace(files, dockerfile=files.dockerfile.replace(old, new))
    return change


def compose(path, value):
    def change(files):
        document = copy.deepcopy(files.compose)
        *parents, last = path
        place = document
        for key in parents:
            place = place[key]
        if value is None:
            del place[last]
        else:
            place[last] = value
        return dataclasses.replace(files, compose=document)
    return change


GATEWAY = ("services", "api-gateway")
container_fault(containers.images, "runtime begins with debian")(text("FROM debian:bookworm-slim", "FROM debian:latest"))
container_fault(containers.images, "build begins with swift")(text("FROM swift:6.3-bookworm", "FROM swift"))
container_fault(containers.images, "may be another image tomorrow")(compose(("services", "redis", "image"), "redis"))
container_fault(containers.images, "is not what k8s/ has")(compose(("services", "postgres", "image"), "postgres:16"))
container_fault(containers.stages, "not two numbers")(text("USER 10001:10001", "USER nobody"))
container_fault(containers.stages, "not two numbers")(text("USER 10001:10001", "USER 0:0"))
container_fault(containers.stages, "EXPOSE is 9001")(text("EXPOSE 8001", "EXPOSE 9001"))
container_fault(containers.stages, "HEALTHCHECK is not")(text('CMD ["/usr/local/bin/api-gateway", "health"]', "CMD curl localhost"))
container_fault(containers.stages, "ENTRYPOINT is not")(text('ENTRYPOINT ["/usr/local/bin/api-gateway"]', "ENTRYPOINT sh"))
container_fault(containers.stages, "no target pricing-service")(text("AS pricing-service", "AS pricing"))
container_fault(containers.stages, "has no label with its name")(text('title="api-gateway"', 'title="gateway"'))
container_fault(containers.environment, "does not read INVENTORY_URL")(compose((*GATEWAY, "environment", "INVENTORY_URL"), "x"))
container_fault(containers.environment, "INVENTORY_SERVICE_URL is not set")(compose((*GATEWAY, "environment", "INVENTORY_SERVICE_URL"), None))
container_fault(containers.environment, "/elsewhere is not given to it")(compose((*GATEWAY, "environment", "DB_PASSWORD_FILE"), "/elsewhere"))
container_fault(containers.environment, "no key is given to it")(compose((*GATEWAY, "environment", "KEYS_DIR"), "/keys"))
container_fault(containers.environment, "inventory-service is given services.pem")(
    compose(("services", "inventory-service", "secrets", 1, "target"), "/run/secrets/keys/services.pem"))
container_fault(containers.hardening, "read_only is not True")(compose((*GATEWAY, "read_only"), False))
container_fault(containers.hardening, "cap_drop is not")(compose((*GATEWAY, "cap_drop"), None))
container_fault(containers.hardening, "no mem_limit")(compose((*GATEWAY, "mem_limit"), None))
container_fault(containers.hardening, "is open to the network")(compose((*GATEWAY, "ports"), ["8000:8000"]))
container_fault(containers.hardening, "does not wait for the health of postgres")(
    compose((*GATEWAY, "depends_on", "postgres", "condition"), "service_started"))
container_fault(containers.hardening, "has no health check")(compose((*GATEWAY, "healthcheck", "test"), None))
container_fault(containers.hardening, "is given 10.0 s to end")(compose((*GATEWAY, "stop_grace_period"), "10s"))
container_fault(containers.profiles, "profile full has api-gateway without pricing-service")(
    compose(("services", "pricing-service", "profiles"), ["pricing", "load"]))
container_fault(containers.profiles, "which is not there")(compose((*GATEWAY, "depends_on", "memcached"), {"condition": "service_healthy"}))
container_fault(containers.profiles, "there is no secret services")(compose(("secrets", "services"), None))
container_fault(containers.profiles, "no profile dev-tools")(compose(("services", "hello-dd", "profiles"), ["tools"]))


class Rules(unittest.TestCase):
    def test_each_rule_catches_what_breaks_it(self):
        for rule, says, overlay, change in FAULTS:
            with self.subTest(f"{rule.__name__}: {says}"):
                broken = Broken(overlay)
                change(broken)
                found = list(rule(broken.rendered))
                self.assertTrue(any(says in line for line in found), f"not among {found}")

    def test_each_rule_has_something_that_breaks_it(self):
        self.assertEqual({rule for rule, *_ in FAULTS}, set(rules.RULES))
        self.assertEqual({rule for rule, *_ in CONTAINER_FAULTS}, set(containers.RULES))

    def test_what_is_here_breaks_none(self):
        for overlay, rendered in RENDERED.items():
            for rule in rules.RULES:
                with self.subTest(f"{overlay}: {rule.sentence}"):
                    self.assertEqual(list(rule(rendered)), [])

    def test_each_rule_of_the_containers_catches_what_breaks_it(self):
        for rule, says, change in CONTAINER_FAULTS:
            with self.subTest(f"{rule.__name__}: {says}"):
                found = list(rule(change(containers.Files.here())))
                self.assertTrue(any(says in line for line in found), f"not among {found}")


class Schemas(unittest.TestCase):
    def found(self, overlay, change):
        broken = Broken(overlay)
        change(broken)
        return list(schemas.violations(broken.rendered))

    def test_a_field_that_does_not_exist(self):
        found = self.found(KIND, lambda b: b.container().update(livenesProbe={}))
        self.assertIn("livenesProbe", " ".join(found))

    def test_a_value_of_the_wrong_type(self):
        found = self.found(KIND, lambda b: b.get("Service", "redis")["spec"]["ports"][0].update(port="6379"))
        self.assertIn("6379", " ".join(found))

    def test_a_version_that_is_gone(self):
        found = self.found(KIND, lambda b: b.get("PodDisruptionBudget", "api-gateway").update(apiVersion="policy/v1beta1"))
        self.assertIn("has no policy/v1beta1 PodDisruptionBudget", " ".join(found))

    def test_a_kind_of_the_mesh(self):
        found = self.found(MESH, lambda b: b.get("PeerAuthentication", "strict")["spec"]["mtls"].update(mode="STRIKT"))
        self.assertIn("STRIKT", " ".join(found))

    def test_a_kind_of_external_secrets(self):
        found = self.found(EKS, lambda b: b.get("ExternalSecret", "api-gateway-keys")["spec"]["data"][0]["remoteRef"].update(property="a.b"))
        self.assertIn("a.b", " ".join(found))

    def test_an_overlay_that_does_not_render(self):
        with self.assertRaisesRegex(RuntimeError, "does not render"):
            manifests.kustomize(manifests.ROOT / "k8s")


if __name__ == "__main__":
    unittest.main()
