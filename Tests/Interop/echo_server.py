"""An echo server on the websockets package, to test WSPerf against an implementation that shares no code with it.

Prints its URL on the first line of stdout and serves until SIGTERM comes or, where its stdin is a pipe or a socket, that
closes; then prints one line of JSON with what it saw. Meant to be started by Scripts/interop-server.
"""

import argparse
import asyncio
import json
import os
import resource
import signal
import ssl
import stat
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

seen = {"connections": 0, "messages": 0, "bytes": 0, "close_codes": {}}


async def echo(connection):
    seen["connections"] += 1
    try:
        async for message in connection:
            seen["messages"] += 1
            seen["bytes"] += len(message.encode()) if isinstance(message, str) else len(message)
            await connection.send(message)
    except ConnectionClosed:
        pass
    await connection.wait_closed()
    code = str(connection.close_code)
    seen["close_codes"][code] = seen["close_codes"].get(code, 0) + 1


async def main():
    parser = argparse.ArgumentParser(description="WebSocket echo server for interoperability tests")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--certificate", metavar="PEM", help="serve wss:// with this certificate")
    parser.add_argument("--key", metavar="PEM", help="and this private key")
    parser.add_argument("--compression", action="store_true", help="accept permessage-deflate if it is offered")
    parser.add_argument("--max-size", type=int, default=64 << 20, help="bytes a message may have")
    options = parser.parse_args()
    if bool(options.certificate) != bool(options.key):
        parser.error("--certificate and --key go together")

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    tls = None
    if options.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(options.certificate, options.key)

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(signal.SIGINT, ended.set)
    # A terminal or /dev/null, which is what a shell's background job has, says nothing about who started this.
    mode = os.fstat(0).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

        async def until_stdin_closes():
            while await reader.read(4096):
                pass
            ended.set()

        watching = asyncio.create_task(until_stdin_closes())
    async with serve(
        echo,
        options.host,
        options.port,
        ssl=tls,
        backlog=4096,
        compression="deflate" if options.compression else None,
        max_size=options.max_size,
        # A load test's pauses are no reason to hang up on it.
        ping_interval=None,
        open_timeout=60,
        close_timeout=5,
    ) as server:
        port = server.sockets[0].getsockname()[1]
        host = f"[{options.host}]" if ":" in options.host else options.host
        print(f"{'wss' if tls else 'ws'}://{host}:{port}/", flush=True)
        await ended.wait()
    print(json.dumps(seen), flush=True)


try:
    asyncio.run(main())
except (OSError, ssl.SSLError) as error:
    sys.exit(f"echo_server.py: {error}")
