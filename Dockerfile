# docker build -t cqs-sheets . && docker run -d --restart unless-stopped --stop-timeout 90 -v "$PWD:/data" cqs-sheets
FROM python:3.12-slim
COPY . /source
RUN pip install --no-cache-dir /source && rm -r /source && useradd --create-home cqs
USER cqs
WORKDIR /data
ENV CQS_HOME=/data/.cqs-sheets
ENTRYPOINT ["cqs-sheets"]
CMD ["watch", "--every", "60s"]
