# One image, three commands: `prefect server start --host 0.0.0.0`, `calmops dashboard --host 0.0.0.0`
# (which demands CALMOPS_TOKEN), and the worker, which is the default.
# Secrets come from the environment at run time, never from here.
FROM python:3.11.13-bookworm AS build
WORKDIR /build
# LightGBM needs the library, and the slim image lacks it.
RUN cp "$(ldconfig -p | sed -n 's/.*libgomp\.so\.1.* => //p' | head -n 1)" libgomp.so.1
COPY . .
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir dist .

FROM python:3.11.13-slim-bookworm
WORKDIR /srv/calmops
COPY requirements.lock ./
COPY --from=build /build/libgomp.so.1 /usr/local/lib/libgomp.so.1
COPY --from=build /build/dist ./dist
RUN python -m pip install --no-cache-dir --constraint requirements.lock "$(echo dist/*.whl)[all]"
ENV LD_LIBRARY_PATH=/usr/local/lib
ENV HOME=/var/lib/calmops
ENV CALMOPS_HOME=/var/lib/calmops/home
ENV PREFECT_SERVER_ANALYTICS_ENABLED=false
ENV DO_NOT_TRACK=1
RUN install --directory --owner=1000 --group=1000 "$HOME" "$CALMOPS_HOME"
USER 1000:1000
VOLUME /var/lib/calmops
CMD ["prefect", "worker", "start", "--pool", "calmops", "--type", "process", "--with-healthcheck"]
