# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY mockapi ./mockapi
RUN python -m venv /opt/mockapi && /opt/mockapi/bin/pip install --no-cache-dir .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home mockapi
COPY --from=build /opt/mockapi /opt/mockapi
COPY scenarios /scenarios
ENV PATH=/opt/mockapi/bin:$PATH PYTHONUNBUFFERED=1 MOCKAPI_HOST=0.0.0.0
USER mockapi
EXPOSE 7357
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7357/_mock/ready', timeout=2)"]
ENTRYPOINT ["mockapi"]
CMD ["serve", "/scenarios"]
