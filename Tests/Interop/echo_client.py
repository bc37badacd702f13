"""A client on the websockets package against an echo server: exits with status 0 if every message came back."""

import asyncio
import os
import sys

from websockets.asyncio.client import connect


async def main(url):
    # No compression offered; then offered, which the server may decline.
    for compression in (None, "deflate"):
        async with connect(url, max_size=None, compression=compression) as connection:
            for length in (0, 1, 125, 126, 65535, 65536, 1 << 20):
                data = os.urandom(length)
                await connection.send(data)
                assert await connection.recv() == data, f"{length} bytes came back changed"
            await connection.send("käse ☕")
            assert await connection.recv() == "käse ☕"
            if compression is None:
                await connection.send(["in ", "three ", "fragments"])
                assert await connection.recv() == "in three fragments"
            await asyncio.wait_for(await connection.ping(b"ping"), 10)
            for number in range(1000):
                await connection.send(str(number))
            for number in range(1000):
                assert await connection.recv() == str(number)
        assert connection.close_code == 1000, connection.close_code


asyncio.run(asyncio.wait_for(main(sys.argv[1]), 60))
