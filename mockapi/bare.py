"""The benchmark's yardstick: a bare Starlette route that returns given bytes. `python -m mockapi.bare BODIES --port N`."""

import socket
import sys
from pathlib import Path

import uvicorn
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

__all__ = ["main"]


_Answer = tuple[dict[str, str], bytes]
_ANSWERS = TypeAdapter(tuple[_Answer, _Answer])


def main(arguments: list[str]) -> None:
    """Serve the two answers in the file: the JSON one, and for requests with `"stream":true` the other."""
    (json_headers, json_body), (stream_headers, stream_body) = _ANSWERS.validate_json(Path(arguments[0]).read_bytes())

    async def answer(request: Request) -> Response:
        body = await request.body()
        if b'"stream":true' in body:
            return Response(stream_body, headers=stream_headers)
        return Response(json_body, headers=json_headers)

    app = Starlette(routes=[Route("/v1/responses", answer, methods=["POST"])])
    sock = socket.create_server(("127.0.0.1", int(arguments[2])))
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
