# One image, three commands: `prefect server start --host 0.0.0.0`, `calmops dashboard`, and the
# worker, which is the default. Secrets come from the environment at run time, never from here.
FROM python:3.11.13-slim-bookworm AS build
WORKDIR /build
COPY . .
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir dist .

FROM python:3.11.13-slim-bookworm
WORKDIR /srv/calmops
COPY requirements.lock ./
COPY --from=build /build/dist ./dist
RUN python -m pip install --no-cache-dir --constraint requirements.lock "$(echo dist/*.whl)[all]"
ENV HOME=/var/lib/calmops
ENV CALMOPS_HOME=/var/lib/calmops/home
ENV PREFECT_SERVER_ANALYTICS_ENABLED=false
ENV DO_NOT_TRACK=1
RUN install --directory --owner=1000 --group=1000 "$HOME" "$CALMOPS_HOME"
USER 1000:1000
VOLUME /var/lib/calmops
CMD ["prefect", "worker", "start", "--pool", "calmops", "--type", "process"]
