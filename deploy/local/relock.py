"""Make `jars.lock` anew, for a new version of Kafka: `python -m deploy.local.relock`.

Needs Maven (`mvn`), the one client that resolves Kafka's dependencies as Kafka's own build did. Users of the
stack never run this: they get each jar of the committed lock by itself.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from deploy.local.jars import LOCK, Jar

WANTED = (
    ("org.apache.kafka", "kafka_2.13", "4.3.1"),
    ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.24.3"),
    ("org.apache.logging.log4j", "log4j-core", "2.24.3"),
)


def project() -> str:
    """A Maven project that depends on what is wanted."""
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>"
        for group, artifact, version in WANTED
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>vn.motcua</groupId><artifactId>kafka</artifactId><version>1</version>"
        f"<dependencies>{dependencies}</dependencies></project>"
    )


def resolved(folder: Path) -> Iterator[Jar]:
    """The jars below a folder in the layout of a Maven repository: group/as/folders/artifact/version/file."""
    for path in sorted(folder.rglob("*.jar")):
        *group, artifact, version, _ = path.relative_to(folder).parts
        content = path.read_bytes()
        yield Jar(
            group=".".join(group),
            artifact=artifact,
            version=version,
            classifier=path.stem.removeprefix(f"{artifact}-{version}").removeprefix("-"),
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
        )


def main() -> None:
    maven = shutil.which("mvn")
    if maven is None:
        sys.exit("relock: Maven (mvn) is needed on the PATH")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pom.xml").write_text(project())
        subprocess.run(  # noqa: S603 - our own command, nothing from outside
            [maven, "--quiet", "--batch-mode", "dependency:copy-dependencies", "-DincludeScope=runtime",
             "-DoutputDirectory=jars", "-Dmdep.useRepositoryLayout=true"],
            cwd=folder,
            check=True,
        )  # fmt: skip
        lines = ",\n".join(json.dumps(asdict(jar)) for jar in resolved(folder / "jars"))
    LOCK.write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
