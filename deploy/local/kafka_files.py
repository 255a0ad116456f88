"""The files that Apache Kafka's one local node is started with, written anew before every start.

All names in them are relative to the node's folder, in which it runs, so that the data folder may be anywhere and
may be moved. Passwords stand in `secrets.properties` alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.layout import Layout

LOG_FOLDER = "log"

# Measured with the certificates' topics and bursts of 50,000 events read by three groups: 205 MB resident, and a heap
# of 128 MB would do. The C1 compiler alone starts faster and needs less memory and, over such bursts, less of the
# processors than C1 and C2 together.
JAVA_OPTIONS = (
    "-Xms48m",
    "-Xmx192m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseCompactObjectHeaders",
    "-XX:+ExitOnOutOfMemoryError",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
    "-Dlog4j2.configurationFile=log4j2.properties",
    "-Dlog4j2.disableJmx=true",
)

# To standard output, which the supervisor keeps in data/logs. Warnings, and that the node has started.
LOG4J = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss.SSS} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
"""

_LOGIN = 'required username="broker" password="${file:secrets.properties:broker}"'


def server_properties(
    layout: Layout, log_folder: str = LOG_FOLDER, advertised_port: int | None = None
) -> dict[str, str]:
    """The node's settings. `advertised_port` is where clients are told to go when it is not where the node listens.

    Clients log in to INNER with SCRAM-SHA-512; the controller's listener takes the broker alone (SCRAM does not work
    there, its credentials live in the controller's own log). Every right must be granted.
    """
    inner, controller = layout.port("kafka"), layout.port("kafka-controller")
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule"
    plain = "org.apache.kafka.common.security.plain.PlainLoginModule"
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"INNER://127.0.0.1:{inner},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"INNER://127.0.0.1:{advertised_port or inner}",
        "listener.security.protocol.map": "INNER:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "INNER",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.inner.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.inner.scram-sha-512.sasl.jaas.config": f"{scram} {_LOGIN};",
        "listener.name.controller.plain.sasl.jaas.config": (
            f'{plain} {_LOGIN} user_broker="${{file:secrets.properties:broker}}";'
        ),
        "config.providers": "file",
        "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:broker;User:admin",
        "allow.everyone.if.no.acl.found": "false",
        "log.dirs": log_folder,
        "auto.create.topics.enable": "false",
        "default.replication.factor": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
        # A killed node may register again only when its old session has run out; less than this fences it by mistake.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "log.cleaner.backoff.ms": "1000",
        "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),  # held for good; the default is half the heap
        "num.network.threads": "2",
        "num.io.threads": "4",
    }


def java_arguments(jars: Sequence[str], cache: str | None) -> str:
    """The argument file of the Java launcher; `cache` is the ahead-of-time cache, where there is one."""
    options = [*JAVA_OPTIONS, *([f"-XX:AOTCache={cache}", "-Xlog:aot*=off"] if cache else [])]
    return "\n".join([*options, "-cp", os.pathsep.join(f"jars/{jar}" for jar in jars)]) + "\n"


def properties(settings: Mapping[str, str]) -> str:
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def write(path: Path, content: str, mode: int = 0o644) -> None:
    """Write the file whole or not at all, never open to more than `mode`. Raises OSError."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(content)
    draft.replace(path)
