"""What `pulumi up` runs in this folder; all of it is in ../shop, where the tests call it too."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import pulumi
from shop import workload
from shop.settings import Settings

config = pulumi.Config("hello-dd")
for name, value in workload.build(Settings.read(pulumi.get_stack(), config.get)).items():
    pulumi.export(name, value)
