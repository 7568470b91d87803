"""Packaging. The base install is empty of heavy things: each part names what it needs."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(r'VERSION: Final = "(.+)"', (ROOT / "pipeline/version.py").read_text())
assert VERSION is not None

PIPELINE = [
    "apache-beam[gcp]==2.77.*",
    "google-cloud-bigquery-storage>=2.27",
    "google-cloud-pubsub>=2.26",
    "jsonschema>=4.20",
    "msgspec>=0.20",
    "orjson>=3.10",
    "pyarrow>=18",
]
BRIDGE = [
    "aiohttp>=3.10",  # azure-identity's transport, and the metrics server
    "azure-identity>=1.19",
    "azure-servicebus==7.15.*",
    "google-cloud-monitoring>=2.27",
    "google-cloud-pubsub>=2.26",
    "google-cloud-secret-manager>=2.23",
    "prometheus-client>=0.21",
    "python-dotenv>=1.0",
]
LOCAL = [*PIPELINE, *BRIDGE, "duckdb>=1.4", "sqlglot>=30"]
DEV = [
    *LOCAL,
    "google-cloud-monitoring-dashboards>=3.2",  # what Google takes as a dashboard, for tests
    "hypothesis>=6.100",
    "mypy>=1.13",
    "promql-parser>=0.12",
    "pytest>=8",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.6",
    "python-hcl2>=8",  # reads Terraform's files, for tests
    "ruff>=0.8",
    "zetasql==0.1.*",  # Google's SQL analyzer and reference engine, for tests of BigQuery's SQL
]

setup(
    name="iris-bigquery",
    version=VERSION[1],
    description="Elexon IRIS to BigQuery: complete, typed, fresh.",
    python_requires=">=3.11",
    packages=find_packages(include=["bridge*", "pipeline*", "schemas*", "local*", "ops*"]),
    py_modules=["envelope"],
    package_data={
        "schemas": ["*.json", "datasets/*.json", "queries/*.sql"],
        "local": ["feed/*.json", "samples/*.json", "samples/*.md"],
    },
    extras_require={"pipeline": PIPELINE, "bridge": BRIDGE, "local": LOCAL, "dev": DEV},
)
