"""docker-compose.yml runs the same platform as the embedded stack: same ports, same variables, no more rights than needed."""

from __future__ import annotations

import importlib.util
import re
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chassis.settings import Settings
from deploy.containers import environment
from deploy.local.child import Child
from deploy.local.kafka_files import server_properties
from deploy.local.layout import PORTS, Layout
from deploy.local.plan import SERVICES as LOCAL_SERVICES
from deploy.local.plan import plan
from deploy.local.secrets import Secrets
from tests.contract.compose import COMPOSE, ROOT, SECRETS, SERVICES, secret_files, told

OURS = tuple(LOCAL_SERVICES)
SANDBOX = ("gateway", "bank", "vnpay", "national", "sms", "mail", "oidc", "register", "traces")
JOBS = ("topics", *(f"{name}-migrations" for name in OURS))
# Where a container listens on more or other ports than the one of its name.
INSIDE = {"postgres": {"postgres": 5432}, "mail": {"mail": PORTS["mail"], "smtp": PORTS["smtp"]}}
ALIASES = {"oidc.localhost": "oidc", "vnpay.localhost": "vnpay"}


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Child]:
    layout = Layout(tmp_path_factory.mktemp("local"))
    return {child.name: child for child in plan(layout, Secrets(b"of the tests"))}


def settings_class(name: str) -> type[Settings]:
    module = f"services.{name}.settings"
    if importlib.util.find_spec(module) is None:
        return Settings
    classes = [each for each in vars(import_module(module)).values() if isinstance(each, type)]
    return max((each for each in classes if issubclass(each, Settings)), key=lambda each: len(each.model_fields))


def test_it_runs_all_that_the_embedded_stack_runs(local: dict[str, Child]) -> None:
    assert set(SERVICES) == {*local, *JOBS}
    assert environment.SERVICES == OURS


@pytest.mark.parametrize("name", [*OURS, *SANDBOX, "postgres", "kafka"])
def test_a_container_is_published_on_loopback_at_the_port_everyone_knows(name: str) -> None:
    inside = INSIDE.get(name, {name: PORTS[name]})
    assert SERVICES[name]["ports"] == [f"127.0.0.1:{PORTS[port]}:{inside[port]}" for port in inside]


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_told_all_that_its_settings_ask_for_and_nothing_else(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in told(name).items():
        monkeypatch.setenv(variable, value)
    settings = settings_class(name)
    assert {variable.removeprefix("MOTCUA_").lower() for variable in told(name)} <= settings.model_fields.keys()
    built = settings()
    assert (built.http_port, built.http_host, built.kafka_user) == (PORTS[name], "0.0.0.0", name)


@pytest.mark.parametrize("name", [*OURS, *SANDBOX])
def test_a_container_is_told_what_the_embedded_process_is_told(name: str, local: dict[str, Child]) -> None:
    """The same variables, and the same paths of every address; only hosts differ."""
    here, there = told(name), dict(local[name].environment)
    listens = {"MOTCUA_HTTP_HOST", "SANDBOX_HOST"}
    assert here.keys() - listens == there.keys()
    for variable in there:
        if there[variable].startswith("http"):
            assert urlsplit(here[variable]).path == urlsplit(there[variable]).path, variable


@pytest.mark.parametrize("name", SERVICES)
def test_an_address_inside_names_a_container_and_a_port_it_listens_on(name: str) -> None:
    addresses = {
        match.groups()
        for value in told(name).values()
        for match in re.finditer(r"(?:^|//|@)([a-z][a-z0-9.-]*):(\d+)(?=/|$)", value)
        if match[1] != "localhost"
    }
    for host, port in addresses:
        container = ALIASES.get(host, host)
        listening = {str(each) for each in INSIDE.get(container, {container: PORTS.get(container)}).values()}
        assert port in listening | ({"19094"} if container == "kafka" else set()), f"{host}:{port}"


def test_a_name_of_another_container_is_an_alias_it_has() -> None:
    for alias, name in ALIASES.items():
        assert alias in SERVICES[name]["networks"]["default"]["aliases"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_do_no_more_than_it_must(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["cpus"]
    assert service["pids_limit"]


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_container_needs_is_there_before_it_starts(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        if how["condition"] == "service_completed_successfully":
            assert needed in JOBS
            assert SERVICES[needed]["restart"] == "no"
        else:
            assert how["condition"] == "service_healthy"
            assert "test" in SERVICES[needed]["healthcheck"]
    if name in OURS:
        assert set(SERVICES[name]["depends_on"]) == {"topics", f"{name}-migrations"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_file_and_volume_that_a_container_mounts_exists(name: str) -> None:
    for mount in SERVICES[name].get("volumes", []):
        source = mount.split(":")[0]
        if source.startswith("."):
            assert (ROOT / source).exists()
            assert mount.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]
    for file in secret_files(name):
        assert file in SECRETS
        assert SERVICES[name]["env_file"] == [f".motcua/containers/{file}.env"]


def test_a_service_holds_no_other_services_secret() -> None:
    for name in OURS:
        held = set(SECRETS[name].values())
        for other in OURS:
            if other != name:
                private = {SECRETS[other]["MOTCUA_DATABASE_URL"], SECRETS[other]["MOTCUA_KAFKA_PASSWORD"]}
                assert not held & private
        assert not any("_owner" in value for value in held)


def test_secrets_are_written_once_for_their_owner_only(tmp_path: Path) -> None:
    environment.write(tmp_path)
    written = {path.name: path.read_bytes() for path in tmp_path.glob("*.env")}
    assert set(written) == {f"{name}.env" for name in SECRETS}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.env")} == {0o600}
    environment.write(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.env")} == written


def test_kafka_in_a_container_is_set_as_the_embedded_one_but_for_its_addresses(tmp_path: Path) -> None:
    text = (ROOT / "deploy/containers/kafka/server.properties").read_text("utf-8")
    here = dict(line.split("=", 1) for line in text.splitlines() if line and not line.startswith("#"))
    there = server_properties(Layout(tmp_path), "/var/lib/kafka/data/log")
    addresses = {"listeners", "advertised.listeners", "listener.security.protocol.map"}
    file, variable = "${file:secrets.properties:broker}", "${env:KAFKA_BROKER_PASSWORD}"
    for key, value in there.items():
        if key not in addresses and not key.startswith("config.providers"):
            assert here[key] == value.replace(file, variable), key
            if key.startswith("listener.name.inner."):
                assert here[key.replace("inner", "outer", 1)] == here[key]
    assert "PLAINTEXT://" not in here["listeners"].replace("SASL_PLAINTEXT", "")


def test_every_service_gets_its_database() -> None:
    script = (ROOT / "deploy/containers/postgres/databases.sh").read_text("utf-8")
    assert f"for name in {' '.join(OURS)}; do" in script
