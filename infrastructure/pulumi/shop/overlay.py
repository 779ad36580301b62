"""The overlay `eks`, rendered by the kustomize inside kubectl, with what AWS made in place of its placeholders."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
OUTPUTS = "k8s/overlays/eks/outputs.env"

# Key of outputs.env → output of the foundation. Images come from scripts/push-images.sh.
CONSUMED = {
    "AWS_REGION": "region",
    "CACHE_HOST": "cacheHost",
    "CERTIFICATE": "certificate",
    "DATABASE_ADMINISTRATOR": "databaseAdministrator",
    "DATABASE_BLOCK": "databaseBlock",
    "DATABASE_HOST": "databaseHost",
    "ENVIRONMENT": "environment",
    "HOST_NAME": "hostName",
    "LOAD_BALANCER_GROUP": "loadBalancerGroup",
    "PUBLIC_BLOCK": "publicBlock",
    "SECRETS": "secrets",
}


class RenderError(Exception):
    """The overlay does not render, or something it needs has no value."""


def values(outputs: Mapping[str, Any], images: Mapping[str, str]) -> dict[str, str]:
    """The lines of outputs.env. Raises RenderError for what is missing or empty."""
    given = {key: str(outputs.get(output) or "") for key, output in CONSUMED.items()}
    given |= {service.replace("-", "_").upper() + "_IMAGE": image for service, image in images.items()}
    empty = sorted(key for key, value in given.items() if not value)
    if empty:
        raise RenderError(f"the foundation gives no value for {', '.join(empty)}")
    return given


def render(given: Mapping[str, str], datadog: bool, root: pathlib.Path = ROOT) -> list[dict[str, Any]]:
    """The objects, in the order in which kustomize puts them. Raises RenderError."""
    kubectl = pathlib.Path(sys.executable).parent / "kubectl"
    found = str(kubectl) if kubectl.exists() else shutil.which("kubectl")
    if found is None:
        raise RenderError("kubectl is not on the PATH: it renders k8s/overlays/eks")
    with tempfile.TemporaryDirectory(prefix="hello-dd-eks-") as folder:
        copy = pathlib.Path(folder)
        shutil.copytree(root / "k8s", copy / "k8s", ignore=shutil.ignore_patterns("secrets"))
        example = (copy / OUTPUTS).read_text()
        expected = {line.split("=")[0] for line in example.splitlines() if line and not line.startswith("#")}
        if expected != given.keys():
            raise RenderError(f"{OUTPUTS} and the program differ in {', '.join(sorted(expected ^ given.keys()))}")
        (copy / OUTPUTS).write_text("".join(f"{key}={value}\n" for key, value in sorted(given.items())))
        overlay = copy / "k8s/overlays" / ("eks-datadog" if datadog else "eks")
        result = subprocess.run([found, "kustomize", str(overlay)], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if result.returncode != 0:
        raise RenderError(f"{overlay.name} does not render: {result.stderr.strip()}")
    return [document for document in yaml.safe_load_all(result.stdout) if document]
