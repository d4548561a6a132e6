"""The Redis store: one project's state under one hash tag, changed by scripts that run inside Redis, one round trip a call."""

from mockapi.stores.redis.store import RedisStore

__all__ = ["RedisStore"]
