# Arrears and Airflow in one image: API server, scheduler, Dag processor, triggerer and workers differ by command alone.
ARG PYTHON_IMAGE=python:3.11.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
WORKDIR /opt/arrears
COPY requirements/bootstrap.txt requirements/runtime.txt requirements/
RUN python3 -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt \
 && /opt/venv/bin/uv pip install --quiet --no-cache --compile-bytecode --python /opt/venv/bin/python \
      --require-hashes -r requirements/runtime.txt

FROM ${PYTHON_IMAGE}
RUN useradd --system --uid 50000 --create-home --home-dir /opt/airflow arrears \
 && mkdir -p /opt/airflow/logs /opt/airflow/auth \
      /var/lib/arrears/lake /var/lib/arrears/reports /var/lib/arrears/outbox /var/lib/arrears/gateway \
 && chown -R arrears /opt/airflow /var/lib/arrears
COPY --from=packages /opt/venv /opt/venv
WORKDIR /opt/arrears
COPY pyproject.toml README.md ./
COPY plugins plugins
RUN /opt/venv/bin/uv pip install --quiet --no-cache --python /opt/venv/bin/python --no-deps --no-build-isolation --editable .
COPY include include
COPY dags dags
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/arrears/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/arrears/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    ARREARS_HOME=/var/lib/arrears \
    ARREARS_LAKE=/var/lib/arrears/lake \
    ARREARS_REPORTS=/var/lib/arrears/reports \
    ARREARS_RULES=/opt/arrears/include/rules \
    ARREARS_SQL=/opt/arrears/include/sql
USER arrears
CMD ["airflow", "version"]
