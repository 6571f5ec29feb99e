# As a service: docker compose up -d (compose.yml). By hand; the key comes from a file, so that no list of processes shows it:
# docker build -t cqs-sheets . && docker run -d --restart unless-stopped --stop-timeout 90 --env-file cqs-sheets.env -v "$PWD:/data" cqs-sheets
FROM python:3.12-slim
ARG REQUIREMENTS=requirements.txt
COPY .github/actions/${REQUIREMENTS} /source/requirements.txt
RUN pip install --no-cache-dir --require-hashes --no-deps -r /source/requirements.txt
COPY pyproject.toml README.md LICENSE /source/
COPY cqs_sheets /source/cqs_sheets
COPY templates /source/templates
RUN pip install --no-cache-dir --no-deps /source && rm -r /source && useradd --create-home cqs
USER cqs
WORKDIR /data
ENV CQS_HOME=/data/.cqs-sheets
ENTRYPOINT ["cqs-sheets"]
CMD ["watch", "--every", "60s"]
