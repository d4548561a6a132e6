"""All settings in one list, read once at the edge (the CLI, or `MockServer`)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mockapi.wire.limits import Limit

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server behaves; every field but `paths` is an option of `mockapi serve`, and `MOCKAPI_<FIELD>` in the environment.

    `paths` are scenario files and folders, `watch` reloads them when they change; `port` 0 picks a free one; `max_body`
    counts bytes; `poll_step` is how many seconds a poll moves a background run under the virtual clock; `zdr` are keys
    without data retention, `rate_limit` what every model has a minute where no scenario says it, `prices` a file of token
    prices; `max_responses` and `journal` bound what is remembered per project,
    `max_memory` (MB) that of all together; `tokens` says how `usage` is counted (`bpe`
    needs the extra `mockapi[tokens]`); `models` are globs, empty for any name; `api_keys` are the accepted keys, empty for
    any; `admin_key` guards the admin API when it is not empty; `allowed_hosts` are further names that the admin API may be
    called by, `*` for any; `fault_header` lets a request pick its fault by `X-Mock-Fault`; `cors` are the origins of web
    pages that may call the emulated API; `store` is `memory`, `sqlite:///FILE` or `redis://HOST:PORT/DB`, `workers` the processes
    that share it and the port; `webhook_url` are URLs that are told of every project's background responses,
    signed with `webhook_secret`, `webhook_hosts` the hosts beyond loopback that webhooks may go to (globs, `*` for any).
    """

    paths: tuple[Path, ...] = ()
    host: str = "127.0.0.1"
    port: int = 7357
    store: str = "memory"
    workers: int = 1
    clock: Literal["real", "virtual"] = "real"
    poll_step: float = 1.0
    seed: str = "mockapi"
    unmatched: Literal["auto", "error"] = "auto"
    unknown_ids: Literal["error", "create"] = "error"
    validation: Literal["on", "off"] = "on"
    history: Literal["strict", "lenient"] = "strict"
    capabilities: Literal["on", "off"] = "on"
    tokens: Literal["estimate", "bpe"] = "estimate"
    models: tuple[str, ...] = ()
    zdr: tuple[str, ...] = ()
    rate_limit: Limit | None = None
    prices: Path | None = None
    api_keys: tuple[str, ...] = ()
    admin_key: str = ""
    allowed_hosts: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    fault_header: bool = False
    webhook_url: tuple[str, ...] = ()
    webhook_secret: str = ""
    webhook_hosts: tuple[str, ...] = ()
    journal: int = 1_000
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    watch: bool = False
    max_body: int = 33_554_432
    max_responses: int = 100_000
    max_memory: int = 128
