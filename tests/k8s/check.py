#!/usr/bin/env python3
"""Renders every overlay, validates every object, and holds the manifests, docker-compose.yml and the Dockerfile against the rules."""

import sys

import containers
import manifests
import rules
import schemas


def main():
    found = 0
    for overlay, rendered in manifests.render().items():
        complaints = [f"{overlay}: {line}" for line in schemas.violations(rendered)]
        for rule in rules.RULES:
            complaints += [f"{overlay}: {line}  [{rule.sentence}]" for line in rule(rendered)]
        found += len(complaints)
        for line in complaints:
            print(line)
        print(f"{overlay}: {len(rendered.objects)} objects, Kubernetes {manifests.OLDEST} and {manifests.NEWEST}, "
              f"{len(rules.RULES)} rules, {len(complaints)} violations")
    for overlay, rendered in manifests.render(manifests.TEST_OVERLAYS).items():
        complaints = [f"{overlay}: {line}" for line in schemas.violations(rendered)]
        found += len(complaints)
        for line in complaints:
            print(line)
        print(f"{overlay}: {len(rendered.objects)} objects, Kubernetes {manifests.OLDEST} and {manifests.NEWEST}")
    for rule in containers.RULES:
        for line in rule(containers.Files.here()):
            print(f"{line}  [{rule.sentence}]")
            found += 1
    print(f"docker-compose.yml and Dockerfile: {len(containers.RULES)} rules")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
