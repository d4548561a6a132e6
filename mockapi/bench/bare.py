"""The benchmark's yardstick: bare Starlette that returns given bytes; `python -m mockapi.bench.bare --help`."""

import argparse
import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import uvicorn
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["main"]


_Answer = tuple[dict[str, str], bytes]
Endpoint = Callable[[Request], Awaitable[Response]]
_ANSWERS = TypeAdapter(tuple[_Answer, _Answer])


def main(arguments: list[str]) -> None:
    """Serve the two answers in the file: the JSON one, and for requests with `"stream":true` the other.

    With `--paced`: the file's pieces at their times, by sse-starlette.
    """
    parser = argparse.ArgumentParser(prog="python -m mockapi.bench.bare", description=__doc__)
    parser.add_argument("file", type=Path, help="the answers, as the benchmark writes them")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--paced", action="store_true", help="the file has pieces with their times")
    parser.add_argument("--method", default="POST")
    parser.add_argument("--path", default="/v1/responses", help="the only one that is answered")
    parser.add_argument("--status", type=int, default=200)
    told = parser.parse_args(arguments)
    data = told.file.read_bytes()
    _serve(_paced(data) if told.paced else _ready(data, told.status), told.method, told.path, told.port)


def _paced(data: bytes) -> Endpoint:
    from sse_starlette.sse import EventSourceResponse  # noqa: PLC0415 - the other yardstick starts without it

    pieces = [(offset, text.encode()) for offset, text in TypeAdapter(list[tuple[float, str]]).validate_json(data)]

    async def play() -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for offset, piece in pieces:
            left = began + offset - loop.time()
            if left > 0:
                await asyncio.sleep(left)
            yield piece

    async def answer(request: Request) -> Response:
        await request.body()
        return EventSourceResponse(play(), sep="\n", ping=3600)

    return answer


def _ready(data: bytes, status: int) -> Endpoint:
    (json_headers, json_body), (stream_headers, stream_body) = _ANSWERS.validate_json(data)

    async def answer(request: Request) -> Response:
        body = await request.body()
        if b'"stream":true' in body:
            return Response(stream_body, status, stream_headers)
        return Response(json_body, status, json_headers)

    return answer


def _serve(answer: Endpoint, method: str, path: str, port: int) -> None:
    app = Starlette(routes=[Route(path, answer, methods=[method])])
    sock = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    startup = server.startup

    async def tell(sockets: list[socket.socket] | None = None) -> None:
        await startup(sockets)
        sys.stdout.write(f"ready on http://127.0.0.1:{sock.getsockname()[1]}/\n")
        sys.stdout.flush()

    server.startup = tell  # type: ignore[method-assign]
    server.run(sockets=[sock])


if __name__ == "__main__":
    main(sys.argv[1:])
