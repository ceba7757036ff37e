"""What the deployment files promise, read from the files."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from pretrain.child import GRACE

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
JOBS = {"migrate", "register"}  # they end, so nothing can ask whether they are well
SECRETS = ("PREFECT_AUTH_STRING", "POSTGRES_PASSWORD", "REDIS_PASSWORD")


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name: str) -> None:
    assert re.search(r":\d+\.\d+", SERVICES[name]["image"]), SERVICES[name]["image"]


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - JOBS))
def test_every_service_is_asked_whether_it_is_well(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_has_no_default_and_must_be_set(secret: str) -> None:
    uses = re.findall(r"(?<!\$)\$\{" + secret + r"([^}]*)\}", COMPOSE)
    assert uses and any(use.startswith(":?") for use in uses)
    assert all(use == "" or use.startswith(":?") for use in uses)
    assert re.search(rf"^{secret}=$", (ROOT / ".env.example").read_text(), re.M)


def test_the_server_asks_for_credentials_and_workers_give_them() -> None:
    for name in ("server", "services", "migrate"):
        assert "PREFECT_SERVER_API_AUTH_STRING" in SERVICES[name]["environment"]
    for name in ("worker", "trainer", "register"):
        assert "PREFECT_API_AUTH_STRING" in SERVICES[name]["environment"]


def test_nothing_but_the_api_is_published_and_that_on_loopback() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"server": ["127.0.0.1:4200:4200"]}


def test_one_job_migrates_and_telemetry_is_off() -> None:
    for name in ("server", "services", "migrate"):
        assert SERVICES[name]["environment"]["PREFECT_SERVER_DATABASE_MIGRATE_ON_START"] == "false"
        assert SERVICES[name]["environment"]["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert SERVICES["server"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_the_image_is_pinned_and_runs_without_rights() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^FROM python:3\.11\.\d+-slim", dockerfile, re.M)
    assert re.search(r"^USER (?!root)", dockerfile, re.M)
    assert "requirements.lock" in dockerfile


def test_the_trainer_has_gpus_and_torch_and_time_to_save() -> None:
    trainer = SERVICES["trainer"]
    assert trainer["profiles"] == ["gpu"]
    (device,) = trainer["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    assert trainer["build"]["args"] == {"EXTRA": "[train]"} and trainer["image"] != SERVICES["worker"]["image"]
    assert trainer["command"][:3] == ["python", "-m", "flows.worker"]  # Prefect's own kills what it started
    assert int(trainer["stop_grace_period"].removesuffix("m")) * 60 > GRACE
    assert trainer["shm_size"] == "16gb"  # Docker's 64 MB are too little for NCCL


def test_every_pool_is_made_and_has_a_worker() -> None:
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    made = re.findall(r"prefect work-pool create (\w+)", SERVICES["register"]["command"][-1])
    served = [
        SERVICES[name]["command"][SERVICES[name]["command"].index("--pool") + 1] for name in ("worker", "trainer")
    ]
    assert {one["work_pool"]["name"] for one in deployments} == set(made) == set(served)


def test_deployments_are_scheduled_limited_and_have_a_pool() -> None:
    deployments = {one["name"]: one for one in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
    assert deployments.keys() == {"ingest", "build", "pretrain"}
    for name, one in deployments.items():
        assert one["entrypoint"] == f"flows.{name}.{name}"
        assert one["schedules"] and one["work_pool"] == {"name": "gpu" if name == "pretrain" else "gristmill"}
        assert one["concurrency_limit"]["limit"] == 1
    (trigger,) = deployments["pretrain"]["triggers"]
    assert trigger["expect"] == ["corpus.published"] and trigger["parameters"].keys() == {"corpus", "version"}
