# syntax=docker/dockerfile:1
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY mockapi ./mockapi
COPY scenarios ./scenarios
RUN python -m venv /opt/mockapi && /opt/mockapi/bin/pip install --no-cache-dir '.[redis]'

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home mockapi
COPY --from=build /opt/mockapi /opt/mockapi
COPY scenarios /scenarios
ENV PATH=/opt/mockapi/bin:$PATH PYTHONUNBUFFERED=1 MOCKAPI_HOST=0.0.0.0 MOCKAPI_ALLOWED_HOSTS=*
USER 10001
EXPOSE 7357
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD ["mockapi", "wait", "--timeout", "2s"]
ENTRYPOINT ["mockapi"]
CMD ["serve", "/scenarios"]
