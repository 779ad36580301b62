"""docker-compose.yml and the Dockerfile: what their own tools do not say."""

import dataclasses
import re

import yaml

import rules as kubernetes
from manifests import ROOT, SERVICES, settings_of_services

RULES = []


def rule(sentence):
    def register(check):
        check.sentence = sentence
        RULES.append(check)
        return check
    return register


@dataclasses.dataclass
class Files:
    compose: dict
    compose_text: str
    dockerfile: str

    @staticmethod
    def here():
        text = (ROOT / "docker-compose.yml").read_text()
        return Files(yaml.safe_load(text), text, (ROOT / "Dockerfile").read_text())

    @property
    def services(self):
        return self.compose["services"]

    @property
    def stages(self):
        """{stage: (base, instructions)}; an instruction is (word, rest), with continued lines joined."""
        stages, current = {}, None
        text = re.sub(r"^\s*#.*\n", "", self.dockerfile, flags=re.MULTILINE)
        for line in re.sub(r"\\\n\s*", " ", text).splitlines():
            word, _, rest = line.strip().partition(" ")
            if word == "FROM":
                base, _, current = rest.partition(" AS ")
                stages[current] = (base, [])
            elif word:
                stages[current][1].append((word, rest.strip()))
        return stages

    def instructions(self, stage):
        """Those of a stage and of the stages that it stands on."""
        base, own = self.stages[stage]
        return (self.instructions(base) if base in self.stages else []) + own


@rule("every image of the Dockerfile and of the compose file is pinned, and the compose file's are the manifests'")
def images(files):
    for stage, (base, _) in files.stages.items():
        if base not in files.stages and not pinned_base(base):
            yield f"Dockerfile: {stage} begins with {base}"
    for name, service in files.services.items():
        if not kubernetes.pinned(service["image"]):
            yield f"docker-compose.yml: {name}: {service['image']} may be another image tomorrow"
    text = "\n".join(p.read_text() for p in sorted((ROOT / "k8s").glob("*/*.yaml")))
    for name in (*SERVICES, "postgres", "redis"):
        if f"image: {files.services[name]['image']}\n" not in text:
            yield f"docker-compose.yml: {name}: {files.services[name]['image']} is not what k8s/ has"


def pinned_base(image):
    """A base image is pinned to a version, or to a named release of Debian."""
    return kubernetes.pinned(image) or re.search(r":(\d[\w.]*-)?bookworm(-slim)?$", image) is not None


@rule("a service's image runs as a number, without a shell, on its port, and can be asked for its health")
def stages(files):
    for service, port in SERVICES.items():
        if service not in files.stages:
            yield f"Dockerfile: no target {service}"
            continue
        given = files.instructions(service)
        last = {word: rest for word, rest in given}
        if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", last.get("USER", "")):
            yield f"Dockerfile: {service}: USER is {last.get('USER', 'missing')}, not two numbers"
        if last.get("EXPOSE") != str(port):
            yield f"Dockerfile: {service}: EXPOSE is {last.get('EXPOSE', 'missing')}, and the service listens on {port}"
        if last.get("ENTRYPOINT") != f'["/usr/local/bin/{service}"]':
            yield f"Dockerfile: {service}: ENTRYPOINT is not the service itself"
        if f'CMD ["/usr/local/bin/{service}", "health"]' not in last.get("HEALTHCHECK", ""):
            yield f"Dockerfile: {service}: HEALTHCHECK is not `{service} health`"
        if f"org.opencontainers.image.title=\"{service}\"" not in last.get("LABEL", ""):
            yield f"Dockerfile: {service}: has no label with its name"


@rule("every variable in the compose file is one that the service reads, and every file it names is given to it")
def environment(files):
    known = settings_of_services()
    for name in SERVICES:
        service = files.services[name]
        values = service["environment"]
        for variable in sorted(values.keys() - known[name]):
            yield f"docker-compose.yml: {name} does not read {variable}"
        for variable in sorted(v for v in known[name] if v.endswith("_SERVICE_URL") and v not in values):
            yield f"docker-compose.yml: {name}: {variable} is not set"
        given = {secret["target"] for secret in service["secrets"]}
        if values["DB_PASSWORD_FILE"] not in given:
            yield f"docker-compose.yml: {name}: {values['DB_PASSWORD_FILE']} is not given to it"
        if not any(path.startswith(values["KEYS_DIR"] + "/") for path in given):
            yield f"docker-compose.yml: {name}: no key is given to it"
        for path in given:
            key = path.rsplit("/", 1)[-1]
            if key.endswith(".pem") and not key.endswith(".pub.pem") and (name, key) != ("api-gateway", "services.pem"):
                yield f"docker-compose.yml: {name} is given {key}"


@rule("every container is bounded and has the least rights, and waits for the health of what it needs")
def hardening(files):
    for name, service in files.services.items():
        for field, value in {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}.items():
            if service.get(field) != value:
                yield f"docker-compose.yml: {name}: {field} is not {value}"
        for field in ("mem_limit", "cpus", "pids_limit"):
            if not service.get(field):
                yield f"docker-compose.yml: {name}: no {field}"
        for port in service.get("ports") or []:
            if not port.startswith("127.0.0.1:"):
                yield f"docker-compose.yml: {name}: {port} is open to the network"
        for dependency, condition in (service.get("depends_on") or {}).items():
            if condition.get("condition") != "service_healthy":
                yield f"docker-compose.yml: {name}: does not wait for the health of {dependency}"
        if name in SERVICES or name in ("postgres", "redis"):
            if not service.get("healthcheck", {}).get("test"):
                yield f"docker-compose.yml: {name}: has no health check"
        if name in SERVICES:
            given = seconds(service["stop_grace_period"])
            takes = float(service["environment"]["DRAIN_SECONDS"]) + float(service["environment"]["SHUTDOWN_TIMEOUT_SECONDS"])
            if given < takes + 5:
                yield f"docker-compose.yml: {name}: is given {given} s to end, and may take {takes:g} s"


def seconds(text):
    return float(str(text).rstrip("s"))


@rule("whatever a profile starts, it starts with what that needs; and every secret is declared")
def profiles(files):
    for name, service in files.services.items():
        for dependency in service.get("depends_on") or {}:
            if dependency not in files.services:
                yield f"docker-compose.yml: {name}: needs {dependency}, which is not there"
                continue
            needed = files.services[dependency].get("profiles")
            for profile in service.get("profiles") or ["(none)"]:
                if needed and profile not in needed:
                    yield f"docker-compose.yml: profile {profile} has {name} without {dependency}"
        for secret in service.get("secrets") or []:
            if secret["source"] not in files.compose["secrets"]:
                yield f"docker-compose.yml: {name}: there is no secret {secret['source']}"
    for wanted in ("inventory", "pricing", "full", "load", "dev-tools", "otel", "datadog"):
        if not any(wanted in (s.get("profiles") or []) for s in files.services.values()):
            yield f"docker-compose.yml: no profile {wanted}"
